"""Permutation importance and ablation: agreement with scikit-learn, with arithmetic, and with chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import brier_score_loss, mean_absolute_error, r2_score, roc_auc_score
from sklearn.svm import SVC

from mlhelpers.features.selection import METRICS, permutation_importance_intervals
from mlhelpers.features.selection.importance import _weighted


def twins(n_rows=400, seed=0):
    """Two columns that say the same, one that adds to them, one of noise; a label and a value."""
    rng = np.random.default_rng(seed)
    a, c, noise = rng.normal(size=(3, n_rows))
    X = pd.DataFrame({"a": a, "copy": a + 0.05 * rng.normal(size=n_rows), "c": c, "noise": noise})
    value = 2 * a + c + rng.normal(size=n_rows)
    return X, (value > 0).astype(int), value


def held_out(model, target="label", **settings_):
    X, label, value = twins(**settings_)
    y, half = (label if target == "label" else value), len(X) // 2
    return model.fit(X[:half], y[:half]), X[half:], y[half:]


@pytest.mark.parametrize("seed", range(3))
def test_permuting_a_useless_column_costs_nothing(seed):
    class First(ClassifierMixin, BaseEstimator):
        classes_ = np.array([0, 1])

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            p = 1 / (1 + np.exp(-X["a"].to_numpy()))
            return np.column_stack([1 - p, p])

    table = permutation_importance_intervals(*held_out(First(), seed=seed), random_state=seed)
    assert table.loc[["copy", "c", "noise"], ["importance", "low", "high"]].eq(0).all(axis=None)
    assert table.index[0] == "a" and table.loc["a", "low"] > 0.1


def test_noise_column_of_a_fitted_model_is_near_zero_with_an_interval_around_zero():
    table = permutation_importance_intervals(*held_out(LogisticRegression(), n_rows=1000))
    assert abs(table.loc["noise", "importance"]) < 0.01
    assert table.loc["noise", "low"] < 0.002 and table.loc["noise", "high"] > -0.002
    assert ((table["low"] <= table["importance"]) & (table["importance"] <= table["high"])).all()


def test_importance_agrees_with_scikit_learn():
    model, X, y = held_out(LogisticRegression())
    ours = permutation_importance_intervals(model, X, y, n_repeats=200, n_resamples=1)
    theirs = permutation_importance(model, X, y, scoring="roc_auc", n_repeats=200, random_state=1)
    assert ours.loc[X.columns, "importance"].to_numpy() == pytest.approx(theirs.importances_mean, abs=0.006)


def test_twins_look_unimportant_alone_and_important_together():
    X, _, value = twins(n_rows=2000)
    X = X.assign(copy=X["a"] + 1e-6 * X["noise"])
    model = LinearRegression().fit(X[["a", "copy", "c"]], value)
    model.coef_ = np.array([1.0, 1.0, 1.0])  # both share the weight
    used = X[["a", "copy", "c"]]
    alone = permutation_importance_intervals(model, used, value, metric="r2")
    both = permutation_importance_intervals(model, used, value, metric="r2", groups={"both": ["a", "copy"]})
    # Shuffled alone the error gains 2 var(a), together 2 var(2a): four times as much.
    assert both.loc["both", "importance"] / alone.loc["a", "importance"] == pytest.approx(4, rel=0.1)
    assert both["n_columns"].to_dict() == {"both": 2, "c": 1}


def test_interval_covers_the_importance_on_endless_rows():
    # A fixed model that ranks by a: AUC of the population against 0.5 after the shuffle.
    rng = np.random.default_rng(0)
    big = rng.normal(size=200_000)
    label = (big + rng.normal(size=len(big)) > 0).astype(int)
    true = roc_auc_score(label, big) - 0.5
    model = LogisticRegression().fit(big[:2000, None], label[:2000])
    covered = 0
    for seed in range(60):
        rows = np.random.default_rng(seed).integers(0, len(big), 150)
        row = permutation_importance_intervals(
            model, big[rows, None], label[rows], n_repeats=5, n_resamples=200, random_state=seed
        ).iloc[0]
        covered += row["low"] <= true <= row["high"]
    assert 0.85 <= covered / 60 <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_puts_the_used_column_first(metric):
    numbers = metric in ("r2", "mae")
    model = LinearRegression() if numbers else LogisticRegression()
    fitted, X, y = held_out(model, target="value" if numbers else "label")
    table = permutation_importance_intervals(fitted, X, y, metric=metric, groups={"a": ["a", "copy"]})
    assert table.index[0] == "a" and table.loc["a", "low"] > 0
    assert table["importance"].is_monotonic_decreasing


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), rounded=st.booleans())
def test_weighted_metrics_are_those_of_scikit_learn(seed, rounded):
    rng = np.random.default_rng(seed)
    y, p = np.r_[0.0, 1.0, rng.integers(0, 2, 18)], rng.random(20)
    p = p.round(1) if rounded else p
    weights = rng.integers(1, 4, (3, 20)).astype(float)
    for metric, theirs in {
        "roc_auc": roc_auc_score, "brier": brier_score_loss, "r2": r2_score, "mae": mean_absolute_error,
    }.items():  # fmt: skip
        expected = [theirs(y, p, sample_weight=w) for w in weights]
        assert _weighted(metric, y, p, weights) == pytest.approx(expected)


def test_importance_is_the_same_for_a_seed():
    given_ = held_out(LogisticRegression())
    a, b, c = (permutation_importance_intervals(*given_, random_state=s) for s in (4, 4, 5))
    pd.testing.assert_frame_equal(a, b)
    assert not a.equals(c)


def test_decision_function_other_labels_and_number_names_are_taken():
    X, label, _ = twins()
    names = np.where(label == 1, "yes", "no")
    model = SVC(kernel="linear").fit(X, names)
    assert permutation_importance_intervals(model, X, names, n_repeats=2).loc["c", "importance"] > 0
    numbered = X.set_axis([0, 1, 2, 3], axis=1)
    model = LogisticRegression().fit(numbered, label)
    assert permutation_importance_intervals(model, numbered, label, groups={"g": [0, 1]}).index[0] == "g"


def test_rows_and_model_stay_as_they_are():
    model, X, y = held_out(LogisticRegression())
    before, weights = X.copy(), model.coef_.copy()
    permutation_importance_intervals(model, X, y)
    pd.testing.assert_frame_equal(X, before)
    assert np.array_equal(model.coef_, weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "beauty"}, "unknown metric 'beauty'; there are: roc_auc"),
        ({"n_repeats": 0}, "n_repeats must be a whole number from 1 on"),
        ({"n_resamples": 2.5}, "n_resamples must be a whole number from 1 on"),
        ({"level": 1}, "level must lie between 0 and 1"),
        ({"groups": {"g": ["zip"]}}, "column 'zip', which X has not"),
        ({"groups": {"g": ["a"], "h": ["a"]}}, "column 'a' is in 'g' and in 'h'"),
        ({"groups": {"g": "a"}}, "must list its columns"),
        ({"groups": {}}, "groups is empty"),
        ({"y": np.ones(3)}, "one value for each of the 200 rows"),
        ({"y": np.ones(200)}, "needs both of the model's two classes"),
    ],
)
def test_importance_names_what_is_wrong(change, message):
    model, X, y = held_out(LogisticRegression())
    y = change.pop("y", y)
    with pytest.raises(ValueError, match=message):
        permutation_importance_intervals(model, X, y, **change)


def test_brier_needs_probabilities():
    model, X, y = held_out(RidgeClassifier())
    with pytest.raises(ValueError, match="predict_proba"):
        permutation_importance_intervals(model, X, y, metric="brier")
