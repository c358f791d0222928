"""The source systems hold the committed tables, broken where the record says."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from mlhelpers.data import load, truth, write_sources


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_sources("churn", tmp_path_factory.mktemp("sources"))


def read_customers(path):
    with closing(sqlite3.connect(path)) as database:
        return pd.read_sql("SELECT * FROM customers ORDER BY customer_id", database)


def test_three_systems_are_written(written):
    assert {k: p.name for k, p in written.items()} == {
        "crm": "crm.sqlite", "usage": "usage.csv", "events": "events.jsonl",
    }  # fmt: skip
    assert sorted(p.name for p in written["crm"].parent.iterdir()) == [
        "crm.sqlite",
        "events.jsonl",
        "usage.csv",
    ]


def test_database_and_usage_are_broken_exactly_where_the_record_says(written, tmp_path):
    clean = write_sources("churn", tmp_path, broken=False)
    errors = load("churn", table="source_errors")
    for source, broken, good in (
        ("customers", read_customers(written["crm"]), read_customers(clean["crm"])),
        ("usage", pd.read_csv(written["usage"]), pd.read_csv(clean["usage"])),
    ):
        different = (broken != good) & ~(broken.isna() & good.isna())
        names = broken["customer_id"] + ("|" + broken["month"] if source == "usage" else "")
        found = {(names[r], c) for c in different for r in different.index[different[c]]}
        expected = errors[errors["source"] == source]
        assert found == set(zip(expected["key"], expected["column"], strict=True))
        assert 0.008 < len(found) / len(good) <= 0.01
        assert set(truth("churn")["broken_sources"][source]) == set(expected["key"])


def test_broken_rows_are_visibly_broken(written):
    customers, usage = read_customers(written["crm"]), pd.read_csv(written["usage"])
    assert (customers["birth_year"] == 1795).any() and (customers["monthly_charge"] < 0).any()
    assert (customers["contract"] == "montly").any() and (customers["discount_pct"] == 250).any()
    assert (
        (usage["call_minutes"] < 0).any()
        and (usage["data_gb"] < 0).any()
        and (usage["data_gb"] == 99999).any()
    )


def test_no_primary_key_occurs_twice(written):
    assert read_customers(written["crm"])["customer_id"].is_unique
    assert not pd.read_csv(written["usage"]).duplicated(["customer_id", "month"]).any()


def test_unbroken_sources_hold_the_committed_tables(tmp_path):
    clean = write_sources("churn", tmp_path, broken=False)
    got = read_customers(clean["crm"])
    got["signup_date"] = pd.to_datetime(got["signup_date"])
    pd.testing.assert_frame_equal(got, load("churn", table="customers"), check_dtype=False)
    with closing(sqlite3.connect(clean["crm"])) as database:
        invoices = pd.read_sql("SELECT * FROM invoices ORDER BY invoice_id", database)
    for column in ("issued", "due", "paid"):
        invoices[column] = pd.to_datetime(invoices[column])
    pd.testing.assert_frame_equal(invoices, load("churn", table="invoices"), check_dtype=False)
    usage = pd.read_csv(clean["usage"], parse_dates=["month"])
    pd.testing.assert_frame_equal(usage, load("churn", table="usage"), check_dtype=False)


def test_event_log_is_one_json_object_a_line_in_order_of_time(written):
    lines = written["events"].read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert len(events) == len(load("churn", table="events"))
    assert set(events[0]) == {"event_id", "ts", "type", "customer_id", "payload"}
    assert {e["type"] for e in events} == {"ticket_opened", "retention_call", "contract_cancelled"}
    assert all(isinstance(e["payload"], dict) for e in events)
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)


def test_writing_again_gives_the_same_content(written, tmp_path):
    again = write_sources("churn", tmp_path)
    for name in ("usage", "events"):
        assert again[name].read_bytes() == written[name].read_bytes()
    pd.testing.assert_frame_equal(read_customers(again["crm"]), read_customers(written["crm"]))


def test_a_set_without_sources_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown set with source systems 'fraud'"):
        write_sources("fraud", tmp_path)
