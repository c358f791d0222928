"""Small inputs with answers known by hand, one for each kind of fault that was found."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.costs import net_benefit
from mlhelpers.validation.fairness import fairness_gaps
from mlhelpers.validation.metrics import (
    bootstrap_intervals,
    calibration_table,
    classification_metrics,
    expected_calibration_error,
    metrics_by_slice,
)
from mlhelpers.validation.splits import GroupFolds, TimeFolds, connected_groups, leakage_scan


def test_three_distinct_scores_are_three_bins():
    p = np.repeat([0.2, 0.5, 0.8], 100)
    y = np.concatenate([np.repeat([1, 0], [n, 100 - n]) for n in (20, 80, 50)])
    table = calibration_table(y, p)
    assert table["predicted"].round(12).tolist() == [0.2, 0.5, 0.8]
    assert table["observed"].tolist() == [0.2, 0.8, 0.5]
    assert expected_calibration_error(y, p) == pytest.approx(0.2)


def test_many_scores_are_ten_bins_of_equally_many_rows():
    p = np.random.default_rng(0).random(1000)
    table = calibration_table(np.random.default_rng(1).integers(0, 2, 1000), p)
    assert table["n"].tolist() == [100] * 10


def test_a_large_tie_at_the_top_is_a_bin_of_its_own():
    p = np.r_[np.linspace(0, 0.9, 700), np.ones(300)]
    table = calibration_table(np.r_[np.zeros(700), np.ones(300)].astype(int), p)
    assert (table["n"].iloc[-1], table["predicted"].iloc[-1]) == (300, 1.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_score_reaches_the_threshold_that_it_equals(dtype):
    y, p = np.array([1, 0]), np.array([0.7, 0.1], dtype=dtype)
    assert classification_metrics(y, p, threshold=0.7)["recall"] == 1
    assert net_benefit(y, p, 0.7, gain_tp=1, cost_fp=1, cost_fn=1) == 1
    y, p = np.tile(y, 50), np.tile(p, 50)
    assert bootstrap_intervals(y, p, metrics=["recall"], threshold=0.7)["value"].tolist() == [1.0]


def test_a_value_of_most_rows_and_the_rest_are_slices():
    rng = np.random.default_rng(0)
    spend = np.where(rng.random(2000) < 0.8, 0.0, rng.random(2000) * 10)
    table = metrics_by_slice(rng.integers(0, 2, 2000), rng.random(2000), pd.DataFrame({"spend": spend}))
    assert sorted(table["slice"]) == ["0", "other than 0"]
    assert table["n"].sum() == 2000


def test_doubled_column_names_are_refused_by_name():
    frame = pd.DataFrame([[1, 2, 0], [3, 4, 1]], columns=["twin", "twin", "y"])
    with pytest.raises(ValueError, match="train: column 'twin' stands there twice"):
        leakage_scan(frame, frame, target="y")
    with pytest.raises(ValueError, match="twin"):
        connected_groups(frame, ["twin"])


def test_a_gap_in_a_list_of_groups_is_no_group():
    groups = ["a", "a", "b", "b", float("nan"), "c", "d", "d"]
    with pytest.raises(ValueError, match="1 rows have no group"):
        list(GroupFolds(2).split(np.zeros(8), [0, 1] * 4, groups=groups))


def test_a_date_with_two_readings_is_refused_and_one_reading_is_read():
    days = pd.Series([f"{d:02d}/{m:02d}/2024" for m in range(1, 13) for d in range(1, 13)])
    X = pd.DataFrame({"x": np.arange(len(days))})
    with pytest.raises(ValueError, match="two readings"):
        list(TimeFolds(2, time=days, test_days=40).split(X))
    iso = pd.to_datetime(days, format="%d/%m/%Y").dt.strftime("%Y-%m-%d")
    assert len(list(TimeFolds(2, time=iso, test_days=40).split(X))) == 2


def test_gaps_of_many_groups_are_those_of_all_pairs():
    rng = np.random.default_rng(0)
    n, groups = 2400, np.repeat(np.arange(40), 60)
    y, p = rng.integers(0, 2, n), rng.random(n)
    table = fairness_gaps(y, p, groups, n_resamples=400)
    rates = pd.Series(p >= 0.5).groupby(groups).mean()
    row = table.loc["demographic_parity_difference"]
    assert row["difference"] == pytest.approx(rates.max() - rates.min())
    draws = np.random.default_rng(0).beta(
        *(np.array([rates * 60, 60 - rates * 60]) + 0.5)[:, None, :].repeat(400, axis=1)
    )
    pairs = [(a, b) if rates[a] <= rates[b] else (b, a) for a in range(40) for b in range(a + 1, 40)]
    tail = 0.025 / len(pairs)
    ends = np.array([np.quantile(draws[:, b] - draws[:, a], [tail, 1 - tail]) for a, b in pairs])
    assert row["low"] == pytest.approx(ends[:, 0].max(), abs=1e-12)
    assert row["high"] == pytest.approx(max(ends[:, 1].max(), -ends[:, 0].min()), abs=1e-12)
