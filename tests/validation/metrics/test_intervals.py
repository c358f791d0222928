import time
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as reference

from mlhelpers.validation import (
    bootstrap_intervals,
    calibration_table,
    classification_metrics,
    paired_difference,
    wilson_interval,
)

RNG = np.random.default_rng(3)
Y = (RNG.random(500) < 0.3).astype(int)
P = np.clip(0.25 * Y + 0.7 * RNG.random(500), 0, 1)


def test_interval_holds_the_value_and_repeats_itself():
    table = bootstrap_intervals(Y, P, metrics=("roc_auc", "brier", "f1"), n_resamples=200)
    assert table["metric"].tolist() == ["roc_auc", "brier", "f1"]
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    pd.testing.assert_frame_equal(
        table, bootstrap_intervals(Y, P, metrics=("roc_auc", "brier", "f1"), n_resamples=200)
    )


def test_interval_of_a_mean_agrees_with_theory():
    found = bootstrap_intervals(Y, P, metrics=["calibration_gap"], n_resamples=4000).iloc[0]
    error = np.std(Y - P) / np.sqrt(len(Y))
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(200):
        p = rng.random(150)
        y = (rng.random(150) < p).astype(int)
        found = bootstrap_intervals(y, p, metrics=["calibration_gap"], n_resamples=200, random_state=seed)
        covered += found["low"][0] <= 0 <= found["high"][0]
    assert 0.88 <= covered / 200 <= 0.99


def test_stratified_resampling_keeps_the_share_of_positives():
    table = bootstrap_intervals(Y, np.full(500, 0.3), metrics=["calibration_gap"], stratified=True)
    assert table["high"][0] - table["low"][0] == pytest.approx(0, abs=1e-12)


def test_one_class_gives_an_interval_where_one_is_defined():
    table = bootstrap_intervals(
        [1] * 20, P[:20], metrics=["roc_auc", "brier"], stratified=True, n_resamples=50
    )
    assert table.loc[0, ["value", "low", "high"]].isna().all()
    assert table.loc[1, ["value", "low", "high"]].notna().all()


def test_work_in_several_blocks_gives_one_interval():
    y, p = np.tile(Y, 10), np.tile(P, 10)
    found = bootstrap_intervals(y, p, metrics=["brier"], n_resamples=450)  # two blocks
    assert found["low"][0] < found["value"][0] < found["high"][0]


def test_thousand_resamples_of_three_thousand_rows_are_quick():
    y, p = np.tile(Y, 6), np.tile(P, 6)
    start = time.perf_counter()
    bootstrap_intervals(y, p)
    assert time.perf_counter() - start < 5  # about 0.4 s on an idle machine


def test_paired_difference_is_narrower_than_the_single_intervals():
    better = np.clip(P + 0.05 * (2 * Y - 1), 0, 1)
    single = bootstrap_intervals(Y, P, metrics=["roc_auc"]).iloc[0]
    pair = paired_difference(Y, P, better)
    assert 0 < pair["low"] < pair["value"] < pair["high"]
    assert pair["high"] - pair["low"] < 0.5 * (single["high"] - single["low"])
    expected = reference.roc_auc_score(Y, better) - reference.roc_auc_score(Y, P)
    assert pair["value"] == pytest.approx(expected, abs=1e-12)


def test_paired_difference_of_a_model_with_itself_is_zero():
    assert paired_difference(Y, P, P, "log_loss", n_resamples=20) == {"value": 0, "low": 0, "high": 0}


def test_paired_difference_changes_sign_with_the_order():
    one, two = paired_difference(Y, P, P**2, "brier"), paired_difference(Y, P**2, P, "brier")
    assert one["value"] == pytest.approx(-two["value"])
    assert one["low"] == pytest.approx(-two["high"])


def test_unusable_options_are_refused():
    with pytest.raises(ValueError, match=r"unknown metrics \['auc'\]; choose from roc_auc"):
        bootstrap_intervals(Y, P, metrics=["auc"])
    with pytest.raises(ValueError, match="choose from"):
        bootstrap_intervals(Y, P, metrics=[])
    with pytest.raises(ValueError, match="level"):
        bootstrap_intervals(Y, P, level=1.0)
    with pytest.raises(ValueError, match="n_resamples"):
        paired_difference(Y, P, P, n_resamples=0)
    with pytest.raises(ValueError, match="bins"):
        calibration_table(Y, P, bins=0)


@given(st.integers(1, 300), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_interval_agrees_with_scipy(n, share, level):
    k = round(share * n)
    low, high = wilson_interval(k, n, level=level)
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    assert float(low) == pytest.approx(expected.low, abs=1e-12)
    assert float(high) == pytest.approx(expected.high, abs=1e-12)


def test_wilson_interval_of_nothing_is_nan():
    assert np.isnan(wilson_interval([0], [0])).all()


def test_intervals_take_sample_weights():
    weights = np.where(Y == 1, 2.0, 1.0)
    plain = bootstrap_intervals(Y, P, metrics=["brier", "selection_rate"])
    same = bootstrap_intervals(Y, P, metrics=["brier", "selection_rate"], sample_weight=np.full(len(Y), 3.0))
    pd.testing.assert_frame_equal(plain, same)
    other = bootstrap_intervals(Y, P, metrics=["selection_rate"], sample_weight=weights).iloc[0]
    assert other["value"] == pytest.approx(np.average(P >= 0.5, weights=weights))
    assert other["low"] < other["value"] < other["high"]
    with pytest.raises(ValueError, match="row 0 is -1"):
        bootstrap_intervals(Y, P, sample_weight=-np.ones(len(Y)))


def test_what_is_not_defined_is_said():
    with pytest.warns(UserWarning, match=r"not defined, so NaN: roc_auc.* \(there is no positive row\)"):
        found = classification_metrics([0, 0, 0], [0.2, 0.6, 0.4])
    assert np.isnan(found["roc_auc"])
    with pytest.warns(UserWarning, match=r"NaN: precision \(nothing to divide by at this threshold\)"):
        bootstrap_intervals([0, 1], [0.2, 0.3], metrics=["precision", "brier"], n_resamples=5)
    with pytest.warns(UserWarning, match="not defined, so NaN: recall"):
        found = paired_difference([0, 0], [0.2, 0.3], [0.1, 0.9], "recall", n_resamples=5)
    assert np.isnan(found["value"])


def test_nothing_is_said_where_all_is_defined():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classification_metrics([0, 1], [0.2, 0.8])
        bootstrap_intervals([0, 1, 1, 0], [0.2, 0.8, 0.6, 0.7], metrics=["roc_auc"], n_resamples=5)


def clustered(n_groups=60, size=20, seed=0):
    """Rows of one group share label and, nearly, probability."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n_groups)
    p = np.clip(0.5 + 0.2 * (y - 0.5) + rng.normal(0, 0.25, n_groups), 0.01, 0.99)
    groups = np.repeat(np.arange(n_groups), size)
    return y[groups], np.clip(p[groups] + rng.normal(0, 1e-3, len(groups)), 0, 1), groups


def test_groups_are_drawn_whole():
    y, p, groups = clustered()
    settings = {"metrics": ["roc_auc", "brier"], "n_resamples": 600}
    by_group = bootstrap_intervals(y, p, groups=groups, **settings).set_index("metric")
    by_row = bootstrap_intervals(y, p, **settings).set_index("metric")
    assert (by_group["value"] == by_row["value"]).all()
    width = (by_group["high"] - by_group["low"]) / (by_row["high"] - by_row["low"])
    assert ((width > 3) & (width < 6)).all()  # the square root of 20 rows a group is 4.5


def test_groups_of_one_row_are_rows():
    y, p, _ = clustered(n_groups=400, size=1)
    one = bootstrap_intervals(y, p, metrics=["roc_auc"], groups=np.arange(400), n_resamples=2000)
    rows = bootstrap_intervals(y, p, metrics=["roc_auc"], n_resamples=2000)
    assert one.loc[0, "low"] == pytest.approx(rows.loc[0, "low"], abs=0.01)
    assert one.loc[0, "high"] == pytest.approx(rows.loc[0, "high"], abs=0.01)


def test_paired_difference_draws_groups_too():
    y, p, groups = clustered()
    better = np.clip(p + 0.02 * (y - 0.5), 0, 1)
    by_group = paired_difference(y, p, better, "brier", groups=groups, n_resamples=300)
    by_row = paired_difference(y, p, better, "brier", n_resamples=300)
    assert by_group["value"] == by_row["value"]
    assert by_group["high"] - by_group["low"] > 2 * (by_row["high"] - by_row["low"])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], "groups has 2 values, y has 4 rows"),
        ([1, 1, 1, 1], "one group only"),
        ([1, None, 2, 2], "row 1 has no group"),
    ],
)
def test_groups_that_cannot_be_drawn_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals([0, 1, 0, 1], [0.1, 0.9, 0.3, 0.4], groups=groups)


def test_groups_and_strata_exclude_each_other():
    with pytest.raises(ValueError, match="exclude each other"):
        bootstrap_intervals([0, 1], [0.1, 0.9], groups=[1, 2], stratified=True)
