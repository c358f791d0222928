import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from mlhelpers.training.diagnostics import (
    bias_variance,
    plot_bias_variance,
)

X_TEST = np.linspace(-1, 1, 15).reshape(-1, 1)


def bend(X):
    return np.asarray(X)[:, 0] ** 2


def draw(rng, n=30, sd=0.3):
    X = rng.uniform(-1, 1, (n, 1))
    return X, bend(X) + sd * rng.standard_normal(n)


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
