"""Dates in ISO 8601 read without guessing: no `today`, no number, far dates and zones told apart.

Not taught by itself; readers, contracts and quality reports read dates by it.
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["MixedZonesError", "is_date_word", "read_iso_dates"]

# pandas reads these as the moment of the run.
_WORDS = frozenset({"now", "today"})


class MixedZonesError(ValueError):
    """Some dates of a column have a zone and others have none, so that they cannot be ordered.

    Attributes
    ----------
    position : int
        First row, from 0, that differs from the first date of the column.
    """

    def __init__(self, position: int) -> None:
        super().__init__("some dates have a zone and others have none; give all of them one or none")
        self.position = position


def is_date_word(value: Any) -> bool:
    """Whether a value is a word, such as ``today``, that pandas takes for the moment of the run."""
    return isinstance(value, str) and value.strip().lower() in _WORDS


def read_iso_dates(values: pd.Series) -> pd.Series:
    """Read a column of dates or of texts in ISO 8601; NaT where a value is missing or no date.

    Parameters
    ----------
    values : Series
        Dates stay as they are. A number or a word such as ``today`` is no date.

    Returns
    -------
    Series
        ``datetime64[ns]``; in microseconds if a date such as 9999-12-31 lies beyond the years that
        nanoseconds reach (1678 to 2261). With one offset from UTC, in that zone; with several, in UTC.

    Raises
    ------
    MixedZonesError
        If some dates have a zone and others have none.
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.astype(dtype.categories.dtype)
    elif isinstance(dtype, pd.ArrowDtype):
        values = _from_arrow(values)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values
    if pd.api.types.is_numeric_dtype(values.dtype) or values.dtype.kind == "m":
        return pd.Series(np.full(len(values), np.datetime64("NaT", "ns")), values.index, name=values.name)
    cells = values.astype(object)
    cells = cells.where(cells.map(_may_be_date).astype(bool), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # how pandas 2 tells of several offsets
        try:
            parsed = pd.to_datetime(cells, format="ISO8601", errors="coerce")
        except (FutureWarning, ValueError, TypeError):
            parsed = None
    if parsed is not None and pd.api.types.is_datetime64_any_dtype(parsed.dtype):
        lost = (cells.notna() & parsed.isna()).to_numpy()
        if not lost.any() or not any(_moment(cell) is not None for cell in cells[lost]):
            return parsed
    return _one_by_one(cells)


def _from_arrow(values: pd.Series) -> pd.Series:
    import pyarrow as pa

    kind = values.dtype.pyarrow_dtype
    if pa.types.is_date(kind):
        return values.astype(object)
    if pa.types.is_timestamp(kind):
        return pd.Series(
            values.array._pa_array.to_pandas().to_numpy(dtype=object), values.index, object
        ).pipe(lambda cells: cells.astype(f"datetime64[{kind.unit}]" if kind.tz is None else _zoned(kind)))
    return values


def _zoned(kind: Any) -> pd.DatetimeTZDtype:
    return pd.DatetimeTZDtype(kind.unit, kind.tz)


def _may_be_date(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip()[:1].isdigit()
    return isinstance(value, date | np.datetime64)


def _moment(value: Any) -> datetime | None:
    """A date as Python has it, which reaches from year 1 to 9999."""
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)
        return pd.Timestamp(value).to_pydatetime(warn=False)
    except (ValueError, OverflowError, TypeError):
        return None


def _one_by_one(cells: pd.Series) -> pd.Series:
    """Far dates and several offsets, value by value."""
    moments, unit = [], "ns"
    for cell in cells:
        moment = None if cell is None or cell is pd.NaT or cell is pd.NA else _timestamp(cell)
        if moment is not None and not pd.Timestamp.min.year < moment.year < pd.Timestamp.max.year:
            unit = "us"
        moments.append(moment)
    offsets = {moment.utcoffset() for moment in moments if moment is not None}
    if None in offsets and len(offsets) > 1:
        known = [
            (place, moment.utcoffset() is None) for place, moment in enumerate(moments) if moment is not None
        ]
        raise MixedZonesError(next(place for place, naive in known if naive != known[0][1]))
    if offsets and None not in offsets:
        # The instants first; one offset is then shown as it was written.
        array = [None if m is None else _instant(m, unit) for m in moments]
        read = pd.Series(np.array(array, dtype=f"datetime64[{unit}]"), cells.index, name=cells.name)
        read = read.dt.tz_localize("UTC")
        if len(offsets) > 1:
            return read
        zone = next(moment.tzinfo for moment in moments if moment is not None)
        return read.dt.tz_convert(zone)
    array = [None if m is None else _instant(m, unit) for m in moments]
    return pd.Series(np.array(array, dtype=f"datetime64[{unit}]"), cells.index, name=cells.name)


def _timestamp(cell: Any) -> datetime | None:
    """As pandas reads it, nanoseconds included; as Python does where pandas cannot."""
    try:
        read = pd.to_datetime(cell, format="ISO8601") if isinstance(cell, str) else pd.Timestamp(cell)
    except (ValueError, TypeError, OverflowError):
        return _moment(cell)
    return None if read is pd.NaT else read


def _instant(moment: datetime, unit: str) -> np.datetime64:
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:  # the last hours of year 9999
            return np.datetime64("NaT", unit)
        moment = moment.tz_localize(None) if isinstance(moment, pd.Timestamp) else moment.replace(tzinfo=None)
    if isinstance(moment, pd.Timestamp):
        return moment.to_datetime64().astype(f"datetime64[{unit}]")
    return np.datetime64(moment, unit)
