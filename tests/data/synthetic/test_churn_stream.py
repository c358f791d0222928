"""The stream is quiet until week 20, and each event can be seen in one batch of 400."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from mlhelpers.data import load, truth

NUMBERS = [
    "age", "tenure_months", "monthly_charge", "discount_pct", "data_gb", "call_minutes", "late_payments_6m",
    "days_since_payment", "tickets_90d", "last_ticket_days", "satisfaction",
]  # fmt: skip


@pytest.fixture(scope="module")
def reference():
    return load("churn")


@pytest.fixture(scope="module")
def batches():
    return load("churn_stream")


@pytest.fixture(scope="module")
def hidden():
    return load("churn_stream", table="truth")


@pytest.fixture(scope="module")
def p_values(reference, batches):
    rows = {
        week: {c: ks_2samp(reference[c].dropna(), batch[c].dropna()).pvalue for c in NUMBERS}
        for week, batch in batches.groupby("week")
    }
    return pd.DataFrame(rows).T


def test_52_batches_of_about_400_on_mondays(batches, reference):
    size = batches.groupby("week").size()
    assert list(size.index) == list(range(1, 53)) and size.between(380, 420).all()
    days = batches.groupby("week")["batch_date"].unique().explode()
    assert days.iloc[0] == pd.Timestamp("2025-07-07")
    assert (days.diff().dropna() == pd.Timedelta(days=7)).all()
    assert list(batches.columns) == ["week", "batch_date", *reference.columns]
    assert not set(batches["customer_id"]) & set(reference["customer_id"])


def test_quiet_weeks_raise_no_more_alarms_than_chance(p_values):
    quiet = p_values.loc[1:19]
    assert (quiet < 0.05).to_numpy().mean() <= 0.06
    assert (quiet < 0.001).to_numpy().sum() == 0


def test_quiet_weeks_churn_like_the_reference(batches, reference):
    quiet = batches[batches["week"] < 20]["churned"]
    error = np.sqrt(0.22 * 0.78 / len(quiet))
    assert abs(quiet.mean() - reference["churned"].mean()) < 3 * error


def test_price_change_shows_in_the_charge_of_single_batches_and_in_the_contract_mix(p_values, batches):
    changed = p_values.loc[20:43, "monthly_charge"]
    assert (changed < 0.05).all() and (changed < 0.01).mean() > 0.75
    monthly = (batches["contract"] == "monthly").groupby(batches["week"] >= 20).mean()
    assert 0.05 < monthly[False] - monthly[True] < 0.12


def test_price_change_leaves_the_probability_given_the_features(batches, hidden):
    weeks = batches["week"].between(20, 35)
    gap = batches.loc[weeks, "churned"].mean() - hidden.loc[weeks, "churn_probability"].mean()
    assert abs(gap) < 0.015
    early, late = batches["week"] < 20, weeks
    assert abs(batches.loc[early, "churned"].mean() - batches.loc[late, "churned"].mean()) < 0.02


def test_competitor_raises_churn_by_6_to_10_points_in_its_segment_only(batches, hidden):
    before, after = batches["week"].between(20, 35), batches["week"] >= 36
    rise = batches.loc[after, "churned"].mean() - batches.loc[before, "churned"].mean()
    assert 0.06 < rise < 0.10
    outside = ~hidden["in_competitor_segment"]
    assert (
        abs(batches.loc[after & outside, "churned"].mean() - batches.loc[before & outside, "churned"].mean())
        < 0.02
    )


def test_competitor_leaves_the_features_as_they_were(batches):
    before, after = batches["week"].between(20, 35), batches["week"].between(36, 43)
    p = [ks_2samp(batches.loc[before, c].dropna(), batches.loc[after, c].dropna()).pvalue for c in NUMBERS]
    assert min(p) > 0.001


def test_broken_unit_multiplies_85_percent_of_the_volumes_by_1024(batches, hidden):
    late = batches["week"] >= 44
    wrong = hidden["unit_broken"]
    assert not wrong[~late].any()
    assert wrong[late].mean() == pytest.approx(0.85, abs=0.02)
    np.testing.assert_allclose(batches.loc[wrong, "data_gb"], hidden.loc[wrong, "data_gb"] * 1024, rtol=1e-9)
    assert (batches.loc[~wrong, "data_gb"] == hidden.loc[~wrong, "data_gb"]).all()


def test_leaking_column_is_empty_at_scoring_time(batches):
    assert batches["retention_calls"].eq(0).all()


def test_values_are_missing_as_in_the_reference(batches, reference):
    quiet = batches[batches["week"] < 20]
    for column in ("age", "call_minutes", "satisfaction", "last_ticket_days"):
        assert quiet[column].isna().mean() == pytest.approx(reference[column].isna().mean(), abs=0.02), column


def test_truth_names_the_three_weeks_and_the_rates():
    numbers = truth("churn_stream")
    assert {k: v["week"] for k, v in numbers["events"].items()} == {
        "price_change": 20, "competitor": 36, "broken_unit": 44,
    }  # fmt: skip
    assert numbers["churn_rate_by_period"]["weeks_36_52"] == pytest.approx(0.293, abs=0.001)
