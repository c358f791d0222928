import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.model_selection import validation_curve as sklearn_validation_curve
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlhelpers.training.diagnostics import (
    bias_variance,
    complexity_curve,
    learning_curve,
    plot_bias_variance,
    validation_curve,
    verdict,
)

X_TEST = np.linspace(-1, 1, 15).reshape(-1, 1)


def bend(X):
    return np.asarray(X)[:, 0] ** 2


def draw(rng, n=30, sd=0.3):
    X = rng.uniform(-1, 1, (n, 1))
    return X, bend(X) + sd * rng.standard_normal(n)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((300, 3)), columns=list("abc"))
    y = (X["a"] * X["b"] + 0.3 * rng.standard_normal(300) > 0).astype(int)
    return X, y


@pytest.fixture(scope="module")
def regression():
    return draw(np.random.default_rng(1), n=200)


@pytest.fixture(scope="module")
def depths(rows):
    return validation_curve(
        DecisionTreeClassifier(random_state=0), *rows, param="max_depth", values=[1, 3, None], cv=4
    )


@pytest.fixture(scope="module")
def tree_curve(rows):
    model = DecisionTreeClassifier(random_state=0)
    return learning_curve(model, *rows, train_sizes=[40, 0.5, 240], cv=5, scoring="accuracy")


def test_learning_curve_has_the_sizes_asked_for_in_rows(tree_curve):
    assert tree_curve.validation.index.tolist() == [40, 120, 240]
    assert tree_curve.name == "train_size" and tree_curve.scoring == "accuracy"


def test_a_deep_tree_learns_every_training_row(tree_curve):
    assert (tree_curve.train == 1.0).all(axis=None)


def test_gap_is_the_difference_of_the_two_scores(tree_curve):
    table = tree_curve.table
    assert np.allclose(table["gap"], table["train"] - table["validation"])
    assert (table["gap_low"] <= table["gap"]).all() and (table["gap"] <= table["gap_high"]).all()
    assert np.allclose(table["validation_sd"], tree_curve.validation.std(axis=1))


def test_scores_agree_with_scikit_learn_on_the_same_folds(regression):
    X, y = regression
    folds = list(KFold(4, shuffle=True, random_state=3).split(X))
    ours = validation_curve(
        Ridge(), X, y, param="alpha", values=[0.1, 10.0], cv=KFold(4, shuffle=True, random_state=3)
    )
    train, test = sklearn_validation_curve(
        Ridge(), X, y, param_name="alpha", param_range=[0.1, 10.0], cv=folds
    )
    assert np.allclose(ours.train, train) and np.allclose(ours.validation, test)


def test_complexity_curve_equals_the_validation_curve_of_the_same_models(rows, depths):
    models = {depth: DecisionTreeClassifier(max_depth=depth, random_state=0) for depth in (1, 3)}
    curve = complexity_curve(models, *rows, name="depth", cv=4)
    assert np.allclose(curve.validation, depths.validation.iloc[:2])
    assert curve.name == "depth" and curve.kind == "complexity"


def test_values_that_are_no_numbers_are_named_by_their_text(depths):
    assert depths.validation.index.tolist() == ["1", "3", "None"]


def test_same_seed_same_curve(rows):
    model = LogisticRegression()
    first, again, other = (
        learning_curve(model, *rows, train_sizes=[30, 60], cv=3, random_state=seed) for seed in (0, 0, 1)
    )
    assert first.validation.equals(again.validation) and not first.validation.equals(other.validation)


def test_change_is_paired_by_fold_and_zero_to_itself(tree_curve):
    assert tree_curve.change(40, 40) == (0.0, 0.0, 0.0)
    value, low, high = tree_curve.change(40, 240)
    means = tree_curve.validation.mean(axis=1)
    assert value == pytest.approx(means[240] - means[40]) and low < value < high


def test_unknown_point_is_named(tree_curve):
    with pytest.raises(ValueError, match="no point 41"):
        tree_curve.change(41, 240)


def test_higher_level_gives_a_wider_interval(rows):
    model = DecisionTreeClassifier(max_depth=2, random_state=0)
    narrow, wide = (
        learning_curve(model, *rows, train_sizes=[0.5, 1.0], cv=3, level=level).table for level in (0.8, 0.99)
    )
    assert (wide["gap_high"] - wide["gap_low"] > narrow["gap_high"] - narrow["gap_low"]).all()


def test_best_is_the_highest_mean(depths):
    assert depths.best == depths.table["validation"].idxmax()


def test_deep_tree_is_called_overfitting_with_the_gap_as_evidence(tree_curve):
    found = verdict(tree_curve)
    assert "overfitting" in found.words
    assert found.table.loc["train - validation", "low"] > 0


def test_more_data_helps_is_said_when_the_last_step_gains(rows):
    X, y = regression_of_line()
    curve = learning_curve(KNeighborsRegressor(1), X, y, train_sizes=[20, 400], cv=5)
    assert "more data helps" in verdict(curve).words


def regression_of_line():
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (500, 2))
    return X, X.sum(axis=1) + 0.05 * rng.standard_normal(500)


@pytest.mark.parametrize(("degree", "word"), [(1, "underfitting"), (2, "at the noise floor")])
def test_reference_tells_underfitting_from_the_noise_floor(degree, word):
    X, y = draw(np.random.default_rng(1), n=1500)
    model = make_pipeline(PolynomialFeatures(degree), LinearRegression())
    curve = learning_curve(model, X, y, train_sizes=[0.5, 1.0], scoring="neg_mean_squared_error")
    assert verdict(curve, reference=-0.09).words[0] == word
    assert word not in verdict(curve).words


def test_constant_model_without_reference_stays_undecided(rows):
    curve = learning_curve(
        DummyClassifier(strategy="constant", constant=1), *rows, train_sizes=[60, 200], cv=4
    )
    assert verdict(curve).words == ("undecided",)


def test_words_are_ordered_by_their_amount(tree_curve):
    held = verdict(tree_curve, reference=1.5).table.query("verdict != ''")
    words = verdict(tree_curve, reference=1.5).words
    assert list(words) == held.sort_values("value", ascending=False)["verdict"].tolist()
    assert {"overfitting", "underfitting"} <= set(words)


def test_points_of_a_validation_curve_are_judged_against_the_best():
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, (300, 1))
    y = np.sin(5 * X[:, 0]) + 0.5 * rng.standard_normal(300)
    curve = validation_curve(
        DecisionTreeRegressor(random_state=0), X, y, param="max_depth", values=[1, 4, 30], cv=5, repeats=2
    )
    found = verdict(curve)
    assert found.words == ("underfitting", "as good as the best", "overfitting")
    assert found.text.startswith("best max_depth 4") and "overfitting: 30" in found.text


@pytest.mark.parametrize("reference", [float("nan"), float("inf")])
def test_reference_that_is_no_score_is_refused(tree_curve, reference):
    with pytest.raises(ValueError, match="reference"):
        verdict(tree_curve, reference=reference)


def test_reference_is_refused_for_other_curves(depths):
    with pytest.raises(ValueError, match="no meaning for a validation curve"):
        verdict(depths, reference=0.9)


@pytest.mark.parametrize("sizes", [[50], [100, 50], [50, 50], [0, 10], [10, 1000], [0.5, 1.5], [True, 20]])
def test_training_sizes_that_do_not_fit_are_named(rows, sizes):
    with pytest.raises(ValueError, match="train_sizes"):
        learning_curve(LogisticRegression(), *rows, train_sizes=sizes)


def test_unknown_parameter_is_named(rows):
    with pytest.raises(ValueError, match="param='depth'"):
        validation_curve(DecisionTreeClassifier(), *rows, param="depth", values=[1, 2])


@pytest.mark.parametrize("values", [[1], [2, 2]])
def test_too_few_values_are_refused(rows, values):
    with pytest.raises(ValueError, match="values must hold"):
        validation_curve(DecisionTreeClassifier(), *rows, param="max_depth", values=values)


def test_a_single_model_is_refused(rows):
    with pytest.raises(ValueError, match="models must hold"):
        complexity_curve({"one": LogisticRegression()}, *rows)


def test_a_fit_that_fails_is_not_hidden(rows):
    with pytest.raises(ValueError):
        validation_curve(LogisticRegression(), *rows, param="C", values=[1.0, -1.0], cv=3)


def test_curves_and_verdicts_show_themselves(tree_curve, depths):
    assert str(tree_curve).startswith("learning curve of accuracy, 5 folds, 95% intervals")
    assert "<table" in tree_curve._repr_html_() and "_sd" not in repr(tree_curve)
    for curve in (tree_curve, depths):
        found = verdict(curve)
        assert found.text in repr(found) and "<table" in found._repr_html_()


def test_plots_return_the_axes_they_were_given(tree_curve, depths, regression):
    _, ax = plt.subplots()
    assert tree_curve.plot(ax) is ax and ax.get_xlabel() == "training rows"
    ticks = [label.get_text() for label in depths.plot().get_xticklabels()]
    assert ticks == ["1", "3", "None"]
    wide = validation_curve(Ridge(), *regression, param="alpha", values=[0.01, 1.0, 100.0])
    assert wide.plot().get_xscale() == "log"
    assert tree_curve.plot().get_xscale() == "linear"
    plt.close("all")


@given(st.integers(3, 25), st.floats(0, 2), st.integers(0, 2**20))
@settings(max_examples=30, deadline=None)
def test_parts_add_up_to_the_error_against_the_truth(n_sets, noise_sd, seed):
    found = bias_variance(
        LinearRegression(), draw, X_TEST, bend(X_TEST), noise_sd=0.0, n_sets=n_sets, random_state=seed
    )
    assert found.total == pytest.approx(found.table.loc["error", "value"], abs=1e-10)
    noisy = bias_variance(
        LinearRegression(), draw, X_TEST, bend(X_TEST), noise_sd=noise_sd, n_sets=n_sets, random_state=seed
    )
    assert noisy.table.loc["noise", "value"] == pytest.approx(noise_sd**2)


@pytest.mark.parametrize("degree", [1, 2, 8])
def test_bias_variance_and_noise_add_up_to_the_measured_error(degree):
    model = make_pipeline(PolynomialFeatures(degree), Ridge(1e-3))
    found = bias_variance(model, draw, X_TEST, bend(X_TEST), noise_sd=0.3, n_sets=400)
    low, high = found.table.loc["error", ["low", "high"]]
    assert low - 0.003 < found.total < high + 0.003


def test_a_line_has_the_known_variance_and_no_bias_on_a_line():
    X = np.column_stack([np.linspace(-1, 1, 20)])
    H = np.column_stack([np.ones(20), X[:, 0]])
    T = np.column_stack([np.ones(15), X_TEST[:, 0]])
    exact = np.mean(np.einsum("ij,jk,ik->i", T, np.linalg.inv(H.T @ H), T))

    def line(rng):
        return X, 1 + 2 * X[:, 0] + rng.standard_normal(20)

    found = bias_variance(LinearRegression(), line, X_TEST, 1 + 2 * X_TEST[:, 0], noise_sd=1.0, n_sets=500)
    assert found.table.loc["variance", "low"] < exact < found.table.loc["variance", "high"]
    assert abs(found.table.loc["bias2", "value"]) < 3 * exact / 500


def test_intervals_cover_the_known_variance_as_often_as_they_promise():
    exact = 1 / 20  # the mean of 20 values of variance 1

    def ones(rng):
        return np.zeros((20, 1)), rng.standard_normal(20)

    hits = 0
    for seed in range(150):
        table = bias_variance(DummyRegressor(), ones, [[0.0]], [0.0], n_sets=40, random_state=seed).table
        hits += table.loc["variance", "low"] < exact < table.loc["variance", "high"]
    assert 0.85 < hits / 150 <= 1.0


def test_a_model_that_never_changes_has_no_variance():
    found = bias_variance(
        DummyRegressor(strategy="constant", constant=1.0), draw, X_TEST, bend(X_TEST), n_sets=5
    )
    assert found.table.loc["variance", "value"] == 0
    assert found.table.loc["bias2", "value"] == pytest.approx(np.mean((1 - bend(X_TEST)) ** 2))


def test_noise_may_differ_between_points():
    sd = np.linspace(0, 1, 15)
    found = bias_variance(LinearRegression(), draw, X_TEST, bend(X_TEST), noise_sd=sd, n_sets=5)
    assert np.allclose(found.points["noise"], sd**2)


class Remembers(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.kind_ = type(X)
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        assert self.kind_ is pd.DataFrame or self.kind_ is np.ndarray
        return np.full(len(X), self.mean_)


@pytest.mark.parametrize("frame", [True, False])
def test_bootstrap_of_one_set_gives_the_variance_of_a_mean(frame):
    X, y = draw(np.random.default_rng(0), n=50)
    X = pd.DataFrame(X) if frame else X.tolist()
    found = bias_variance(Remembers(), (X, y), X_TEST, bend(X_TEST), n_sets=300)
    assert found.table.loc["variance", "value"] == pytest.approx(y.var() / 50, rel=0.3)


def test_same_seed_same_parts():
    def run(seed):
        return bias_variance(LinearRegression(), draw, X_TEST, bend(X_TEST), n_sets=4, random_state=seed)

    assert run(1).table.equals(run(1).table) and not run(1).table.equals(run(2).table)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_sets": 2}, "n_sets"),
        ({"n_sets": 2.5}, "n_sets"),
        ({"noise_sd": -1.0}, "noise_sd must be at least 0"),
        ({"noise_sd": float("nan")}, "noise_sd must be at least 0"),
        ({"noise_sd": [1.0, 2.0]}, "one for each row"),
        ({"truth": [0.0]}, "truth must have one value"),
        ({"level": 95}, "level"),
        ({"data": ([[1.0], [2.0]], [1.0])}, "X has 2 rows and y has 1"),
    ],
)
def test_wrong_inputs_of_the_decomposition_are_named(changed, message):
    given = {"data": draw, "truth": bend(X_TEST)} | changed
    with pytest.raises(ValueError, match=message):
        bias_variance(LinearRegression(), given.pop("data"), X_TEST, given.pop("truth"), **given)


def test_data_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="data must be a function"):
        bias_variance(LinearRegression(), 3, X_TEST, bend(X_TEST))


def test_decomposition_shows_itself_and_is_drawn():
    found = bias_variance(LinearRegression(), draw, X_TEST, bend(X_TEST), n_sets=5, noise_sd=0.3)
    assert str(found).startswith("5 training sets, 15 test points, 95% intervals")
    assert "bias2" in repr(found) and "<table" in found._repr_html_()
    _, ax = plt.subplots()
    assert plot_bias_variance({"line": found}, ax=ax) is ax
    assert len(plot_bias_variance({"a": found, "b": found}).patches) == 6
    plt.close("all")
    with pytest.raises(ValueError, match="results is empty"):
        plot_bias_variance({})
