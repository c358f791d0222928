"""Read tables from SQL, CSV files and event logs, each with a provenance record.

Taught in lesson 2.2; the ingest stage of the churn pipeline reads its sources through it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mlhelpers.data.frames import as_columns, require_unique_columns
from mlhelpers.data.iso_dates import MixedZonesError, read_iso_dates

Kind = Literal["integer", "number", "text", "date"]

_LEAST, _LARGEST = -(2**63), 2**63 - 1
_EXACT = 2**53  # a float holds every integer up to here and not beyond

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
        `sqlite`, `csv`, `events` or `rest`.
    sha256 : str
        Hash of the file's bytes, whichever columns are declared; for SQL, of the declared columns of the rows
        that the query returned, in their order; for a web API, of its items as received.
    rows, columns : int
        Shape of the table as read.
    query : str or None
        The SQL text with its parameters, or the query of the first address of a web API, where there is one.
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
    path: str | Path,
    query: str,
    *,
    columns: Mapping[str, Kind],
    key: str | Sequence[str] | None = None,
    missing: Sequence[str] = (),
    params: Mapping[str, Any] | Sequence[Any] = (),
    may_be_empty: bool = False,
) -> tuple[pd.DataFrame, Provenance]:
    """Read the result of a query on a SQLite file, opened read-only.

    Taught in lesson 2.2.

    Parameters
    ----------
    path : str or Path
        SQLite file.
    query : str
        A SELECT statement. Give it an ORDER BY: without one, the order of the rows, and with it the hash of
        the record, is left to the database.
    columns : mapping of str to {"integer", "number", "text", "date"}
        Columns the result must have, and what each holds. Other columns are dropped.
    key : str or sequence of str, optional
        Columns that must identify a row.
    missing : sequence of str, default=()
        Spellings of a gap, such as ``("?", "N/A")``, spaces around them aside.
    params : mapping or sequence, default=()
        Values for the placeholders of the query, ``:name`` or ``?``. A value put into the text of the query
        instead can change what the query asks.
    may_be_empty : bool, default=False
        Whether no rows are an answer, as for a read of what is new since the last one, and not an error.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_columns)
        Columns in the order of `columns`. Integers with gaps become floats, or Int64 beyond 2**53.
    provenance : Provenance
        Its `query` ends with the parameters, if there are any.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    SourceError
        If it is empty or not a SQLite file, if the query fails or returns no rows, or if a column is
        missing, of another type, or not unique where `key` says so.
    """
    path = _existing_file(path)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query, params)
            names = [column[0] for column in cursor.description or ()]
            # Cells as SQLite has them: a gap must not turn the integers of its column into floats.
            frame = pd.DataFrame(cursor.fetchall(), columns=names, dtype=object)
    except (sqlite3.Error, sqlite3.Warning) as error:
        reason = str(error).split("\n")[-1]
        raise SourceError(f"{path.name}: the query failed ({reason}); query: {query}") from error
    frame = typed_frame(
        frame, columns, name=path.name, key=key, first_row=1, missing=missing, may_be_empty=True
    )
    if frame.empty and not may_be_empty:
        raise SourceError(
            f"{path.name}: the query returned no rows; give may_be_empty=True if none are due; query: {query}"
        )
    digest = hashlib.sha256(frame.to_csv(index=False, lineterminator="\n").encode()).hexdigest()
    asked = f"{query} -- {params!r}" if params else query
    return frame, Provenance(path.name, "sqlite", digest, *frame.shape, query=asked)


def read_csv(
    path: str | Path,
    *,
    columns: Mapping[str, Kind],
    key: str | Sequence[str] | None = None,
    missing: Sequence[str] = (),
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
    missing : sequence of str, default=()
        Spellings of a gap, such as ``("?", "N/A")``, spaces around them aside.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_columns)
        Empty cells are missing values. Integers with gaps become floats, or Int64 beyond 2**53, where floats
        no longer tell all integers apart. Dates beyond the year 2261 make their column ``datetime64[us]``;
        dates with several offsets from UTC are given in UTC.
    provenance : Provenance

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    SourceError
        If it is empty or not UTF-8, if a line has fewer or more fields than the header, or if a column is
        missing, there twice, of another type, or not unique where `key` says so.
    """
    path = _existing_file(path)
    raw = path.read_bytes()
    _check_table(_decode(raw, path.name), path.name)
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8")
    except pd.errors.ParserError as error:
        raise SourceError(f"{path.name}: not a table ({error}); look for unquoted commas") from error
    frame = typed_frame(frame, columns, name=path.name, key=key, first_row=2, missing=missing)
    return frame, Provenance(path.name, "csv", hashlib.sha256(raw).hexdigest(), *frame.shape)


def read_events(
    path: str | Path,
    *,
    columns: Mapping[str, Kind],
    key: str | Sequence[str] | None = None,
    missing: Sequence[str] = (),
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
    missing : sequence of str, default=()
        Spellings of a gap, such as ``("?", "N/A")``, spaces around them aside.

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
    for number, line in enumerate(complete.split("\n") if complete else [], start=1):
        try:
            event = json.loads(line, object_pairs_hook=_distinct)
        except json.JSONDecodeError as error:
            raise SourceError(f"{path.name}: line {number}: not JSON ({error.msg})") from error
        except _TwiceError as error:
            raise SourceError(
                f"{path.name}: line {number}: field {str(error)!r} stands there twice; keep one"
            ) from error
        if not isinstance(event, dict):
            raise SourceError(f"{path.name}: line {number}: a JSON object is wanted, not {line[:40]!r}")
        events.append(event)
    if not events:
        raise SourceError(f"{path.name}: no complete event in the file")
    frame = typed_frame(
        pd.DataFrame(events, dtype=object), columns, name=path.name, key=key, first_row=1, missing=missing
    )
    return frame, Provenance(path.name, "events", hashlib.sha256(raw).hexdigest(), *frame.shape)


def _existing_file(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.name}: no such file in {path.parent}; check the path of the source")
    if path.stat().st_size == 0:
        raise SourceError(f"{path.name}: the file is empty; was the export cut off?")
    return path


class _TwiceError(Exception):
    """A field occurs twice in a JSON object; the message is its name."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _check_table(text: str, name: str) -> None:
    """Refuse doubled names in the header and lines with another number of fields, which pandas would fill."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
        header: list[str] = []
        line = 1
        for fields in lines:
            if not header:
                header = fields
                require_unique_columns(
                    pd.DataFrame(columns=[field for field in fields if field]), name, error=SourceError
                )
            elif len(fields) != len(header) and not (len(fields) < 2 and not "".join(fields).strip()):
                count = f"line {line} has {len(fields)} fields, the header has {len(header)}"
                if len(fields) < len(header):
                    raise SourceError(f"{name}: {count}; was the row cut off? repair it at the source")
                trailing = not any(fields[len(header) :])
                raise SourceError(
                    f"{name}: not a table ({count}); "
                    + (
                        "remove the delimiter at the end of the line"
                        if trailing
                        else "look for unquoted commas"
                    )
                )
            line = lines.line_num + 1
    except csv.Error as error:
        raise SourceError(f"{name}: line {line}: not a table ({error})") from error
    finally:
        csv.field_size_limit(limit)


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
    missing: Sequence[str] = (),
    may_be_empty: bool = False,
) -> pd.DataFrame:
    require_unique_columns(frame, name, error=SourceError)
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        has = ", ".join(map(str, frame.columns))
        raise SourceError(f"{name}: column {', '.join(map(repr, absent))} is missing; it has {has}")
    if frame.empty and not may_be_empty:
        raise SourceError(f"{name}: a header but no rows; was the export cut off?")
    if isinstance(missing, str) or not all(isinstance(word, str) for word in missing):
        raise TypeError(f"missing: give a list of texts such as ['?', 'N/A'], got {missing!r}")
    gaps = {word.strip() for word in missing}
    parsed = {}
    for column, kind in columns.items():
        values = frame[column]
        if gaps:
            blank = values.map(lambda value: isinstance(value, str) and value.strip() in gaps)
            values = values.mask(blank.astype(bool), None)
        parsed[column] = _parse(values, kind, name, first_row)
    typed = pd.DataFrame(parsed)
    if key is not None:
        keys = as_columns(key)
        unknown = [column for column in keys if column not in typed.columns]
        if unknown:
            raise ValueError(f"{name}: key {unknown[0]!r} is none of the declared columns; add it to columns")
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
        try:
            parsed = read_iso_dates(values)
        except MixedZonesError as error:
            row = error.position + first_row
            raise SourceError(f"{name}: column {values.name!r}, row {row}: {error}") from error
        bad = present & parsed.isna()
    elif kind in ("integer", "number"):
        parsed = pd.to_numeric(values, errors="coerce")
        if kind == "number" and parsed.empty:
            parsed = parsed.astype("float64")
        bad = present & (parsed.isna() | values.map(lambda value: isinstance(value, bool)))
        if kind == "integer":
            bad |= parsed.notna() & (parsed % 1 != 0)
            if not bad.any():
                parsed = _integers(values, parsed, name, first_row)
    else:
        raise ValueError(f"columns[{values.name!r}]: kind {kind!r} is none of integer, number, text, date")
    if bad.any():
        position = int(bad.to_numpy().argmax())
        raise SourceError(
            f"{name}: column {values.name!r}: {int(bad.sum())} of {len(values)} values are no {kind} "
            f"(first: {values.iloc[position]!r} in row {position + first_row})"
        )
    return parsed


def _integers(values: pd.Series, parsed: pd.Series, name: str, first_row: int) -> pd.Series:
    """Whole numbers as int64; with gaps as float64 where that is exact, else as Int64."""
    if parsed.dtype == "int64":
        return parsed
    if not (parsed.abs() > _EXACT - 1).any():
        return parsed.astype("int64") if parsed.notna().all() else parsed
    exact = [None if gap else _exact(value) for value, gap in zip(values, values.isna(), strict=True)]
    for position, value in enumerate(exact):
        if value is not None and not _LEAST <= value <= _LARGEST:
            raise SourceError(
                f"{name}: column {values.name!r}, row {position + first_row}: {values.iloc[position]!r} is "
                "beyond 64-bit integers; declare the column as number, or as text if it is an identifier"
            )
    whole = pd.Series(pd.array(exact, dtype="Int64"), index=values.index, name=values.name)
    return whole if whole.isna().any() else whole.astype("int64")


def _exact(value: Any) -> int:
    try:
        return int(value if not isinstance(value, str) else Decimal(value.strip()))
    except InvalidOperation:
        return int(float(value))
