from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import f_classif, f_regression

from mlhelpers.features.selection.methods import LassoPath, correlation_score


def classes_with_signal(n_rows=120, n_columns=8, signal=3, seed=0):
    """Two classes that the first `signal` columns separate; the others are noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, n_columns))
    X[:, :signal] += 1.5 * y[:, None]
    return pd.DataFrame(X, columns=[f"c{number}" for number in range(n_columns)]), y


# The methods


def test_correlation_score_is_that_of_scikit_learn():
    X, y = classes_with_signal()
    n, f = len(y), f_classif(X, y)[0]
    assert correlation_score(X, y, classify=True) == pytest.approx(f / (f + n - 2))
    values = X["c0"] + np.arange(n)
    f = f_regression(X, values)[0]
    assert correlation_score(X, values) == pytest.approx(f / (f + n - 2))


def test_constant_column_scores_zero():
    X = np.column_stack([np.ones(6), np.arange(6)])
    assert correlation_score(X, np.arange(6))[0] == 0
    assert correlation_score(X, np.arange(6) % 2, classify=True)[0] == 0


@pytest.mark.parametrize("kind", ["numbers", "two classes", "three classes"])
def test_lasso_path_keeps_at_most_k_and_the_signal_first(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10)) * 10.0 ** np.arange(10)  # units differ by a factor of 1e9
    signal = X[:, 2] / 1e2 + X[:, 7] / 1e7
    y = {"numbers": signal, "two classes": signal > 0, "three classes": np.digitize(signal, [-1, 1])}[kind]
    for k in (2, 5):
        chosen = np.flatnonzero(LassoPath(k, classify=kind != "numbers").fit(X, y).get_support())
        assert len(chosen) <= k and {2, 7} <= set(chosen)
