"""Read tables from SQL, CSV files and event logs, each with a provenance record.

Taught in lesson 2.2; the ingest stage of the churn pipeline reads its sources through it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from mlhelpers.data.frames import require_unique_columns

_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*$")
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
        Spellings of a gap besides the empty cell, such as ``"?"`` or ``"NULL"``.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_columns)
        Empty cells are missing values. Integers with gaps become floats, or pandas' Int64 where a float could
        not hold them.
    provenance : Provenance

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    SourceError
        If it is empty or not UTF-8, if a row has more or fewer cells than the header or a name stands in it
        twice, or if a column is missing, of another type, or not unique where `key` says so.
    """
    path = _existing_file(path)
    raw = path.read_bytes()
    _check_table(_decode(raw, path.name), path.name)
    gaps = ["", *missing]
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=gaps, encoding="utf-8")
    except pd.errors.ParserError as error:
        raise SourceError(f"{path.name}: not a table ({error}); look for unquoted commas") from error
    frame = typed_frame(frame, columns, name=path.name, key=key, first_row=2)
    return frame, Provenance(path.name, "csv", hashlib.sha256(raw).hexdigest(), *frame.shape)


def _check_table(text: str, name: str) -> None:
    """Check that rows have as many cells as the header, and the header no name twice; pandas mends both."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = next(filter(None, reader), [])
        doubled = {column for column in header if header.count(column) > 1}
        if doubled:
            raise SourceError(
                f"{name}: the header names {', '.join(map(repr, sorted(doubled)))} more than once; rename one"
            )
        for row in reader:
            if not row or len(row) == len(header):
                continue
            where = f"line {reader.line_num} has {len(row)} cells, the header {len(header)}"
            if len(row) == len(header) + 1 and not row[-1]:
                raise SourceError(f"{name}: {where}; remove the delimiter at the end of the lines")
            advice = "look for unquoted commas" if len(row) > len(header) else "was the line cut off?"
            raise SourceError(f"{name}: not a table ({where}); {advice}")
    except csv.Error as error:
        raise SourceError(f"{name}: line {reader.line_num}: not a table ({error})") from error


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
        Texts that stand for a gap, such as ``"?"``.

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
    # not splitlines: it also breaks at separators that may stand inside a text
    for number, line in enumerate(complete.split("\n") if complete else (), start=1):
        try:
            event = json.loads(line)
        except json.JSONDecodeError as error:
            raise SourceError(f"{path.name}: line {number}: not JSON ({error.msg})") from error
        if not isinstance(event, dict):
            raise SourceError(f"{path.name}: line {number}: a JSON object is wanted, not {line[:40]!r}")
        events.append(event)
    if not events:
        raise SourceError(f"{path.name}: no complete event in the file")
    frame = pd.DataFrame(events)
    if missing:
        frame = frame.mask(frame.isin(list(missing)), None)
    frame = typed_frame(frame, columns, name=path.name, key=key, first_row=1)
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
    require_unique_columns(frame, name, error=SourceError)
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


def _integers(values: pd.Series, parsed: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Whole numbers, exactly; `bad` marks those outside int64 and floats too large to be exact."""
    if pd.api.types.is_integer_dtype(parsed.dtype) and parsed.dtype != "uint64":
        whole = parsed.notna().all()
        return (parsed.astype("int64") if whole else parsed), pd.Series(False, index=values.index)
    exact, bad = [], []
    for value, number in zip(values.tolist(), parsed.tolist(), strict=True):
        if pd.isna(number):
            exact.append(None)
            bad.append(False)
            continue
        whole = int(value) if isinstance(value, str) and _WHOLE.match(value) else int(number)
        rounded = isinstance(number, float) and not isinstance(value, int) and abs(whole) > 2**53
        rounded &= not (isinstance(value, str) and _WHOLE.match(value))
        exact.append(whole)
        bad.append(not -(2**63) <= whole < 2**63 or rounded)
    marked = pd.Series(bad, index=values.index)
    if marked.any():
        return parsed, marked
    if None not in exact:
        return pd.Series(exact, index=values.index, dtype="int64", name=values.name), marked
    if max((abs(number) for number in exact if number is not None), default=0) > 2**53:
        return pd.Series(exact, index=values.index, dtype="Int64", name=values.name), marked
    return parsed.astype(float), marked


def _check_offsets(values: pd.Series, name: str) -> None:
    texts = values[values.map(lambda value: isinstance(value, str))]
    offsets = texts.str.extract(r"T?\d\d:\d\d.*?(Z|[+-]\d\d:?\d\d)$")[0]
    if offsets.nunique() > 1 or (offsets.notna().any() and offsets.isna().any()):
        shown = ", ".join(sorted(offsets.fillna("none").unique())[:3])
        raise SourceError(
            f"{name}: column {values.name!r}: moments with more than one UTC offset ({shown}); "
            "export them in UTC"
        )


def _tell_far_dates(values: pd.Series, column: object, name: str) -> None:
    far = values[values.astype(str).str.match(r"(?:2262|226[3-9]|22[7-9]\d|2[3-9]\d\d|[3-9]\d{3})-\d\d-\d\d")]
    if len(far):
        raise SourceError(
            f"{name}: column {column!r}: {far.iloc[0]!r} lies after 2262-04-11, where pandas' clock of "
            "nanoseconds ends; if it stands for 'no end', name it in missing=, or read the column as text"
        )


def _parse(values: pd.Series, kind: Kind, name: str, first_row: int) -> pd.Series:
    present = values.notna()
    if kind == "text":
        bad = present & ~values.map(lambda value: isinstance(value, str))
        parsed = values.astype(object)
    elif kind == "date":
        _check_offsets(values[present], name)
        parsed = pd.to_datetime(values, format="ISO8601", errors="coerce")
        # pandas takes `now` and `today` for the moment of reading
        words = values.map(lambda value: isinstance(value, str) and not value.strip()[:1].isdigit())
        bad = present & (parsed.isna() | words.astype(bool))
        if bad.any():
            _tell_far_dates(values[bad], values.name, name)
    elif kind in ("integer", "number"):
        parsed = pd.to_numeric(values, errors="coerce")
        bad = present & parsed.isna()
        if kind == "integer":
            bad |= parsed.notna() & (parsed.astype(float) % 1 != 0)
            if not bad.any():
                parsed, bad = _integers(values, parsed)
    else:
        raise ValueError(f"columns[{values.name!r}]: kind {kind!r} is none of integer, number, text, date")
    if bad.any():
        position = int(bad.to_numpy().argmax())
        raise SourceError(
            f"{name}: column {values.name!r}: {int(bad.sum())} of {len(values)} values are no {kind} "
            f"(first: {values.iloc[position]!r} in row {position + first_row})"
        )
    return parsed
