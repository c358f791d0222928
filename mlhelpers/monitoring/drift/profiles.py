"""Distances between two profiles of a column: every figure from counts, none from rows.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mlhelpers.monitoring.drift.distances import TestResult, js_of_counts, psi_of_counts
from mlhelpers.monitoring.profiles import CategoryProfile, NumericProfile
from mlhelpers.monitoring.profiles.numbers import cell_limits

__all__ = ["Bounded", "category_distances", "numeric_distances"]

_FEWEST = 5  # a category with fewer expected rows in a sample is pooled with the other rare ones
_LARGE = 5000


class Bounded(NamedTuple):
    """A figure from the grid, and the most by which that of the rows can differ from it."""

    value: float
    bound: float


def numeric_distances(reference: NumericProfile, current: NumericProfile, *, bins: int) -> dict[str, Any]:
    """All distances of a numeric column: psi, js, ks, ks_bound, p, wasserstein, wasserstein_bound."""
    if not reference.known or not current.known:
        return dict.fromkeys(("psi", "js", "ks", "ks_bound", "p", "wasserstein", "wasserstein_bound"), np.nan)
    if reference.origin != current.origin:
        raise ValueError("the profiles have different origins; make the second with like=reference")
    cuts = reference.cuts(bins)
    counts = reference.bin_counts(cuts), current.bin_counts(cuts)
    keys, (a, b) = _aligned(reference, current)
    ks = _ks(reference, current, a, b, keys)
    wasserstein = _wasserstein(reference, current, a, b, keys)
    return {
        "psi": psi_of_counts(*counts),
        "js": js_of_counts(*counts),
        "ks": ks.value,
        "ks_bound": ks.bound,
        "p": _ks_p(ks.value, _size(reference), _size(current)),
        "wasserstein": wasserstein.value,
        "wasserstein_bound": wasserstein.bound,
    }


def category_distances(reference: CategoryProfile, current: CategoryProfile) -> dict[str, Any]:
    """All distances of a categorical column: psi, js, chi_square, p, cramers_v, new_categories, new_share."""
    a, b, new, share = _category_counts(reference, current)
    test = chi_square_of_counts(a, b)
    return {
        "psi": psi_of_counts(a, b),
        "js": js_of_counts(a, b),
        "chi_square": test.statistic,
        "p": test.p,
        "cramers_v": test.effect,
        "new_categories": new,
        "new_share": share,
    }


def chi_square_of_counts(a: np.ndarray, b: np.ndarray) -> TestResult:
    """Chi-square test of two rows of counts, bins with fewer than 5 expected rows pooled."""
    from scipy.stats import chi2

    counts = np.vstack([a, b]).astype(float)
    counts = counts[:, counts.sum(axis=0) > 0]
    total = counts.sum()
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / total
    rare = expected < _FEWEST
    if rare.sum() > 1:
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    if counts.shape[1] < 2:
        return TestResult(0.0, 1.0, 0.0)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    statistic = float(((counts - expected) ** 2 / expected).sum())
    p = float(chi2.sf(statistic, counts.shape[1] - 1))
    return TestResult(statistic, p, float(np.sqrt(statistic / total)))


def missing_test(reference: Any, current: Any) -> TestResult:
    """Chi-square test of the missing shares of two profiled columns; p is NaN if nothing is missing."""
    if not reference.missing + current.missing:
        return TestResult(0.0, np.nan, 0.0)
    rows = [np.array([kept.missing, kept.n - kept.missing]) for kept in (reference, current)]
    return chi_square_of_counts(*rows)


def _size(kept: NumericProfile) -> int:
    return kept.n - kept.missing


def _aligned(reference: NumericProfile, current: NumericProfile) -> tuple[np.ndarray, np.ndarray]:
    """Cells of either profile, and their counts in both, shape (2, n_cells)."""
    keys = np.union1d(reference.keys, current.keys)
    counts = np.zeros((2, len(keys)), dtype=np.int64)
    for row, kept in zip(counts, (reference, current), strict=True):
        row[np.searchsorted(keys, kept.keys)] = kept.counts
    return keys, counts


def _ks(
    reference: NumericProfile, current: NumericProfile, a: np.ndarray, b: np.ndarray, keys: np.ndarray
) -> Bounded:
    """Largest distance of the cumulative shares at the ends of the cells, infinities included."""
    shares, within = [], []
    for kept, counts in ((reference, a), (current, b)):
        shares.append(np.append(kept.infinite_low, kept.infinite_low + np.cumsum(counts)) / _size(kept))
        within.append(counts / _size(kept))
    apart = shares[0] - shares[1]
    found = float(np.abs(apart).max())
    inside = ~_single(reference, current, keys)
    # Inside a cell the difference rises at most by the share of one sample and falls by that of the other.
    most = np.maximum(apart[:-1] + within[0], within[1] - apart[:-1])[inside]
    return Bounded(found, max(0.0, float(most.max()) - found) if len(most) else 0.0)


def _ks_p(statistic: float, n: int, m: int) -> float:
    """P-value of Kolmogorov's distribution at the effective sample size, as SciPy's ``method="asymp"``.

    From 5,000 on by the limit with its terms in 1/sqrt(n) and 1/n, right to 1e-5: the distribution for a
    given size takes SciPy half a second with a million rows.

    References
    ----------
    .. [1] J. Vrbik, "Small-sample corrections to Kolmogorov-Smirnov test statistic", Pioneer Journal of
       Theoretical and Applied Statistics 15, 2018.
    """
    from scipy.stats import kstwo, kstwobign

    size = max(1.0, np.round(float(n) * m / (n + m)))
    if size < _LARGE:
        return float(np.clip(kstwo.sf(statistic, size), 0, 1))
    scaled = np.sqrt(size) * statistic
    return float(kstwobign.sf(scaled + 1 / (6 * np.sqrt(size)) + (scaled - 1) / (4 * size)))


def _wasserstein(
    reference: NumericProfile, current: NumericProfile, a: np.ndarray, b: np.ndarray, keys: np.ndarray
) -> Bounded:
    """Area between the cumulative shares of finite values, each at the middle of its cell."""
    low, high, whole = _limits(reference, current)
    middle, half = _middles(keys, reference.origin, low, high, whole)
    shares = [np.cumsum(counts) / counts.sum() for counts in (a, b)]
    area = float(np.sum(np.abs(shares[0] - shares[1])[:-1] * np.diff(middle)))
    bound = float(sum(counts @ half / counts.sum() for counts in (a, b)))
    return Bounded(area, bound)


def _limits(reference: NumericProfile, current: NumericProfile) -> tuple[float, float, bool]:
    low, high = min(reference.low, current.low), max(reference.high, current.high)
    return low, high, reference.whole and current.whole


def _middles(
    keys: np.ndarray, origin: float, low: float, high: float, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Middle of each cell as far as it lies between `low` and `high`, and half of its width."""
    near, far = cell_limits(keys, origin, low, high, whole)
    return near + (far - near) / 2, (far - near) / 2


def _single(reference: NumericProfile, current: NumericProfile, keys: np.ndarray) -> np.ndarray:
    low, high, whole = _limits(reference, current)
    return _middles(keys, reference.origin, low, high, whole)[1] <= 0


def _category_counts(
    reference: CategoryProfile, current: CategoryProfile
) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Counts by category or bucket, missing rows last, and what is new: how many names, their share."""
    if not reference.n or not current.n:
        raise ValueError("a profile without rows cannot be compared")
    if reference.counts is not None and current.counts is not None:
        names = list(dict.fromkeys([*reference.counts, *current.counts]))
        a, b = (
            np.array([*(kept.counts.get(name, 0) for name in names), kept.missing], dtype=np.int64)
            for kept in (reference, current)
        )
        fresh = [name for name in current.counts if name not in reference.counts]
        return a, b, len(fresh), sum(current.counts[name] for name in fresh) / current.n
    a, b = reference.in_buckets(), current.in_buckets()
    new = (a == 0) & (b > 0)  # at least one new name each; those that share a known bucket are not seen
    counts = np.append(a, reference.missing), np.append(b, current.missing)
    return *counts, int(new.sum()), float(b[new].sum() / current.n)
