import json

import pandas as pd
import pytest

from mlhelpers.data import load, truth

SNAPSHOT = pd.Timestamp("2025-06-30")


@pytest.fixture(scope="module")
def tables():
    return {t: load("churn", table=t) for t in ("customers", "invoices", "usage", "tickets")}


def test_keys_are_unique_and_refer_to_customers(tables):
    ids = set(tables["customers"]["customer_id"])
    assert not tables["usage"].duplicated(["customer_id", "month"]).any()
    for table, key in (("invoices", "invoice_id"), ("tickets", "ticket_id")):
        assert tables[table][key].is_unique
    for table in ("invoices", "usage", "tickets"):
        assert set(tables[table]["customer_id"]) <= ids


def test_tables_reach_one_month_beyond_the_snapshot(tables):
    assert tables["usage"]["month"].max() == pd.Timestamp("2025-07-01")
    assert tables["invoices"]["due"].max() == pd.Timestamp("2025-07-15")
    assert tables["tickets"]["opened"].max() == pd.Timestamp("2025-07-30")
    assert tables["tickets"]["opened"].min() >= SNAPSHOT - pd.Timedelta(days=730)
    assert tables["invoices"].groupby("customer_id").size().max() == 7


def test_the_month_after_the_snapshot_gives_leavers_away(tables):
    left = set(load("churn").query("churned == 1")["customer_id"])
    july = tables["usage"][tables["usage"]["month"] > SNAPSHOT]
    june = tables["usage"][tables["usage"]["month"] == pd.Timestamp("2025-06-01")]
    ratio = july.set_index("customer_id")["data_gb"] / june.set_index("customer_id")["data_gb"]
    is_leaver = ratio.index.isin(left)
    assert ratio[is_leaver].median() < 0.7 < 0.9 < ratio[~is_leaver].median()


def test_every_ticket_is_an_event_with_its_payload(tables):
    events = load("churn", table="events")
    assert events["ts"].is_monotonic_increasing and events["event_id"].is_unique
    opened = events[events["type"] == "ticket_opened"]
    payload = pd.DataFrame([json.loads(p) for p in opened["payload"]])
    rebuilt = payload.assign(
        customer_id=opened["customer_id"].to_numpy(), opened=opened["ts"].dt.normalize().to_numpy()
    )
    tickets = tables["tickets"]
    rebuilt = rebuilt.sort_values("ticket_id", ignore_index=True)[list(tickets.columns)]
    pd.testing.assert_frame_equal(rebuilt, tickets)


def test_cancellation_follows_the_last_retention_call():
    events = load("churn", table="events")
    end = events[events["type"] == "contract_cancelled"].set_index("customer_id")["ts"]
    last = events[events["type"] == "retention_call"].groupby("customer_id")["ts"].max()
    both = pd.concat([end.rename("end"), last.rename("last")], axis=1).dropna()
    assert len(both) > 1000 and (both["last"] < both["end"]).all()


def test_signups_peak_in_september():
    month = load("churn", table="customers")["signup_date"].dt.month.value_counts()
    assert month.idxmax() == 9 and truth("churn")["snapshot"] == "2025-06-30"
