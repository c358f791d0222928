"""Numbers that an export wrote as text: currency signs, separators, spellings of a gap, wrong units.

Taught in lesson 3.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.base import ColumnTransform
from mlhelpers.features.cleaning.base import (
    MISSING,
    by_column,
    check_choice,
    check_missing,
    is_blank,
    levels,
    stack,
)


class NumberParser(ColumnTransform):
    """Read numbers from text; what cannot be read is an error or reported, never silently lost.

    Taught in lesson 3.1. A thousands separator must stand before groups of three digits: ``"1,234.5"`` is a
    number and ``"1,23"`` is not, since it may be a decimal comma.

    Parameters
    ----------
    missing : sequence of str, default=("", "N/A", "-999")
        Spellings of a gap. A number equal to one of them, such as -999.0, is a gap too.
    currency : str, default="$€£"
        Signs that may stand before or after a number.
    decimal, thousands : str, default="." and ","
        Decimal mark and thousands separator; ``thousands=""`` for none.
    slips : mapping of column to (limit, factor), optional
        A unit slip: values above `limit` are divided by `factor`, for example ``{"data_gb": (80, 1024)}``
        where some rows are in MB and no plan exceeds 80 GB. A column is given by its name or its place.
    digits : int, optional
        Decimals to which values repaired by `slips` are rounded; not rounded if omitted.
    errors : {"raise", "nan"}, default="raise"
        What becomes of text that is no number: a `ValueError` that names column, row and value, or NaN.

    Attributes
    ----------
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Raises
    ------
    ValueError
        If a value cannot be read and ``errors="raise"``, a limit or factor is not positive, or the columns
        are not those of the training data.
    """

    def __init__(
        self,
        *,
        missing: Sequence[str] = MISSING,
        currency: str = "$€£",
        decimal: str = ".",
        thousands: str = ",",
        slips: Mapping[str | int, tuple[float, float]] | None = None,
        digits: int | None = None,
        errors: str = "raise",
    ):
        self.missing = missing
        self.currency = currency
        self.decimal = decimal
        self.thousands = thousands
        self.slips = slips
        self.digits = digits
        self.errors = errors

    def fit(self, X: Any, y: Any = None) -> NumberParser:
        """Check the parameters and that the training data can be read.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Text, numbers or both.
        y : ignored

        Returns
        -------
        NumberParser
        """
        check_choice(self.errors, ("raise", "nan"), "errors")
        if len(self.decimal) != 1 or len(self.thousands) > 1 or self.decimal == self.thousands:
            raise ValueError(
                "decimal and thousands must be two different signs, "
                f"got {self.decimal!r} and {self.thousands!r}"
            )
        frame = self._frame(X, fit=True)
        for place, (limit, factor) in by_column(self.slips, frame, "slips").items():
            if not (limit > 0 and factor > 1):
                raise ValueError(
                    f"slips of {frame.columns[place]!r}: the limit must be above 0 and the factor above 1, "
                    f"got {limit} and {factor}"
                )
        self._parse(frame)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Read the numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float of shape (n_samples, n_features)
            NaN where the value is missing.
        """
        return self._parse(self._frame(X))

    def review(self, X: Any) -> pd.DataFrame:
        """List what cannot be read or was divided because of its unit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        DataFrame
            column, value (as it stands there), count, number (NaN if unreadable), decision ("unreadable" or
            "unit slip"), by count.
        """
        frame, rows, read_one = self._frame(X), [], self._reader()
        slips = by_column(self.slips, frame, "slips")
        for place, name in enumerate(frame.columns):
            codes, values = levels(frame.iloc[:, place], name)
            counts = np.bincount(codes[codes >= 0], minlength=len(values))
            for value, count in zip(values, counts, strict=True):
                number, problem = read_one(value)
                fixed = self._rescale(number, slips.get(place))
                decision = problem or ("unit slip" if number > fixed else "")
                if decision:
                    rows.append((name, value, int(count), fixed, decision))
        table = pd.DataFrame(rows, columns=["column", "value", "count", "number", "decision"])
        return table.sort_values("count", ascending=False, kind="stable", ignore_index=True)

    def _parse(self, frame: pd.DataFrame) -> np.ndarray:
        slips = by_column(self.slips, frame, "slips")
        columns, read_one = [], self._reader()
        for place, name in enumerate(frame.columns):
            codes, values = levels(frame.iloc[:, place], name)
            read = np.full(len(values) + 1, np.nan)  # code -1, a gap, takes the last one
            for code, value in enumerate(values):
                number, problem = read_one(value)
                if problem and self.errors == "raise":
                    row = frame.index[np.argmax(codes == code)]
                    raise ValueError(
                        f"column {name!r}, row {row!r}: {value!r} is no number; repair it, "
                        "add it to missing, or set errors='nan' and look at review(X)"
                    )
                read[code] = self._rescale(number, slips.get(place))
            columns.append(read[codes])
        dtype = np.float32 if all(kind == np.float32 for kind in frame.dtypes) else np.float64
        return stack(columns, len(frame), dtype)

    def _rescale(self, number: float, slip: tuple[float, float] | None) -> float:
        if slip is None or not number > slip[0]:
            return number
        fixed = number / slip[1]
        return fixed if self.digits is None else round(fixed, self.digits)

    def _reader(self) -> Callable[[Any], tuple[float, str]]:
        """Function that gives a value's number and what is wrong with it."""
        missing, pattern = check_missing(self.missing), self._pattern()
        gaps = _as_numbers(missing)

        def read(value: Any) -> tuple[float, str]:
            if isinstance(value, str):
                if is_blank(value, missing):
                    return math.nan, ""
                match = pattern.fullmatch(value.strip().replace("\N{MINUS SIGN}", "-"))
                if not match:
                    return math.nan, "unreadable"
                digits = match["digits"].replace(self.thousands or " ", "").replace(self.decimal, ".")
                value = (match["sign"] or "") + digits
            try:
                number = float(value)
            except (TypeError, ValueError):  # a date or another object
                return math.nan, "unreadable"
            if math.isinf(number):
                return math.nan, "unreadable"
            return (math.nan if number in gaps else number), ""

        return read

    def _pattern(self) -> re.Pattern[str]:
        sign = f"[{re.escape(self.currency)}]?" if self.currency else ""
        whole = r"\d+"
        if self.thousands:
            whole = rf"(?:\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+)"
        point = re.escape(self.decimal)
        digits = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
        return re.compile(rf"{sign}\s*(?P<sign>[+-])?\s*{sign}\s*(?P<digits>{digits})\s*{sign}", re.ASCII)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _as_numbers(missing: tuple[str, ...]) -> set[float]:
    numbers = set()
    for word in missing:
        try:
            numbers.add(float(word))
        except ValueError:
            continue
    return numbers
