"""Dates in several formats, read by a stated rule for day and month.

Taught in lesson 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.iso_dates import is_date_word
from mlhelpers.features.base import ColumnTransform
from mlhelpers.features.cleaning.base import check_choice, check_missing, is_blank, levels, stack

FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y")
DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")
MONTH_FIRST = ("%m/%d/%Y", "%m.%d.%Y", "%m-%d-%Y")
_NAT = np.datetime64("NaT", "ns")


class DateParser(ColumnTransform):
    """Read dates from text; a date with two readings is decided by a stated policy or not at all.

    Taught in lesson 3.1. Every format is tried on every value. If all that fit agree, the value is read; if
    they disagree, as day first and month first do for ``"05/03/2025"``, it is ambiguous.

    Parameters
    ----------
    formats : sequence of str, default=FORMATS
        ``strptime`` formats beside those of `day_first`; month names in the language of the process's locale.
        A time with an offset (``%z``) or a zone is given in UTC, as numpy has no zones.
    day_first : bool, optional
        How ``05/03/2025``, ``05.03.2025`` and ``05-03-2025`` are meant. True: day, month, year; a value that
        is no date this way, such as ``05/23/2025``, is unreadable and not turned around. False: month, day,
        year. If omitted, both are tried.
    earliest, latest : str, date or Timestamp, optional
        Readings outside are no readings.
    missing : sequence of str, default=("", "N/A", "-999")
        Spellings of a gap.
    errors : {"raise", "nat"}, default="raise"
        An ambiguous or unreadable value is an error that names column, row and value, or NaT; `review` lists
        them.
    output : {"datetime", "days"}, default="datetime"
        ``datetime64[ns]``, or days since 1970-01-01 as float, which models take. Numbers in the input are
        read as such days.

    Raises
    ------
    ValueError
        If a value cannot be read and ``errors="raise"``, or the columns are not those of the training data.
    """

    def __init__(
        self,
        *,
        formats: Sequence[str] = FORMATS,
        day_first: bool | None = None,
        earliest: str | date | None = None,
        latest: str | date | None = None,
        missing: Sequence[str] = ("", "N/A", "-999"),
        errors: str = "raise",
        output: str = "datetime",
    ):
        self.formats = formats
        self.day_first = day_first
        self.earliest = earliest
        self.latest = latest
        self.missing = missing
        self.errors = errors
        self.output = output

    def fit(self, X: Any, y: Any = None) -> DateParser:
        """Check the parameters and that the training data can be read.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Text, dates or days since 1970-01-01.
        y : ignored

        Returns
        -------
        DateParser
        """
        check_choice(self.errors, ("raise", "nat"), "errors")
        check_choice(self.output, ("datetime", "days"), "output")
        if self.day_first not in (None, True, False):
            raise ValueError(f"day_first must be None, True or False, got {self.day_first!r}")
        if isinstance(self.formats, str):
            raise TypeError(f"formats: give a list of formats, [{self.formats!r}]")
        for name in ("earliest", "latest"):
            _check_limit(name, getattr(self, name))
        self._parse(self._frame(X, fit=True))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Read the dates.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of datetime64[ns] or float of shape (n_samples, n_features)
            NaT or NaN where the value is missing.
        """
        return self._parse(self._frame(X))

    def review(self, X: Any) -> pd.DataFrame:
        """List the values that have no or more than one reading.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        DataFrame
            column, value, count, decision ("ambiguous" or "unreadable"), readings (ISO dates), by count.
        """
        frame, rows = self._frame(X), []
        for place, name in enumerate(frame.columns):
            codes, values = levels(frame.iloc[:, place], name)
            counts = np.bincount(codes[codes >= 0], minlength=len(values))
            for value, count, (_, decision, readings) in zip(values, counts, self._read(values), strict=True):
                if decision:
                    texts = [pd.Timestamp(reading).strftime("%Y-%m-%d") for reading in readings]
                    rows.append((name, value, int(count), decision, " or ".join(texts)))
        table = pd.DataFrame(rows, columns=["column", "value", "count", "decision", "readings"])
        return table.sort_values("count", ascending=False, kind="stable", ignore_index=True)

    def _parse(self, frame: pd.DataFrame) -> np.ndarray:
        columns = []
        for place, name in enumerate(frame.columns):
            codes, values = levels(frame.iloc[:, place], name)
            read = np.full(len(values) + 1, _NAT)  # code -1, a gap, takes the last one
            for code, (moment, decision, readings) in enumerate(self._read(values)):
                if decision and self.errors == "raise":
                    row = frame.index[np.argmax(codes == code)]
                    raise ValueError(f"column {name!r}, row {row!r}: {_complaint(values[code], readings)}")
                read[code] = moment
            columns.append(read[codes])
        dates = stack(columns, len(frame), "datetime64[ns]")
        if self.output == "datetime":
            return dates
        days = (dates - np.datetime64(0, "ns")) / np.timedelta64(1, "D")
        return days.astype(np.float32) if all(kind == np.float32 for kind in frame.dtypes) else days

    def _read(self, values: list[Any]) -> list[tuple[np.datetime64, str, list[np.datetime64]]]:
        """For each value the date, the decision ("" when read) and its readings."""
        missing = check_missing(self.missing)
        texts = pd.Series(
            [
                value.strip() if isinstance(value, str) and not is_date_word(value) else None
                for value in values
            ],
            dtype=object,
        )
        readings: list[dict[np.datetime64, None]] = [{} for _ in values]
        for form in self._all_formats():
            for place, moment in enumerate(_by_format(texts, form)):
                if not np.isnat(moment):
                    readings[place][moment] = None
        result = []
        for value, found in zip(values, readings, strict=True):
            if isinstance(value, str) and is_blank(value, missing):
                result.append((_NAT, "", []))
                continue
            possible = [moment for moment in (found or _not_text(value)) if self._inside(moment)]
            if len(possible) == 1:
                result.append((possible[0], "", possible))
            else:
                result.append((_NAT, "ambiguous" if possible else "unreadable", possible))
        return result

    def _all_formats(self) -> list[str]:
        numeric = {None: (*DAY_FIRST, *MONTH_FIRST), True: DAY_FIRST, False: MONTH_FIRST}
        return [*self.formats, *numeric[self.day_first]]

    def _inside(self, moment: np.datetime64) -> bool:
        when = pd.Timestamp(moment)
        return (self.earliest is None or when >= _in_utc(self.earliest)) and (
            self.latest is None or when <= _in_utc(self.latest)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        kept = self.output == "days"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"] if kept else []
        return tags


def _check_limit(name: str, limit: Any) -> None:
    if limit is None:
        return
    try:
        known = not is_date_word(limit) and not pd.isna(_in_utc(limit))
    except (TypeError, ValueError):
        known = False
    if not known:
        raise ValueError(f"{name} must be a date such as '2020-01-31', got {limit!r}")


def _in_utc(limit: str | date) -> pd.Timestamp:
    moment = pd.Timestamp(limit)
    return moment if moment.tz is None else moment.tz_convert("UTC").tz_localize(None)


def _by_format(texts: pd.Series, form: str) -> np.ndarray:
    """Texts read by one format, as datetime64[ns]; those with an offset from UTC in UTC."""
    zoned = "%z" in form or "%Z" in form
    read = pd.to_datetime(texts, format=form, errors="coerce", utc=zoned)
    return (read.dt.tz_localize(None) if zoned else read).to_numpy("datetime64[ns]")


def _not_text(value: Any) -> list[np.datetime64]:
    """Reading of a date or of days since 1970-01-01."""
    if isinstance(value, str | bool):
        return []
    try:
        if isinstance(value, date | np.datetime64):
            moment = pd.Timestamp(value)
        else:
            moment = pd.Timestamp(0) + pd.Timedelta(float(value), unit="D")
        return [moment.as_unit("ns").to_datetime64()] if moment.tz is None else []
    except (TypeError, ValueError, OverflowError):  # a container, a number that is no day
        return []


def _complaint(value: Any, readings: list[np.datetime64]) -> str:
    if readings:
        first, second = (pd.Timestamp(reading).strftime("%Y-%m-%d") for reading in readings[:2])
        return f"{value!r} may be {first} or {second}; set day_first, or errors='nat' and look at review(X)"
    return (
        f"{value!r} fits none of the formats; add its format, add it to missing, or set errors='nat' "
        "and look at review(X)"
    )
