"""Codes with one gap, which pandas stores as floats, stay the same categories; so do codes read as text."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import (
    chi_square,
    classifier_two_sample,
    drift_report,
    drift_table,
    jensen_shannon,
    learn_baseline,
)
from mlhelpers.monitoring.profiles import profile, suggest_origins

CODES = pd.Series([1, 2, 3] * 100)
WITH_GAP = CODES.astype(float).where(np.arange(300) != 7)
FORMS = {
    "floats": WITH_GAP,
    "single floats": WITH_GAP.astype("float32"),
    "nullable": WITH_GAP.astype("Int64"),
    "categories": WITH_GAP.astype("category"),
    "objects": WITH_GAP.astype(object),
    "text": CODES.astype(str).where(np.arange(300) != 7),
    "of several kinds": pd.Series([1, 2.0, "3"] * 100, dtype=object).where(np.arange(300) != 7),
}


@pytest.mark.parametrize("form", FORMS)
def test_codes_with_one_gap_stay_the_same_categories(form):
    reference, current = pd.DataFrame({"plan": FORMS[form]}), pd.DataFrame({"plan": CODES})
    assert profile(reference, categorical=["plan"])["plan"].counts == {"1": 100, "2": 99, "3": 100}
    assert drift_report(reference, current, categorical=["plan"]).table["new_categories"].tolist() == [0]
    assert drift_table(reference, current, numeric=[], categorical=["plan"])["distance"][0] < 0.1
    assert chi_square(FORMS[form], CODES).effect < 0.1
    assert jensen_shannon(FORMS[form].astype(object), CODES.astype(object)) < 0.1
    assert classifier_two_sample(reference, current, numeric=[], categorical=["plan"]).effect < 0.2
    baseline = learn_baseline(reference, numeric=[], categorical=["plan"], batch_size=50, n_draws=1000)
    assert baseline.measure(current)["shape:plan"] < 0.01


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


def test_codes_with_one_gap_are_the_same_codes():
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 4, 2000)
    with_gap = pd.DataFrame({"plan": pd.Series(codes, dtype=float).where(np.arange(2000) != 7)})
    baseline = learn_baseline(with_gap, numeric=[], categorical=["plan"], batch_size=200, n_draws=1000)
    batch = pd.DataFrame({"plan": rng.integers(1, 4, 200)})
    assert baseline.measure(batch)["shape:plan"] < 0.1
    report = drift_report(with_gap, batch, categorical=["plan"], baseline=baseline)
    assert not report.table["drifted"].any()


def test_doubled_columns_are_refused_by_name():
    frame = pd.DataFrame([[1.0, 2.0]] * 8, columns=["n", "n"])
    with pytest.raises(ValueError, match="column 'n' stands there twice"):
        drift_table(frame, frame, numeric=["n"], categorical=[])
    with pytest.raises(ValueError, match="column 'n' stands there twice"):
        learn_baseline(frame, numeric=["n"], categorical=[], batch_size=2)
