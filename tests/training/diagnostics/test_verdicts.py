import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlhelpers.training.diagnostics import (
    learning_curve,
    validation_curve,
    verdict,
)


def bend(X):
    return np.asarray(X)[:, 0] ** 2


def draw(rng, n=30, sd=0.3):
    X = rng.uniform(-1, 1, (n, 1))
    return X, bend(X) + sd * rng.standard_normal(n)


@pytest.fixture(scope="module")
def depths(rows):
    return validation_curve(
        DecisionTreeClassifier(random_state=0), *rows, param="max_depth", values=[1, 3, None], cv=4
    )


@pytest.fixture(scope="module")
def tree_curve(rows):
    model = DecisionTreeClassifier(random_state=0)
    return learning_curve(model, *rows, train_sizes=[40, 0.5, 240], cv=5, scoring="accuracy")


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


def test_curves_and_verdicts_show_themselves(tree_curve, depths):
    assert str(tree_curve).startswith("learning curve of accuracy, 5 folds, 95% intervals")
    assert "<table" in tree_curve._repr_html_() and "_sd" not in repr(tree_curve)
    for curve in (tree_curve, depths):
        found = verdict(curve)
        assert found.text in repr(found) and "<table" in found._repr_html_()
