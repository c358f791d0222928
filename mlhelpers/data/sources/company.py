"""The telecom company's source systems, written out from the committed tables.

Taught in lesson 2.2; the ingest stage of the churn pipeline reads them.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd

from mlhelpers.data.catalog import nearest
from mlhelpers.data.hashing import write_atomically
from mlhelpers.data.loading import load
from mlhelpers.data.sources.readers import Kind, Provenance, read_csv, read_events, read_sql

_SCHEMA = """
CREATE TABLE customers (
    customer_id TEXT PRIMARY KEY, signup_date TEXT NOT NULL, birth_year INTEGER, gender TEXT, region TEXT,
    contract TEXT, payment_method TEXT, internet TEXT, monthly_charge REAL, discount_pct INTEGER,
    sim_batch INTEGER, satisfaction INTEGER);
CREATE TABLE invoices (
    invoice_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers, issued TEXT, due TEXT,
    amount REAL, paid TEXT);
CREATE INDEX invoices_of_customer ON invoices (customer_id);
"""

# What each column holds; a value that cannot be read so is an error.
_CUSTOMERS: dict[str, Kind] = {
    "customer_id": "text", "signup_date": "date", "birth_year": "integer", "gender": "text", "region": "text",
    "contract": "text", "payment_method": "text", "internet": "text", "monthly_charge": "number",
    "discount_pct": "integer", "satisfaction": "number", "sim_batch": "integer",
}  # fmt: skip
_INVOICES: dict[str, Kind] = {
    "invoice_id": "text", "customer_id": "text", "issued": "date", "due": "date", "paid": "date",
    "amount": "number",
}  # fmt: skip
_USAGE: dict[str, Kind] = {
    "customer_id": "text", "month": "date", "data_gb": "number", "call_minutes": "number"
}  # fmt: skip
_EVENTS: dict[str, Kind] = {"event_id": "text", "ts": "date", "type": "text", "customer_id": "text"}


def write_sources(name: str, folder: str | Path, *, broken: bool = True) -> dict[str, Path]:
    """Write the company's source systems: a database, a CSV file and an event log.

    Taught in lesson 2.2.

    Parameters
    ----------
    name : {"churn"}
        The set whose tables are written.
    folder : path-like
        Where to; created if missing. Files of an earlier run are replaced, each in one step.
    broken : bool, default=True
        Spoil about 1% of the rows of customers and usage visibly, as ``load("churn", table="source_errors")``
        lists them.

    Returns
    -------
    dict of str to pathlib.Path
        ``crm`` (crm.sqlite: customers, invoices), ``usage`` (usage.csv) and ``events`` (events.jsonl: one
        object a line with event_id, ts, type, customer_id, payload). Dates are ISO text; gaps are NULL or
        empty.

    Raises
    ------
    ValueError
        If the set has no source systems.
    """
    if name != "churn":
        raise nearest(name, ["churn"], "set with source systems")
    folder = Path(folder)
    customers, usage = (
        _dates_as_text(load(name, table="customers")),
        _dates_as_text(load(name, table="usage")),
    )
    for column in ("birth_year", "satisfaction"):
        customers[column] = customers[column].astype("Int64")
    if broken:
        errors = load(name, table="source_errors")
        _spoil(customers, customers["customer_id"], errors[errors["source"] == "customers"])
        _spoil(usage, usage["customer_id"] + "|" + usage["month"], errors[errors["source"] == "usage"])
    invoices, events = _dates_as_text(load(name, table="invoices")), load(name, table="events")
    paths = {
        k: folder / f for k, f in (("crm", "crm.sqlite"), ("usage", "usage.csv"), ("events", "events.jsonl"))
    }
    write_atomically(paths["crm"], lambda path: _write_database(path, customers, invoices))
    write_atomically(paths["usage"], lambda path: usage.to_csv(path, index=False, lineterminator="\n"))
    write_atomically(paths["events"], lambda path: _write_events(path, events))
    return paths


def read_sources(name: str, folder: str | Path) -> tuple[dict[str, pd.DataFrame], dict[str, Provenance]]:
    """Read the company's source systems, each column as declared.

    Used by the ingest stage of the churn pipeline and by lesson 3.5.

    Parameters
    ----------
    name : {"churn"}
        The set whose tables are read.
    folder : path-like
        With crm.sqlite, usage.csv and events.jsonl, as `write_sources` writes them.

    Returns
    -------
    tables : dict of str to DataFrame
        customers, invoices, usage, events.
    records : dict of str to Provenance
        Where each came from.

    Raises
    ------
    SourceError
        If a value is not of the declared type, a column is missing or a key occurs twice; it names file, row
        and column.
    FileNotFoundError
        If a file is not there.
    ValueError
        If the set has no source systems.
    """
    if name != "churn":
        raise nearest(name, ["churn"], "set with source systems")
    folder = Path(folder)
    crm = folder / "crm.sqlite"
    read = {
        "customers": read_sql(
            crm, "SELECT * FROM customers ORDER BY customer_id", columns=_CUSTOMERS, key="customer_id"
        ),
        "invoices": read_sql(
            crm, "SELECT * FROM invoices ORDER BY invoice_id", columns=_INVOICES, key="invoice_id"
        ),
        "usage": read_csv(folder / "usage.csv", columns=_USAGE, key=["customer_id", "month"]),
        "events": read_events(folder / "events.jsonl", columns=_EVENTS, key="event_id"),
    }
    return {table: pair[0] for table, pair in read.items()}, {table: pair[1] for table, pair in read.items()}


def _dates_as_text(table: pd.DataFrame) -> pd.DataFrame:
    dates = {c: table[c].dt.strftime("%Y-%m-%d") for c in table if table[c].dtype.kind == "M"}
    return table.assign(**dates)


def _spoil(table: pd.DataFrame, keys: pd.Series, errors: pd.DataFrame) -> None:
    position = pd.Series(table.index, index=keys)
    for column, faults in errors.groupby("column"):
        bad = faults["bad"].to_numpy()
        if table[column].dtype != object:
            bad = pd.to_numeric(bad)
        table.loc[position[faults["key"]].to_numpy(), column] = bad


def _write_database(path: Path, customers: pd.DataFrame, invoices: pd.DataFrame) -> None:
    path.unlink()  # SQLite wants to create the file itself
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_SCHEMA)
        for table, frame in (("customers", customers), ("invoices", invoices)):
            rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
            marks = ",".join("?" * frame.shape[1])
            database.executemany(f"INSERT INTO {table} ({','.join(frame.columns)}) VALUES ({marks})", rows)


def _write_events(path: Path, events: pd.DataFrame) -> None:
    when = events["ts"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    columns = zip(
        events["event_id"], when, events["type"], events["customer_id"], events["payload"], strict=True
    )
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for event_id, ts, kind, customer, payload in columns:
            head = json.dumps({"event_id": event_id, "ts": ts, "type": kind, "customer_id": customer})
            file.write(f'{head[:-1]}, "payload": {payload}}}\n')
