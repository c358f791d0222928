from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlhelpers.features.selection import (
    CorrelationFilter,
)


def classes_with_signal(n_rows=120, n_columns=8, signal=3, seed=0):
    """Two classes that the first `signal` columns separate; the others are noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, n_columns))
    X[:, :signal] += 1.5 * y[:, None]
    return pd.DataFrame(X, columns=[f"c{number}" for number in range(n_columns)]), y


# The filter


@parametrize_with_checks([CorrelationFilter(), CorrelationFilter(threshold=0.5)])
def test_filter_is_a_transformer_of_scikit_learn(estimator, check):
    check(estimator)


def test_later_of_two_alike_columns_is_dropped():
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(2, 50))
    X = pd.DataFrame({"a": a, "b": -2 * a + 1, "c": c, "d": c + 0.01 * a})
    fitted = CorrelationFilter(threshold=0.9).fit(X)
    assert fitted.get_feature_names_out().tolist() == ["a", "c"]
    assert fitted.partner_.tolist() == [-1, 0, -1, 2]
    assert fitted.correlation_[1] == pytest.approx(1)


def test_column_that_repeats_a_dropped_one_only_is_kept():
    rng = np.random.default_rng(1)
    a, noise, more = rng.normal(size=(3, 4000))
    b = a + 0.6 * noise  # correlates with a at 0.86
    c = b + 0.6 * more  # with b at 0.89, with a at 0.76
    fitted = CorrelationFilter(threshold=0.8).fit(np.column_stack([a, b, c]))
    assert fitted.get_support().tolist() == [True, False, True]


def test_constant_column_is_kept_and_warns_of_nothing(recwarn):
    X = np.column_stack([np.full(5, 0.1), np.arange(5.0), np.full(5, 0.1)])
    assert CorrelationFilter().fit(X).get_support().all()
    assert not recwarn


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_filter_does_not_depend_on_the_unit(scale):
    X = np.random.default_rng(2).normal(size=(30, 3))
    X[:, 2] = X[:, 0] + 0.1 * X[:, 1]
    assert CorrelationFilter().fit(X * scale).partner_.tolist() == [-1, -1, 0]


@settings(max_examples=60, deadline=None)
@given(
    X=arrays(np.float64, (12, 5), elements=st.integers(-5, 5).map(float)),
    threshold=st.sampled_from([0.3, 0.6, 0.9]),
)
def test_kept_columns_never_correlate_above_the_threshold_and_dropped_ones_do(X, threshold):
    fitted = CorrelationFilter(threshold=threshold).fit(X)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.nan_to_num(np.abs(np.corrcoef(X.T)))
    keep = fitted.get_support()
    assert (between[np.ix_(keep, keep)] - np.eye(keep.sum()) <= threshold + 1e-9).all()
    for column in np.flatnonzero(~keep):
        partner = fitted.partner_[column]
        assert partner < column and keep[partner]
        assert between[column, partner] == pytest.approx(fitted.correlation_[column])
        assert between[column, partner] > threshold - 1e-9


def test_filter_survives_clone_pickle_and_skops():
    X, y = classes_with_signal()
    fitted = CorrelationFilter(threshold=0.2).fit(X, y)
    assert clone(fitted).get_params() == {"threshold": 0.2}
    stored = skops.io.dumps(fitted)
    trusted = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("mlhelpers.features.selection") for name in trusted)
    for copy in (pickle.loads(pickle.dumps(fitted)), skops.io.loads(stored, trusted=trusted)):
        pd.testing.assert_frame_equal(pd.DataFrame(copy.transform(X)), pd.DataFrame(fitted.transform(X)))


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "high", None, True, float("nan")])
def test_filter_names_a_wrong_threshold(threshold):
    with pytest.raises(ValueError, match="threshold must be a number from 0 to 1"):
        CorrelationFilter(threshold=threshold).fit(np.eye(3))
