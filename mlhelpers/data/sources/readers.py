"""Read tables from SQL, CSV files and event logs, each with a provenance record.

Taught in lesson 2.2; the ingest stage of the churn pipeline reads its sources through it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

Kind = Literal["integer", "number", "text", "date"]

__all__ = ["Provenance", "SourceError", "read_csv", "read_events", "read_sql"]


class SourceError(ValueError):
    """A source cannot be read as declared; the message names the file, the column and the reason."""


@dataclass(frozen=True)
class Provenance:
    """Where a table came from.

    Attributes
    ----------
    source : str
        File name, without its folder, so that records agree between machines.
    kind : str
        `sqlite`, `csv` or `events`.
    sha256 : str
        Hash of the file's bytes; for SQL, of the rows that the query returned.
    rows, columns : int
        Shape of the table as read.
    query : str or None
        The SQL text, where there is one.
    """

    source: str
    kind: str
    sha256: str
    rows: int
    columns: int
    query: str | None = None

    def to_dict(self) -> dict:
        """Record as a plain dictionary, ready for JSON."""
        return asdict(self)


def read_sql(
    path: str | Path, query: str, *, columns: Mapping[str, Kind], key: str | Sequence[str] | None = None
) -> tuple[pd.DataFrame, Provenance]:
    """Read the result of a query on a SQLite file, opened read-only.

    Taught in lesson 2.2.

    Parameters
    ----------
    path : str or Path
        SQLite file.
    query : str
        A SELECT statement.
    columns : mapping of str to {"integer", "number", "text", "date"}
        Columns the result must have, and what each holds. Other columns are dropped.
    key : str or sequence of str, optional
        Columns that must identify a row.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_columns)
        Columns in the order of `columns`. Integers with gaps become floats.
    provenance : Provenance

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    SourceError
        If it is empty or not a SQLite file, if the query fails, or if a column is missing, of
        another type, or not unique where `key` says so.
    """
    path = _existing_file(path)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            frame = pd.read_sql_query(query, connection)
    except (sqlite3.DatabaseError, pd.errors.DatabaseError) as error:
        reason = str(error).split("\n")[-1]
        raise SourceError(f"{path.name}: the query failed ({reason}); query: {query}") from error
    frame = typed_frame(frame, columns, name=path.name, key=key, first_row=1)
    digest = hashlib.sha256(frame.to_csv(index=False, lineterminator="\n").encode()).hexdigest()
    return frame, Provenance(path.name, "sqlite", digest, *frame.shape, query=query)


def read_csv(
    path: str | Path, *, columns: Mapping[str, Kind], key: str | Sequence[str] | None = None
) -> tuple[pd.DataFrame, Provenance]:
    """Read a UTF-8 CSV file whose columns are declared.

    Nothing is guessed: every cell is read as text and then parsed as declared, so a number with a
    stray letter is an error with its row, not a column that has silently become text.

    Taught in lesson 2.2.

    Parameters
    ----------
    path : str or Path
        File with a header line.
    columns : mapping of str to {"integer", "number", "text", "date"}
        Columns the file must have, and what each holds. Dates are ISO 8601. Other columns are dropped.
    key : str or sequence of str, optional
        Columns that must identify a row.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_columns)
        Empty cells are missing values.
    provenance : Provenance

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    SourceError
        If it is empty or not UTF-8, or if a column is missing, of another type, or not unique where
        `key` says so.
    """
    path = _existing_file(path)
    raw = path.read_bytes()
    _decode(raw, path.name)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8")
    except pd.errors.ParserError as error:
        raise SourceError(f"{path.name}: not a table ({error}); look for unquoted commas") from error
    frame = typed_frame(frame, columns, name=path.name, key=key, first_row=2)
    return frame, Provenance(path.name, "csv", hashlib.sha256(raw).hexdigest(), *frame.shape)


def read_events(
    path: str | Path, *, columns: Mapping[str, Kind], key: str | Sequence[str] | None = None
) -> tuple[pd.DataFrame, Provenance]:
    """Read an append-only event log with one JSON object a line.

    A last line without its line break is a write in progress and is left for the next read; any
    other line that is not JSON is an error.

    Taught in lesson 2.2.

    Parameters
    ----------
    path : str or Path
        JSON Lines file, UTF-8.
    columns : mapping of str to {"integer", "number", "text", "date"}
        Fields every event must have, and what each holds. Other fields are dropped.
    key : str or sequence of str, optional
        Fields that must identify an event.

    Returns
    -------
    frame : DataFrame of shape (n_events, n_columns)
    provenance : Provenance

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    SourceError
        If it is empty or not UTF-8, a line is not a JSON object, or a field is missing, of another
        type, or not unique where `key` says so.
    """
    path = _existing_file(path)
    raw = path.read_bytes()
    text = _decode(raw, path.name)
    complete, _, _unfinished = text.rpartition("\n")
    events = []
    for number, line in enumerate(complete.splitlines(), start=1):
        try:
            event = json.loads(line)
        except json.JSONDecodeError as error:
            raise SourceError(f"{path.name}: line {number}: not JSON ({error.msg})") from error
        if not isinstance(event, dict):
            raise SourceError(f"{path.name}: line {number}: a JSON object is wanted, not {line[:40]!r}")
        events.append(event)
    if not events:
        raise SourceError(f"{path.name}: no complete event in the file")
    frame = typed_frame(pd.DataFrame(events), columns, name=path.name, key=key, first_row=1)
    return frame, Provenance(path.name, "events", hashlib.sha256(raw).hexdigest(), *frame.shape)


def _existing_file(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.name}: no such file in {path.parent}; check the path of the source")
    if path.stat().st_size == 0:
        raise SourceError(f"{path.name}: the file is empty; was the export cut off?")
    return path


def _decode(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{name}: line {line}: not UTF-8 (byte 0x{raw[error.start]:02x}); "
            "export the file as UTF-8 instead of guessing its encoding"
        ) from error


def typed_frame(
    frame: pd.DataFrame,
    columns: Mapping[str, Kind],
    *,
    name: str,
    key: str | Sequence[str] | None,
    first_row: int,
) -> pd.DataFrame:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise SourceError(
            f"{name}: column {', '.join(map(repr, missing))} is missing; it has {', '.join(frame.columns)}"
        )
    if frame.empty:
        raise SourceError(f"{name}: a header but no rows; was the export cut off?")
    parsed = {column: _parse(frame[column], kind, name, first_row) for column, kind in columns.items()}
    typed = pd.DataFrame(parsed)
    if key is not None:
        keys = [key] if isinstance(key, str) else list(key)
        repeated = typed.duplicated(keys, keep=False)
        if repeated.any():
            example = typed.loc[repeated.idxmax(), keys].astype(str).str.cat(sep=", ")
            raise SourceError(
                f"{name}: column {', '.join(map(repr, keys))}: {int(repeated.sum())} rows share their key "
                f"(first: {example}); remove the duplicates at the source"
            )
    return typed


def _parse(values: pd.Series, kind: Kind, name: str, first_row: int) -> pd.Series:
    present = values.notna()
    if kind == "text":
        bad = present & ~values.map(lambda value: isinstance(value, str))
        parsed = values.astype(object)
    elif kind == "date":
        parsed = pd.to_datetime(values, format="ISO8601", errors="coerce")
        bad = present & parsed.isna()
    elif kind in ("integer", "number"):
        parsed = pd.to_numeric(values, errors="coerce")
        bad = present & parsed.isna()
        if kind == "integer":
            bad |= parsed.notna() & (parsed % 1 != 0)
            if not bad.any() and parsed.notna().all():
                parsed = parsed.astype("int64")
    else:
        raise ValueError(f"columns[{values.name!r}]: kind {kind!r} is none of integer, number, text, date")
    if bad.any():
        position = int(bad.to_numpy().argmax())
        raise SourceError(
            f"{name}: column {values.name!r}: {int(bad.sum())} of {len(values)} values are no {kind} "
            f"(first: {values.iloc[position]!r} in row {position + first_row})"
        )
    return parsed
