"""Three steps from the company's source systems to a day's features: extract, transform, load.

Taught in lesson 3.5; the tasks of ``deploy/airflow/dags/churn_features.py`` are these functions. Each takes
and returns text or numbers, because that is what a scheduler hands from task to task, and each can be run
again: a repeated run leaves the same files and the same rows.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd

from mlhelpers.data.artifacts import pipeline_path, read_frame, write_frame
from mlhelpers.data.churn_tables import churn_features
from mlhelpers.data.contracts import ContractError, load_contracts
from mlhelpers.data.sources import read_sources, write_sources

__all__ = ["TABLE", "extract", "load", "transform"]

TABLE = "churn_features"
_KINDS = {"i": "INTEGER", "f": "REAL"}


def extract(folder: str, *, sources: str = "") -> str:
    """Read the source systems into one Parquet file a table.

    Taught in lesson 3.5.

    Parameters
    ----------
    folder : str
        Folder of the run; the files go to ``<folder>/extracted``.
    sources : str, default=""
        Folder with crm.sqlite, usage.csv and events.jsonl; empty for the course's own company.

    Returns
    -------
    str
        The folder with customers, invoices, usage and events.

    Raises
    ------
    SourceError
        If a file cannot be read as declared; it names file, row and column.
    FileNotFoundError
        If a file is not there.
    """
    source_folder = Path(sources) if sources else Path(folder) / "sources"
    if not sources:
        write_sources("churn", source_folder)
    out = Path(folder) / "extracted"
    tables, _ = read_sources("churn", source_folder)
    for name, table in tables.items():
        write_frame(table, out / f"{name}.parquet")
    return str(out)


def transform(extracted: str, *, as_of: str, contracts: str = "contracts.yml", limit: float = 0.05) -> str:
    """Compute the features of one day from the extracted tables.

    Taught in lesson 3.5. Rows that break the contract are left out, and with a customer its rows in the other
    tables, as in the validate stage of the pipeline.

    Parameters
    ----------
    extracted : str
        Folder that `extract` returned.
    as_of : str
        Last day that a feature may see, ``YYYY-MM-DD``.
    contracts : str, default="contracts.yml"
        Rules for each table; the default is the pipeline's file.
    limit : float, default=0.05
        Largest share of broken rows in any table.

    Returns
    -------
    str
        File with one row per customer: `as_of`, the identifier and the features.

    Raises
    ------
    ContractError
        If a table has more broken rows than `limit`; nothing is written then.
    ValueError
        If `as_of` is no such date, or nobody was a customer then.
    """
    day = _day(as_of)
    folder = Path(extracted)
    good = {}
    for name, rule in load_contracts(pipeline_path(contracts, pipeline="churn")).items():
        table = read_frame(folder / f"{name}.parquet")
        good[name], broken = rule.split(table)
        if len(broken) > limit * len(table):
            raise ContractError(
                f"{folder / name}.parquet: {len(broken)} of {len(table)} rows break the contract, "
                f"the limit is {limit:.1%}; most often: {broken['reason'].mode().iloc[0]}"
            )
    kept = set(good["customers"]["customer_id"])
    for name in ("invoices", "usage", "events"):
        good[name] = good[name].loc[good[name]["customer_id"].isin(kept)]
    tickets = good["events"].query("type == 'ticket_opened'").rename(columns={"ts": "opened"})
    features = churn_features(good["customers"], good["invoices"], good["usage"], tickets, as_of=as_of)
    if features.empty:
        raise ValueError(f"as_of={as_of!r}: nobody had signed up by then; give a later day")
    features.insert(0, "as_of", day)
    return str(write_frame(features, folder.parent / f"features_{as_of}.parquet"))


def load(features: str, *, store: str) -> int:
    """Put a day's features into the store, in place of those of the same day.

    Taught in lesson 3.5. One transaction: whoever reads meanwhile sees the old rows or the new ones.

    Parameters
    ----------
    features : str
        File that `transform` returned.
    store : str
        SQLite file with the table ``churn_features``, key as_of and customer_id; made if missing.

    Returns
    -------
    int
        Rows of that day in the store.

    Raises
    ------
    ValueError
        If the table has other columns than the file.
    """
    frame = read_frame(features)
    rows = frame.assign(**{
        name: frame[name].dt.strftime("%Y-%m-%d") for name in frame if frame[name].dtype.kind == "M"
    })  # fmt: skip
    columns = ", ".join(f'"{name}" {_KINDS.get(rows[name].dtype.kind, "TEXT")}' for name in rows)
    Path(store).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(store, timeout=30)) as database, database:
        database.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns}, PRIMARY KEY (as_of, customer_id))")
        there = [row[1] for row in database.execute(f"PRAGMA table_info({TABLE})")]
        if there != list(rows):
            other = sorted(set(there) ^ set(rows)) or "their order"
            raise ValueError(
                f"{store}: table {TABLE} has other columns than {features} ({other}); use a new store"
            )
        database.execute(f"DELETE FROM {TABLE} WHERE as_of = ?", (rows["as_of"].iloc[0],))
        marks = ", ".join("?" * len(there))
        values = rows.astype(object).where(rows.notna(), None)
        database.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", values.itertuples(index=False))
        return database.execute(
            f"SELECT count(*) FROM {TABLE} WHERE as_of = ?", (rows["as_of"].iloc[0],)
        ).fetchone()[0]


def _day(as_of: str) -> pd.Timestamp:
    day = pd.to_datetime(as_of, format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise ValueError(f"as_of must be a day such as '2025-06-30', got {as_of!r}")
    return day
