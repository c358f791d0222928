"""Counts of categories, by name up to a cap: what a profile keeps of a categorical column.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["N_BUCKETS", "CategoryCounter", "CategoryProfile", "labels_of"]

N_BUCKETS = 4096


@dataclass(frozen=True, eq=False)
class CategoryProfile:
    """What is kept of a categorical column; two of them add up exactly.

    Up to `cap` different categories are counted by name. A column with more, such as an identifier, is
    counted by a hash of the name, in 4,096 buckets. (A list of only the most frequent names would depend on
    the order in which parts are added.) A profile is a function of the rows alone, whatever their order.

    Attributes
    ----------
    n, missing : int
        Rows; rows without a value.
    cap : int
        Most categories that are counted by name.
    counts : mapping of str to int, or None
        Rows of each category, the names in alphabetical order; None if there are more than `cap`.
    buckets : ndarray of int64, shape (4096,), or None
        Rows of each bucket of names; None if counted by name.
    """

    n: int
    missing: int
    cap: int
    counts: Mapping[str, int] | None
    buckets: np.ndarray | None

    def at_most(self, name: str) -> int:
        """Rows of a category: exact if counted by name, else the rows of its bucket, an upper limit."""
        if self.counts is not None:
            return self.counts.get(name, 0)
        return int(self.in_buckets()[_bucket([name])[0]])

    def in_buckets(self) -> np.ndarray:
        """Rows of each bucket of names, shape (4096,)."""
        if self.buckets is not None:
            return self.buckets
        return _to_buckets(self.counts)

    def __add__(self, other: CategoryProfile) -> CategoryProfile:
        if not isinstance(other, CategoryProfile):
            raise ValueError("a categorical column cannot be added to a numeric one")
        if self.cap != other.cap:
            raise ValueError(f"caps {self.cap} and {other.cap} differ; profile both with the same")
        n, missing = self.n + other.n, self.missing + other.missing
        if self.counts is not None and other.counts is not None:
            counts = dict(self.counts)
            for name, rows in other.counts.items():
                counts[name] = counts.get(name, 0) + rows
            if len(counts) <= self.cap:
                return CategoryProfile(n, missing, self.cap, dict(sorted(counts.items())), None)
        return CategoryProfile(n, missing, self.cap, None, self.in_buckets() + other.in_buckets())

    def state(self) -> dict[str, Any]:
        """Everything as plain values: what is compared and saved."""
        return {
            "type": "categorical",
            "n": self.n,
            "missing": self.missing,
            "cap": self.cap,
            "counts": None if self.counts is None else dict(self.counts),
            "buckets": None if self.buckets is None else self.buckets.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> CategoryProfile:
        """Undo `state`."""
        counts, buckets = state["counts"], state["buckets"]
        return cls(
            state["n"],
            state["missing"],
            state["cap"],
            None if counts is None else dict(sorted(counts.items())),
            None if buckets is None else np.asarray(buckets, dtype=np.int64),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CategoryProfile) and self.state() == other.state()

    __hash__ = None


class CategoryCounter:
    """Counts the values of a categorical column, part by part, in memory that does not grow with the rows."""

    def __init__(self, cap: int = 1000) -> None:
        if cap < 1:
            raise ValueError(f"the cap must be at least 1, got {cap}")
        self.cap, self.n, self.missing = cap, 0, 0
        self._counts: dict[str, int] | None = {}
        self._buckets: np.ndarray | None = None

    def add(self, counts: Mapping[Any, int], n: int) -> None:
        """Count `n` rows: how often each value occurs; the other rows have none."""
        known = sum(counts.values())
        self.n, self.missing = self.n + n, self.missing + n - known
        named: dict[str, int] = {}
        for value, rows in counts.items():
            label = value if type(value) is str else _label(value)
            named[label] = named.get(label, 0) + int(rows)
        if self._counts is not None:
            for label, rows in named.items():
                self._counts[label] = self._counts.get(label, 0) + rows
            if len(self._counts) <= self.cap:
                return
            named, self._counts, self._buckets = self._counts, None, np.zeros(N_BUCKETS, dtype=np.int64)
        self._buckets += _to_buckets(named)

    def result(self) -> CategoryProfile:
        """Profile of what was added so far."""
        counts = None if self._counts is None else dict(sorted(self._counts.items()))
        buckets = None if self._buckets is None else self._buckets.copy()
        return CategoryProfile(self.n, self.missing, self.cap, counts, buckets)


def value_counts(column: pd.Series) -> dict[Any, int]:
    """Rows of each value that occurs, missing ones left out."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        rows = np.bincount(column.cat.codes.to_numpy() + 1, minlength=len(column.cat.categories) + 1)[1:]
        return {value: int(n) for value, n in zip(column.cat.categories, rows, strict=True) if n}
    found = column.value_counts(sort=False, dropna=True)
    plain = column.dtype != object or all(type(value) is str for value in found.index)
    if not plain and pd.api.types.infer_dtype(column, skipna=True) not in ("boolean", "integer", "floating"):
        # True == 1 == 1.0, but in a column that mixes kinds they are two names
        found = column.dropna().map(_label).value_counts(sort=False)
    return dict(zip(found.index.tolist(), found.tolist(), strict=True))


def labels_of(column: pd.Series) -> np.ndarray:
    """Name of the category of each row, None where it is missing; dtype object.

    Codes with a gap, which pandas stores as floats, have the names of the whole numbers they are.
    """
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True).startswith("mixed"):
        # True == 1 == 1.0, but in a column that mixes kinds they are two names
        return np.array([None if pd.isna(value) else _label(value) for value in column], dtype=object)
    codes, values = pd.factorize(column, use_na_sentinel=True)
    return np.array([*map(_label, values), None], dtype=object)[codes]  # code -1 picks the None


def _label(value: Any) -> str:
    """Name of a category: a column of whole numbers with a gap is stored as floats, but means the same."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value)


def _bucket(names: list[str]) -> np.ndarray:
    """Bucket of each name, the same on every machine (unlike `hash`)."""
    hashed = pd.util.hash_array(np.array(names, dtype=object), categorize=False)
    return (hashed % np.uint64(N_BUCKETS)).astype(np.int64)


def _to_buckets(counts: Mapping[str, int]) -> np.ndarray:
    if not counts:
        return np.zeros(N_BUCKETS, dtype=np.int64)
    weights = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
    rows = np.bincount(_bucket(list(counts)), weights=weights, minlength=N_BUCKETS)
    return rows.astype(np.int64)
