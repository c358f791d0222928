"""Counts of a number on a fixed grid, and exact sums: what a profile keeps of a numeric column.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

UNIT = 1074  # exact sums are whole multiples of 2**-1074, the smallest double
_WINDOW = 36  # bits added up at a time: 2**16 rows of 2**36 stay below 2**53, so each addition is exact


def exact_sum(rest: np.ndarray) -> int:
    """Sum of 1 to 2**16 finite values below 2**1000 as a multiple of 2**-1074; `rest` is used up.

    Rounds all values to one window of bits at a time: sums within a window have no rounding error.
    """
    total, part = 0, np.empty_like(rest)
    top = int(np.frexp(max(rest.max(), -rest.min()))[1])
    while len(rest):
        lowest = max(top - _WINDOW, -UNIT)
        part = part[: len(rest)]
        shift = 1.5 * 2.0 ** (lowest + 52)
        np.add(rest, shift, out=part)
        part -= shift
        numerator, denominator = float(part.sum()).as_integer_ratio()
        total += numerator << (UNIT - denominator.bit_length() + 1)
        rest -= part
        left = np.count_nonzero(rest)
        if 2 * left < len(rest):
            rest = rest[rest != 0]
        top = lowest
    return total


def ratio(total: int, n: int, unit: int = UNIT) -> float:
    """Return ``total`` units of 2**-unit over `n`, rounded once; NaN for n = 0."""
    return total / (n << unit) if n else np.nan


__all__ = [
    "CELLS_PER_OCTAVE",
    "HEAVY",
    "UNIT",
    "NumericCounter",
    "NumericProfile",
    "cell_limits",
    "exact_sum",
    "keys_of",
    "numbers_of",
    "ratio",
]

HEAVY = 0.05  # a value that so large a share of the rows holds: bins are cut beside it, not at it
_DAY = pd.Timedelta(days=1)


def numbers_of(column: pd.Series, what: str | None = None) -> np.ndarray:
    """Values of a column as float64: dates as days since 1970 (UTC), durations in days, gaps as NaN.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Numbers, texts of numbers, dates or durations.
    what : str, optional
        What the values are, for the message; "column" and its name if omitted.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        If a value is none of these; the message names its row.
    TypeError
        If the whole column has a type that is none of these.
    """
    types = pd.api.types
    what = what or f"column {column.name!r}"
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if types.is_object_dtype(column.dtype):
        column = column.where(column.notna(), np.nan)  # NaT among objects would become a number
        kind = types.infer_dtype(column, skipna=True)
        if kind in ("date", "datetime", "datetime64"):
            column = pd.to_datetime(column, utc=True)
        elif kind in ("timedelta", "timedelta64"):
            column = pd.to_timedelta(column)
    if types.is_datetime64_any_dtype(column.dtype):
        zone = "UTC" if isinstance(column.dtype, pd.DatetimeTZDtype) else None
        return ((column - pd.Timestamp(0, tz=zone)) / _DAY).to_numpy(dtype=np.float64)
    if types.is_timedelta64_dtype(column.dtype):
        return (column / _DAY).to_numpy(dtype=np.float64)
    is_numpy = isinstance(column.dtype, np.dtype)
    if (is_numpy and column.dtype.kind == "c") or isinstance(column.dtype, pd.PeriodDtype | pd.IntervalDtype):
        raise TypeError(f"{what} is {column.dtype}, which is no number; turn it into one, or leave it out")
    if not is_numpy or column.dtype.kind not in "fiub":
        column = _parsed(column, what)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _parsed(column: pd.Series, what: str) -> pd.Series:
    try:
        return pd.to_numeric(column)
    except (TypeError, ValueError):
        for row, value in column.dropna().items():
            try:
                pd.to_numeric(pd.Series([value]))
            except (TypeError, ValueError):
                advice = "correct it, make it missing, or compare the column as categorical"
                raise ValueError(f"{what}, row {row!r}: {value!r} is no number; {advice}") from None
        raise


_BITS = 11  # bits of the mantissa that name a cell
CELLS_PER_OCTAVE = 1 << _BITS
_SHIFT = 52 - _BITS
_REACH = 100  # magnitudes below 2**-100 share the cell of zero, those from 2**100 on the outermost cell
_BASE = ((1023 - _REACH) << _BITS) - 1
_TOP = 2 * _REACH * CELLS_PER_OCTAVE + 1
_ROWS = 1 << 16
_HUGE = 2.0**500  # counts as infinite, as its square could not be added up


@dataclass(frozen=True, eq=False)
class NumericProfile:
    """What is kept of a numeric column; two of them add up exactly.

    A value's cell is its sign, its exponent and the first 11 bits of its mantissa, so a cell is at most
    2**-11 (0.05%) of its values wide, and whole numbers up to 4,096 have a cell each. The grid is the same
    for all columns, so counts can be added in any order.

    Attributes
    ----------
    n, missing, infinite_low, infinite_high : int
        Rows; rows without a value; rows with minus and plus infinity, or beyond 2**500 (3e150).
    keys, counts : ndarray of int64, shape (n_cells,)
        Occupied cells in ascending order of their values, and rows in each.
    total, total_squares : int
        Exact sums of the finite values, less `origin`, and of their rounded squares, in units of 2**-1074.
    low, high : float
        Smallest and largest finite value; NaN without one.
    whole : bool
        Whether all finite values are whole numbers.
    origin : float
        Taken off each value before it is put on the grid.
    """

    n: int
    missing: int
    infinite_low: int
    infinite_high: int
    keys: np.ndarray
    counts: np.ndarray
    total: int
    total_squares: int
    low: float
    high: float
    whole: bool
    origin: float

    @property
    def known(self) -> int:
        """Rows with a finite value."""
        return self.n - self.missing - self.infinite_low - self.infinite_high

    @property
    def mean(self) -> float:
        """Mean of the finite values, rounded once; NaN without one."""
        return self.origin + ratio(self.total, self.known)

    @property
    def sd(self) -> float:
        """Standard deviation, n - 1 below; loses digits where the mean, less `origin`, is 1e5 times it."""
        if self.known < 2 or self.low == self.high:
            return 0.0 if self.known > 1 else np.nan
        # n * squares - total**2 in whole numbers, so that nothing cancels but what squaring has rounded
        spread = (self.known * self.total_squares << UNIT) - self.total**2
        return float(np.sqrt(max(0.0, ratio(spread, self.known * (self.known - 1), 2 * UNIT))))

    @property
    def values(self) -> np.ndarray:
        """One value for each cell: its middle, or the only whole number or value that it can hold."""
        low, high = cell_limits(self.keys, self.origin, self.low, self.high, self.whole)
        return low + (high - low) / 2

    def quantile(self, q: float) -> float:
        """Quantile of the finite values: right to the width of a cell, 0.05% of ``value - origin``."""
        if not 0 <= q <= 1 or not self.known:
            raise ValueError(f"q must be from 0 to 1 and the column must have a value, got q={q}")
        rank = max(1, int(np.ceil(q * self.known)))
        return float(self.values[np.searchsorted(np.cumsum(self.counts), rank)])

    def cuts(self, bins: int) -> np.ndarray:
        """Keys of the cells that end the first ``bins - 1`` quantile bins, without repeats.

        A bin does not end with a cell that 5% of the rows or more share, but midway to the next occupied
        cell, or half of the smallest gap beyond the last: a small shift of such a value does not empty its
        bin.
        """
        ranks = np.ceil(np.arange(1, bins) / bins * self.known)
        chosen = np.unique(np.searchsorted(np.cumsum(self.counts), ranks))
        cuts = self.keys[chosen]
        if len(self.keys) < 2:
            return cuts
        values = self.values - self.origin
        gaps = np.diff(values)
        half = np.append(gaps, gaps.min())[chosen] / 2
        alone = np.append(np.diff(self.keys) > 1, True)[chosen]
        heavy = alone & (self.counts[chosen] >= HEAVY * self.known)
        return np.where(heavy, np.maximum(cuts, keys_of(values[chosen] + half)), cuts)

    def cut_values(self, bins: int) -> np.ndarray:
        """Right edges of the quantile bins as values: a bin holds what is at most its edge."""
        edges = _edges(self.cuts(bins))[1] + self.origin
        return np.floor(edges) if self.whole else edges

    def bin_counts(self, cuts: np.ndarray) -> np.ndarray:
        """Rows in each bin that ends at `cuts` (keys), infinities in the outer bins, missing rows last."""
        bins = np.searchsorted(cuts, self.keys, side="left")
        counts = np.bincount(bins, weights=self.counts, minlength=len(cuts) + 1).astype(np.int64)
        counts[0] += self.infinite_low
        counts[-1] += self.infinite_high
        return np.append(counts, self.missing)

    def __add__(self, other: NumericProfile) -> NumericProfile:
        if not isinstance(other, NumericProfile):
            raise ValueError("a numeric column cannot be added to a categorical one")
        if self.origin != other.origin:
            raise ValueError(f"origins {self.origin} and {other.origin} differ; profile both with the same")
        keys = np.union1d(self.keys, other.keys)
        counts = np.zeros(len(keys), dtype=np.int64)
        for part in (self, other):
            counts[np.searchsorted(keys, part.keys)] += part.counts
        return NumericProfile(
            n=self.n + other.n,
            missing=self.missing + other.missing,
            infinite_low=self.infinite_low + other.infinite_low,
            infinite_high=self.infinite_high + other.infinite_high,
            keys=keys,
            counts=counts,
            total=self.total + other.total,
            total_squares=self.total_squares + other.total_squares,
            low=float(np.fmin(self.low, other.low)),
            high=float(np.fmax(self.high, other.high)),
            whole=self.whole and other.whole,
            origin=self.origin,
        )

    def state(self) -> dict[str, Any]:
        """Everything as plain values: what is compared and saved. Sums are hexadecimal text."""
        return {
            "type": "numeric",
            **{name: getattr(self, name) for name in ("n", "missing", "infinite_low", "infinite_high")},
            "total": hex(self.total),
            "total_squares": hex(self.total_squares),
            "low": None if np.isnan(self.low) else self.low,
            "high": None if np.isnan(self.high) else self.high,
            "whole": self.whole,
            "origin": self.origin,
            "keys": self.keys.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> NumericProfile:
        """Undo `state`."""
        read = {name: value for name, value in state.items() if name != "type"}
        for name in ("total", "total_squares"):
            read[name] = int(read[name], 16)
        for name in ("low", "high"):
            read[name] = np.nan if read[name] is None else float(read[name])
        for name in ("keys", "counts"):
            read[name] = np.asarray(read[name], dtype=np.int64)
        return cls(**read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumericProfile) and self.state() == other.state()

    __hash__ = None


class NumericCounter:
    """Counts the values of a numeric column, part by part, in memory that does not grow with the rows."""

    def __init__(self, origin: float = 0.0, moments: bool = True) -> None:
        if not np.isfinite(origin):
            raise ValueError(f"origin must be a finite number, got {origin}")
        self.origin, self.moments = float(origin), moments
        self.n = self.missing = self.infinite_low = self.infinite_high = self.total = self.squares = 0
        self.low, self.high, self.whole = np.inf, -np.inf, True
        self._zeros, self._start = 0, 0
        self._dense = np.zeros(0, dtype=np.int64)  # counts of the codes from _start on

    def add(self, values: np.ndarray) -> None:
        """Count the values, shape (n_rows,); NaN is missing."""
        for start in range(0, len(values), _ROWS):
            self._add(np.asarray(values[start : start + _ROWS], dtype=np.float64))

    def _add(self, part: np.ndarray) -> None:
        self.n += len(part)
        known = part[~np.isnan(part)]
        self.missing += len(part) - len(known)
        if not len(known):
            return
        low, high = known.min(), known.max()
        if low <= -_HUGE or high >= _HUGE:
            self.infinite_low += np.count_nonzero(known <= -_HUGE)
            self.infinite_high += np.count_nonzero(known >= _HUGE)
            known = known[np.abs(known) < _HUGE]
            if not len(known):
                return
            low, high = known.min(), known.max()
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        self.whole = self.whole and bool((known == np.rint(known)).all())
        if self.origin:
            known -= self.origin
        self._count(known)
        if self.moments:
            with np.errstate(under="ignore"):
                self.squares += exact_sum(known * known)
            self.total += exact_sum(known)

    def _count(self, values: np.ndarray) -> None:
        bits, codes = values.view(np.int64), _sizes(values)
        codes <<= 1
        codes -= bits >> 63  # adds 1 to the code of a negative value
        start = int(codes.min())
        if start <= 1:  # zeros lie far from all else: not worth the cells in between
            zeros = codes <= 1
            self._zeros += np.count_nonzero(zeros)
            codes = codes[~zeros]
            if not len(codes):
                return
            start = int(codes.min())
        codes -= start
        self._store(start, np.bincount(codes))

    def _store(self, start: int, counts: np.ndarray) -> None:
        if not len(self._dense):
            self._start = start
        low = min(self._start, start)
        high = max(self._start + len(self._dense), start + len(counts))
        if low < self._start or high > self._start + len(self._dense):
            wider = np.zeros(high - low, dtype=np.int64)
            wider[self._start - low : self._start - low + len(self._dense)] = self._dense
            self._start, self._dense = low, wider
        self._dense[start - self._start : start - self._start + len(counts)] += counts

    def result(self) -> NumericProfile:
        """Profile of what was added so far."""
        found = np.flatnonzero(self._dense)
        codes, counts = found + self._start, self._dense[found]
        keys = np.where(codes & 1, -(codes >> 1), codes >> 1)
        if self._zeros:
            keys, counts = np.append(keys, 0), np.append(counts, self._zeros)
        order = np.argsort(keys, kind="stable")
        any_known = np.isfinite(self.low)
        return NumericProfile(
            n=self.n,
            missing=self.missing,
            infinite_low=self.infinite_low,
            infinite_high=self.infinite_high,
            keys=keys[order].astype(np.int64),
            counts=counts[order].astype(np.int64),
            total=self.total,
            total_squares=self.squares,
            low=self.low if any_known else np.nan,
            high=self.high if any_known else np.nan,
            whole=self.whole,
            origin=self.origin,
        )


def keys_of(values: np.ndarray) -> np.ndarray:
    """Key of the cell of each finite value, less its origin."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.signbit(values), -_sizes(values), _sizes(values))


def _sizes(values: np.ndarray) -> np.ndarray:
    """Key of the cell of each value without its sign, int64."""
    sizes = values.view(np.int64) & 0x7FFFFFFFFFFFFFFF
    sizes >>= _SHIFT
    sizes -= _BASE
    return np.clip(sizes, 0, _TOP, out=sizes)


def cell_limits(
    keys: np.ndarray, origin: float, low: float, high: float, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value that each cell can hold, given the range and kind of the column."""
    near, far = (edge + origin for edge in _edges(keys))
    near, far = np.maximum(near, low), np.minimum(far, high)
    if whole:
        near, far = np.ceil(near), np.floor(far)
    return near, np.maximum(near, far)


def _edges(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest double of each cell; the cell of zero is symmetric."""
    size = np.abs(keys)
    near = ((size + _BASE) << _SHIFT).view(np.float64)
    far = (((size + _BASE + 1) << _SHIFT) - 1).view(np.float64)
    far = np.where(size == _TOP, np.finfo(float).max, far)
    near = np.where(size == 0, -far, near)
    return np.where(keys < 0, -far, near), np.where(keys < 0, -near, far)
