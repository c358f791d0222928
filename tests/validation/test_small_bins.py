"""Bins of equally many rows: ties stay together, few values are a bin each, no bin of one row at the top."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.validation.metrics import calibration_table, expected_calibration_error
from mlhelpers.validation.metrics.rules import quantile_bins
from mlhelpers.validation.report import validation_report


def test_calibration_error_of_three_distinct_scores():
    p = np.repeat([0.2, 0.5, 0.8], 100)
    y = np.concatenate([np.repeat([1, 0], [n, 100 - n]) for n in (20, 80, 50)])
    assert expected_calibration_error(y, p) == pytest.approx(0.2, abs=1e-12)
    assert calibration_table(y, p)["n"].tolist() == [100, 100, 100]


def test_many_zeros_leave_no_bin_of_one_row_at_the_top():
    rng = np.random.default_rng(0)
    p = np.r_[np.zeros(500), rng.random(500)]
    assert calibration_table(rng.integers(0, 2, 1000), p)["n"].tolist() == [500, 100, 100, 100, 100, 100]


def test_residuals_of_three_distinct_predictions_are_three_rows():
    prediction = np.repeat([1.0, 2.0, 3.0], 100)
    report = validation_report(
        prediction + np.repeat([0.0, 1.0, -1.0], 100), prediction, name="m", version="1", purpose="a",
        not_for="b", limitations=["c"], task="regression", n_resamples=20,
    )  # fmt: skip
    assert report.tables["residuals"]["predicted"].tolist() == [1, 2, 3]
    assert report.tables["residuals"]["residual"].tolist() == [0, 1, -1]


def test_one_value_is_one_bin():
    assert quantile_bins(np.full(7, 0.4), 10).tolist() == [0] * 7


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 10))
def test_equal_values_share_a_bin_and_bins_follow_the_values(values, bins):
    values = np.array(values, dtype=float)
    number = quantile_bins(values, bins)
    order = np.argsort(values, kind="stable")
    assert (np.diff(number[order]) >= 0).all()
    for value in np.unique(values):
        assert len(np.unique(number[values == value])) == 1
    if len(np.unique(values)) <= bins:
        assert len(np.unique(number)) == len(np.unique(values))


@given(st.integers(0, 100), st.integers(1, 12))
def test_continuous_scores_are_cut_at_their_quantiles(seed, bins):
    p = np.random.default_rng(seed).random(200)
    edges = np.quantile(p, np.linspace(0, 1, bins + 1))
    assert (quantile_bins(p, bins) == np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)).all()
