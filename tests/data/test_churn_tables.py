"""Flat features come out of the relational tables, and nothing after the day matters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.data import churn_features, churn_labels, load, retention_calls

SNAPSHOT = pd.Timestamp("2025-06-30")


@pytest.fixture(scope="module")
def tables():
    return {t: load("churn", table=t) for t in ("customers", "invoices", "usage", "tickets")}


@pytest.fixture(scope="module")
def few(tables):
    """The tables of 40 customers."""
    ids = set(tables["customers"]["customer_id"].iloc[::300])
    return {t: f[f["customer_id"].isin(ids)].reset_index(drop=True) for t, f in tables.items()}


def test_flat_table_is_exactly_what_the_tables_give(tables):
    flat = load("churn")
    got = churn_features(**tables, as_of=SNAPSHOT)
    pd.testing.assert_frame_equal(got, flat[list(got.columns)], check_exact=True)


def test_label_is_a_cancellation_within_30_days(tables):
    flat, events = load("churn"), load("churn", table="events")
    label = churn_labels(tables["customers"], events, as_of=SNAPSHOT)
    assert (label.to_numpy() == flat["churned"].to_numpy()).all()
    assert list(label.index) == list(flat["customer_id"])


def test_retention_calls_are_counted_after_the_snapshot_and_zero_on_that_day(tables):
    flat, events = load("churn"), load("churn", table="events")
    calls = retention_calls(tables["customers"], events, as_of=SNAPSHOT)
    assert (calls.to_numpy() == flat["retention_calls"].to_numpy()).all()
    before = events[events["ts"] < SNAPSHOT + pd.Timedelta(days=1)]
    assert retention_calls(tables["customers"], before, as_of=SNAPSHOT).eq(0).all()


def test_horizon_is_counted_in_whole_days(tables):
    customers = tables["customers"].iloc[:3]
    first, second, third = customers["customer_id"]
    events = pd.DataFrame(
        {
            "ts": pd.to_datetime(["2025-06-30 23:59", "2025-07-01 00:00", "2025-07-31 00:00"]),
            "type": "contract_cancelled",
            "customer_id": [first, second, third],
        }
    )
    assert churn_labels(customers, events, as_of=SNAPSHOT).tolist() == [0, 1, 0]
    assert churn_labels(customers, events, as_of=SNAPSHOT, horizon_days=31).tolist() == [0, 1, 1]


def test_a_horizon_without_days_is_refused(tables):
    with pytest.raises(ValueError, match="horizon_days must be at least 1"):
        churn_labels(tables["customers"], load("churn", table="events"), as_of=SNAPSHOT, horizon_days=0)


def test_a_customer_twice_is_refused_by_name(few):
    twice = {**few, "customers": pd.concat([few["customers"], few["customers"].iloc[[3]]])}
    with pytest.raises(ValueError, match=few["customers"]["customer_id"].iloc[3]):
        churn_features(**twice, as_of=SNAPSHOT)


def test_inputs_are_left_as_they_are_and_their_order_does_not_matter(few):
    before = {t: f.copy() for t, f in few.items()}
    expected = churn_features(**few, as_of=SNAPSHOT)
    shuffled = {t: f.sample(frac=1, random_state=1) for t, f in few.items()}
    pd.testing.assert_frame_equal(churn_features(**shuffled, as_of=SNAPSHOT), expected)
    for table, frame in few.items():
        pd.testing.assert_frame_equal(frame, before[table])


@settings(max_examples=40, deadline=None)
@given(days=st.integers(0, 60), ahead=st.integers(1, 40), owner=st.integers(0, 39), seed=st.integers(0, 1000))
def test_rows_after_the_day_change_nothing(few, days, ahead, owner, seed):
    as_of = SNAPSHOT - pd.Timedelta(days=days)
    later = as_of + pd.Timedelta(days=ahead)
    rng = np.random.default_rng(seed)
    customer = few["customers"]["customer_id"].iloc[owner]
    month = (later + pd.offsets.MonthBegin(0)).normalize()
    new = {
        "customers": few["customers"].iloc[[0]].assign(customer_id="C999999", signup_date=later),
        "invoices": pd.DataFrame(
            {"invoice_id": ["I9"], "customer_id": [customer], "issued": [later], "due": [later],
             "amount": [9.0], "paid": [later]}
        ),
        "usage": pd.DataFrame(
            {"customer_id": [customer], "month": [month], "data_gb": [rng.random()], "call_minutes": [1.0]}
        ),
        "tickets": pd.DataFrame(
            {"ticket_id": ["T9"], "customer_id": [customer], "opened": [later], "topic": ["other"],
             "resolved_hours": [1.0]}
        ),
    }  # fmt: skip
    # An old invoice that is paid later looks open on the day.
    grown = {t: pd.concat([few[t], new[t]], ignore_index=True) for t in few}
    open_ones = grown["invoices"]["paid"].isna() & (grown["invoices"]["due"] <= as_of)
    grown["invoices"].loc[open_ones, "paid"] = later
    pd.testing.assert_frame_equal(churn_features(**grown, as_of=as_of), churn_features(**few, as_of=as_of))


def test_usage_is_the_mean_of_the_last_three_ended_months(few):
    usage = few["usage"]
    for as_of, months in (("2025-06-30", (4, 5, 6)), ("2025-06-29", (3, 4, 5)), ("2025-05-31", (3, 4, 5))):
        got = churn_features(**few, as_of=as_of).set_index("customer_id")["data_gb"]
        expected = (
            usage[usage["month"].dt.month.isin(months)].groupby("customer_id")["data_gb"].mean().round(2)
        )
        pd.testing.assert_series_equal(got.dropna(), expected.reindex(got.dropna().index))
        assert got.notna().sum() == len(expected)


@pytest.mark.parametrize("as_of", ["2025-03-31", "2025-05-15", "2025-06-30"])
def test_cutting_the_tables_at_the_day_changes_nothing(few, as_of):
    day = pd.Timestamp(as_of)
    cut = {
        "customers": few["customers"],
        "invoices": few["invoices"][few["invoices"]["issued"] <= day].assign(
            paid=lambda f: f["paid"].where(f["paid"] <= day)
        ),
        "usage": few["usage"][few["usage"]["month"] + pd.offsets.MonthEnd(0) <= day],
        "tickets": few["tickets"][few["tickets"]["opened"] <= day],
    }
    pd.testing.assert_frame_equal(churn_features(**cut, as_of=day), churn_features(**few, as_of=day))


def test_a_ticket_with_a_time_counts_as_on_its_day(tables):
    with_time = tables["tickets"].assign(
        opened=tables["tickets"]["opened"] + pd.Timedelta(hours=23, minutes=59)
    )
    changed = churn_features(**(tables | {"tickets": with_time}), as_of=SNAPSHOT)
    pd.testing.assert_frame_equal(changed, churn_features(**tables, as_of=SNAPSHOT))
