"""Rules across columns as small named objects: comparison, presence, implication, and a check of one's own.

Taught in lesson 2.4 (data quality and missing data).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np
import pandas as pd

from mlhelpers.data.contracts.values import as_numbers, plain_values
from mlhelpers.data.iso_dates import read_iso_dates

__all__ = ["Check", "Compare", "Implies", "Present", "Rule", "require_columns"]

_OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Rule(Protocol):
    """What `quality_report` asks of a rule: its name, its columns, and which rows were tested and passed."""

    @property
    def name(self) -> str:
        """Name in the report."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""
        ...

    def test(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Two boolean arrays of shape (n_rows,): tested, and passed where tested."""
        ...


@dataclass(frozen=True)
class Compare:
    """Compare a column with another one or with a value, row by row.

    Taught in lesson 2.4. Rows in which either side is missing, or cannot be read as a number or date where
    one is wanted, are not tested: that is a question of completeness or validity.

    Attributes
    ----------
    left : str
        Column.
    sign : {"<", "<=", "==", "!=", ">=", ">"}
    right : str, optional
        Column to compare with.
    value : number, str or date, optional
        Value to compare with; text such as ``"2025-06-30"`` is a date. Exactly one of `right` and `value`.
    """

    left: str
    sign: str
    right: str | None = None
    value: Any = None

    def __post_init__(self) -> None:
        if self.sign not in _OPERATORS:
            raise ValueError(f"sign {self.sign!r} is none of {', '.join(_OPERATORS)}")
        if (self.right is None) == (self.value is None):
            raise ValueError(f"rule on {self.left!r}: give right=COLUMN or value=VALUE, and only one of them")

    @property
    def name(self) -> str:
        """Such as ``signup_date <= 2025-06-30``."""
        return f"{self.left} {self.sign} {self.right if self.value is None else self.value}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return (self.left,) if self.right is None else (self.left, self.right)

    def test(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Tested and passed rows."""
        try:
            return self._test(frame)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"rule {self.name!r} on {', '.join(map(repr, self.columns))}: {error}"
            ) from error

    def _test(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        left = frame[self.left]
        if self.right is not None:
            read = _reader(left, frame[self.right])
            left, right = read(left), read(frame[self.right])
            tested = (left.notna() & right.notna()).to_numpy()
        else:
            kind = pd.Series([self.value])
            dated = isinstance(self.value, str) and _DATE.match(self.value)
            read = _dates if dated else _reader(kind, kind)
            left, right = read(left), read(kind)[0]
            tested = left.notna().to_numpy()
        if self.sign not in ("==", "!="):
            _refuse_text_of_numbers(left, pd.Series([right]) if self.right is None else right)
        known = np.flatnonzero(tested)
        passed = np.zeros(len(frame), dtype=bool)
        other = right if self.right is None else right.iloc[known]
        passed[known] = np.asarray(_OPERATORS[self.sign](left.iloc[known], other), dtype=bool)
        return tested, passed


@dataclass(frozen=True)
class Present:
    """A column holds a value; useful as the second part of `Implies`. Taught in lesson 2.4."""

    column: str

    @property
    def name(self) -> str:
        """Such as ``last_ticket_days is known``."""
        return f"{self.column} is known"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def test(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """All rows are tested."""
        return np.ones(len(frame), dtype=bool), frame[self.column].notna().to_numpy()


@dataclass(frozen=True)
class Implies:
    """Where `when` holds, `then` must hold; other rows are not tested. Taught in lesson 2.4."""

    when: Rule
    then: Rule

    @property
    def name(self) -> str:
        """Such as ``if tickets_90d > 0: last_ticket_days <= 90``."""
        return f"if {self.when.name}: {self.then.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of both parts."""
        return tuple(dict.fromkeys((*self.when.columns, *self.then.columns)))

    def test(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Rows where `when` holds and `then` can be judged."""
        wanted, holds = self.when.test(frame)
        tested, passed = self.then.test(frame)
        tested = tested & wanted & holds
        return tested, passed & tested


@dataclass(frozen=True)
class Check:
    """A check of one's own on one or more columns.

    Taught in lesson 2.4.

    Attributes
    ----------
    name : str
        Name in the report, such as ``tenure fits the sign-up date``.
    columns : sequence of str
        Columns it reads; rows in which one of them is missing are not tested.
    passes : callable
        Takes the complete rows of these columns as a frame, returns one boolean a row.
    """

    name: str
    columns: Sequence[str]
    passes: Callable[[pd.DataFrame], Any]

    def test(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Complete rows are tested."""
        part = frame[list(self.columns)]
        tested = part.notna().all(axis=1).to_numpy()
        answer = np.asarray(self.passes(part[tested]))
        if answer.shape != (int(tested.sum()),) or answer.dtype != bool:
            raise ValueError(
                f"check {self.name!r} must return one True or False for each of {int(tested.sum())} rows, "
                f"got {answer.dtype} of shape {answer.shape}"
            )
        passed = np.zeros(len(frame), dtype=bool)
        passed[tested] = answer
        return tested, passed


def require_columns(frame: pd.DataFrame, columns: Sequence[str], role: str) -> None:
    """Raise an error that names a column that `frame` lacks, who wants it, and the nearest one it has.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    for column in columns:
        if column not in frame.columns:
            near = get_close_matches(str(column), [str(name) for name in frame.columns], n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(map(str, frame.columns))}"
            )
            raise ValueError(f"{role}: no column {column!r}; {hint}")


def _reader(left: pd.Series, right: pd.Series) -> Callable[[pd.Series], pd.Series]:
    """How both sides are read: as dates if one is a date, as numbers if one is a number, else as they are."""
    kinds = (left, right)
    if any(pd.api.types.is_datetime64_any_dtype(values) for values in kinds):
        return _dates
    if any(_is_number(values) for values in kinds):
        return as_numbers
    return lambda values: values.astype(object)


def _dates(values: pd.Series) -> pd.Series:
    return read_iso_dates(values)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(plain_values(values).dtype)


def _refuse_text_of_numbers(left: pd.Series, right: pd.Series) -> None:
    """Texts are ordered letter by letter, by which 9 is above 10."""
    if all(_holds_text_of_numbers(values) for values in (left, right)):
        raise ValueError(
            "both sides are texts that are numbers, which would be compared letter by letter; "
            "read them as numbers first, such as by pd.to_numeric"
        )


def _holds_text_of_numbers(values: pd.Series) -> bool:
    if values.dtype != object:
        return False
    texts = values[values.map(lambda value: isinstance(value, str)).astype(bool)]
    return bool(as_numbers(texts).notna().any())
