"""Dates with gaps and texts among numbers: a missing date is missing, a wrong value is named with its row."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import (
    classifier_two_sample,
    drift_report,
    drift_table,
    jensen_shannon,
    ks_distance,
    learn_baseline,
    population_stability_index,
    wasserstein_distance,
)
from mlhelpers.monitoring.profiles import profile, suggest_origins

DAYS = pd.Series(pd.date_range("2024-01-01", periods=200))
GAPS = np.arange(200) % 4 == 0
KINDS = {
    "naive": DAYS,
    "in seconds": DAYS.astype("datetime64[s]"),
    "zoned": DAYS.dt.tz_localize("Asia/Tokyo"),
    "durations": DAYS - DAYS[0],
    "objects": DAYS.dt.date,
}


@pytest.mark.parametrize("kind", KINDS)
def test_missing_dates_are_missing_in_reports_profiles_and_baselines(kind):
    whole = pd.DataFrame({"day": KINDS[kind], "n": np.arange(200.0)})
    with_gaps = whole.assign(day=whole["day"].where(~GAPS))
    row = drift_report(whole, with_gaps, numeric=["day", "n"]).table.set_index("column").loc["day"]
    assert row["missing_change"] == 0.25
    assert row["wasserstein"] < 1  # days
    kept = profile(with_gaps, numeric=["day"])["day"]
    assert kept.missing == 50
    assert kept.high - kept.low == pytest.approx(198, abs=0.1)
    baseline = learn_baseline(whole, numeric=["day"], categorical=[], batch_size=50, n_draws=1000)
    assert baseline.measure(with_gaps)[["missing:day", "range:day"]].tolist() == [0.25, 0]


@pytest.mark.parametrize("kind", ["naive", "in seconds", "zoned", "durations"])
def test_distances_of_dates_leave_missing_ones_out(kind):
    whole, with_gaps = KINDS[kind], KINDS[kind].where(~GAPS)
    days = np.arange(200.0)
    assert ks_distance(whole, with_gaps) == ks_distance(days, np.where(GAPS, np.nan, days))
    assert wasserstein_distance(whole, with_gaps) == pytest.approx(0.5)
    for distance in (population_stability_index, jensen_shannon):
        assert distance(whole, with_gaps) == pytest.approx(distance(days, np.where(GAPS, np.nan, days)))


def test_a_date_column_does_not_stop_the_report():
    frame = pd.DataFrame({"day": DAYS, "n": np.arange(200.0), "plan": "a"})
    table = drift_report(frame, frame).table
    assert sorted(table["column"]) == ["day", "n", "plan"]
    assert not table["drifted"].any()
    assert drift_report(frame, frame.assign(day=DAYS + pd.Timedelta("100D"))).drifted == ["day"]


def test_a_column_that_nobody_named_does_not_stop_the_report():
    frame = pd.DataFrame({"month": DAYS.dt.to_period("M"), "plan": "a"})
    assert drift_report(frame, frame, categorical=["plan"]).drifted == []
    with pytest.raises(ValueError, match=r"the reference: column 'month' is period\[M\]"):
        drift_report(frame, frame)


BAD = pd.DataFrame({"n": [1, 2, "x", *[3] * 50]}, index=range(100, 153))
GOOD = pd.DataFrame({"n": np.arange(53.0)})


@pytest.mark.parametrize(
    "call",
    [
        lambda: drift_report(GOOD, BAD),
        lambda: drift_report(BAD, GOOD, numeric=["n"]),
        lambda: drift_table(GOOD, BAD, numeric=["n"], categorical=[]),
        lambda: profile(BAD, numeric=["n"]),
        lambda: suggest_origins(BAD, numeric=["n"]),
        lambda: learn_baseline(BAD, numeric=["n"], categorical=[], batch_size=9, n_draws=1000),
        lambda: learn_baseline(GOOD, numeric=["n"], categorical=[], batch_size=9, n_draws=1000).measure(BAD),
        lambda: classifier_two_sample(GOOD, BAD, numeric=["n"], categorical=[]),
        lambda: jensen_shannon(GOOD["n"], BAD["n"]),
    ],
)
def test_a_text_in_a_number_column_is_named_with_its_row(call):
    with pytest.raises(ValueError, match=r"('n'|current), row 102: 'x' is no number; correct it"):
        call()


def test_the_side_of_a_wrong_value_is_named():
    with pytest.raises(ValueError, match=r"^the batch: column 'n', row 102"):
        drift_report(GOOD, BAD)


def test_a_printed_report_shows_every_figure():
    whole = pd.DataFrame({"day": DAYS})
    text = str(drift_report(whole, whole.assign(day=DAYS.where(~GAPS))))
    assert "drifted: day" in text
    assert "missing_change" in text
    assert "0.25" in text
