"""Sums, extremes and deviations of many spans of one array, without touching what is outside a span.

Used by the point-in-time aggregates of lessons 3.3 and 3.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["span_deviations", "span_last", "span_maxima", "span_minima", "span_sums"]

# Why no prefix sums: the difference of two prefixes loses digits when a long or large history stands before
# the span. Here a span is put together from blocks of 1, 2, 4, ... elements that lie inside it: about
# 2 log2(length) additions, whose errors are those of a pairwise sum.


def _merge(
    level: Any, start: np.ndarray, stop: np.ndarray, result: Any, join: Callable[[Any, Any], Any], empty: Any
) -> Any:
    """Join the blocks of each span [start, stop); `level`, `result` and `empty` are tuples of arrays."""
    active = np.flatnonzero(start < stop)
    left, right = start[active], stop[active]
    while len(active):
        for odd, place in ((left & 1 == 1, left), (right & 1 == 1, right - 1)):
            rows, blocks = active[odd], place[odd]
            joined = join(tuple(part[rows] for part in result), tuple(part[blocks] for part in level))
            for part, new in zip(result, joined, strict=True):
                part[rows] = new
        left, right = (left + 1) >> 1, right >> 1
        open_ = left < right
        active, left, right = active[open_], left[open_], right[open_]
        if len(level[0]) % 2:
            level = tuple(np.append(part, fill) for part, fill in zip(level, empty, strict=True))
        level = join(tuple(part[0::2] for part in level), tuple(part[1::2] for part in level))
    return result


def _simple(
    values: np.ndarray, start: np.ndarray, stop: np.ndarray, join: np.ufunc, empty: float
) -> np.ndarray:
    filled = np.where(np.isnan(values), empty, values)
    result = (np.full(len(start), empty),)
    with np.errstate(invalid="ignore", over="ignore"):
        return _merge((filled,), start, stop, result, lambda a, b: (join(a[0], b[0]),), (empty,))[0]


def span_sums(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sum of each span, NaN skipped; 0 for a span without a value.

    Parameters
    ----------
    values : ndarray of float of shape (n_values,)
    start, stop : ndarray of int of shape (n_spans,)
        Half-open: `stop` is not part of the span. A span with ``start >= stop`` is empty.

    Returns
    -------
    ndarray of shape (n_spans,)
    """
    return _simple(values, start, stop, np.add, 0.0)


def span_minima(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Least value of each span, NaN skipped; infinity for one without a value. See `span_sums`."""
    return _simple(values, start, stop, np.minimum, np.inf)


def span_maxima(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Greatest value of each span, NaN skipped; minus infinity for one without. See `span_sums`."""
    return _simple(values, start, stop, np.maximum, -np.inf)


def _join_moments(a: tuple, b: tuple) -> tuple:
    (n_a, mean_a, squares_a), (n_b, mean_b, squares_b) = a, b
    n = n_a + n_b
    share = n_b / np.maximum(n, 1.0)
    difference = np.where((n_a > 0) & (n_b > 0), mean_b - mean_a, 0.0)
    mean = np.where(n_a > 0, mean_a, mean_b) + difference * share
    return n, mean, squares_a + squares_b + difference * difference * n_a * share


def span_deviations(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Standard deviation of each span (divisor n - 1), NaN skipped; NaN below two values. See `span_sums`.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", 1983.
    """
    known = ~np.isnan(values)
    level = (known.astype(float), np.where(known, values, 0.0), np.zeros(len(values)))
    result = tuple(np.zeros(len(start)) for _ in level)
    with np.errstate(invalid="ignore", over="ignore"):
        n, _, squares = _merge(level, start, stop, result, _join_moments, (0.0, 0.0, 0.0))
        return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1.0)), np.nan)


def span_last(known: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Place of the last known value of each span, -1 if there is none.

    Parameters
    ----------
    known : ndarray of bool of shape (n_values,)
    start, stop : ndarray of int of shape (n_spans,)
        As in `span_sums`.

    Returns
    -------
    ndarray of int of shape (n_spans,)
    """
    latest = np.append(np.maximum.accumulate(np.where(known, np.arange(len(known)), -1)), -1)
    place = latest[stop - 1]  # a stop of 0 looks at the -1 at the end
    return np.where(place >= start, place, -1)
