"""Distances between a reference and a batch, column by column.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.monitoring.profiles.categories import labels_of
from mlhelpers.monitoring.profiles.numbers import HEAVY, numbers_of


class TestResult(NamedTuple):
    """Statistic of a two-sample test, its p-value and the size of the effect from 0 to 1."""

    __test__ = False  # no pytest class

    statistic: float
    p: float
    effect: float


def population_stability_index(
    reference: Any, current: Any, *, bins: int = 10, epsilon: float = 1e-4
) -> float:
    """Population stability index between two samples of one feature.

    Taught in lesson 9.1.

    Parameters
    ----------
    reference, current : array-like of shape (n_reference,), (n_current,)
        Numeric samples. NaN counts as a bin of its own.
    bins : int, default=10
        Number of bins, cut at the quantiles of `reference`; values outside its range fall into the outer
        bins. With at most so many different values each is a bin, cut midway to its neighbors. A cut at a
        value that 5% of `reference` or more hold lies midway to the next value, so that a small shift of it
        does not empty its bin. A constant has no such scale: every larger value is another bin.
    epsilon : float, default=1e-4
        Smallest share of a bin, so that an empty bin gives a large but finite index.

    Returns
    -------
    float
        At least 0; by convention below 0.1 is stable and above 0.25 is a large shift.

    Raises
    ------
    ValueError
        If a sample is empty or has no finite value.

    References
    ----------
    .. [1] B. Yurdakul, "Statistical properties of population stability index", 2018.
    """
    if bins < 2 or not 0 < epsilon < 1:
        raise ValueError(f"bins must be at least 2 and epsilon in (0, 1), got {bins} and {epsilon}")
    a, b = _numeric(reference, "reference"), _numeric(current, "current")
    cuts = _cuts(a, bins)
    return psi_of_counts(_bin_counts(a, cuts), _bin_counts(b, cuts), epsilon)


def ks_distance(reference: Any, current: Any) -> TestResult:
    """Two-sample Kolmogorov-Smirnov test on the values that are known.

    Taught in lesson 9.1. With a million rows every difference is significant: judge by the statistic, which
    is the largest distance between the two cumulative shares.

    Parameters
    ----------
    reference, current : array-like of shape (n_reference,), (n_current,)
        Numeric samples; NaN are left out.

    Returns
    -------
    TestResult
        statistic (from 0 to 1), p (asymptotic) and effect, which is the statistic.

    Raises
    ------
    ValueError
        If a sample is empty or has no finite value.
    """
    from scipy.stats import ks_2samp

    a, b = _numeric(reference, "reference"), _numeric(current, "current")
    result = ks_2samp(a[~np.isnan(a)], b[~np.isnan(b)], method="asymp")
    return TestResult(float(result.statistic), float(result.pvalue), float(result.statistic))


def chi_square(reference: Any, current: Any) -> TestResult:
    """Chi-square test on the shares of categories; a missing value is a category.

    Taught in lesson 9.1.

    Parameters
    ----------
    reference, current : array-like of shape (n_reference,), (n_current,)
        Samples of a categorical feature.

    Returns
    -------
    TestResult
        statistic, p and effect (Cramér's V). With one category in all, 0, 1 and 0.

    Raises
    ------
    ValueError
        If a sample is empty.
    """
    from scipy.stats import chi2_contingency

    counts = np.vstack(_category_counts(reference, current))
    if counts.shape[1] == 1:
        return TestResult(0.0, 1.0, 0.0)
    result = chi2_contingency(counts, correction=False)
    return TestResult(
        float(result.statistic), float(result.pvalue), float(np.sqrt(result.statistic / counts.sum()))
    )


def jensen_shannon(reference: Any, current: Any, *, bins: int = 10) -> float:
    """Jensen-Shannon distance between two samples of one feature: the root of the divergence in bits.

    Taught in lesson 9.1. Unlike the population stability index it is bounded, so an empty bin needs no rule.

    Parameters
    ----------
    reference, current : array-like of shape (n_reference,), (n_current,)
        Samples of a number or, if not numeric, of a category. A missing value is a bin of its own.
    bins : int, default=10
        Number of bins of a number, as in `population_stability_index`.

    Returns
    -------
    float
        From 0 (the same shares) to 1 (no bin in common).

    Raises
    ------
    ValueError
        If a sample is empty, or `bins` is below 2.

    References
    ----------
    .. [1] J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
       Theory 37, 1991.
    """
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    kind = pd.Series(reference).dtype
    if kind.kind in "mM" or (pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)):
        a, b = _numeric(reference, "reference"), _numeric(current, "current")
        cuts = _cuts(a, bins)
        return js_of_counts(_bin_counts(a, cuts), _bin_counts(b, cuts))
    return js_of_counts(*_category_counts(reference, current))


def wasserstein_distance(reference: Any, current: Any) -> float:
    """Wasserstein distance of the finite values: how far a value moves on average, in its own unit.

    Taught in lesson 9.1.

    Parameters
    ----------
    reference, current : array-like of shape (n_reference,), (n_current,)
        Numeric samples; missing and infinite values are left out.

    Returns
    -------
    float
        At least 0, in the unit of the feature.

    Raises
    ------
    ValueError
        If a sample is empty or has no finite value.
    """
    from scipy.stats import wasserstein_distance as of_values

    a, b = _numeric(reference, "reference"), _numeric(current, "current")
    return float(of_values(a[np.isfinite(a)], b[np.isfinite(b)]))


def missing_rate_change(reference: Any, current: Any) -> float:
    """Share of missing values in `current` minus that in `reference`.

    Taught in lesson 9.1.

    Parameters
    ----------
    reference, current : array-like of shape (n_reference,), (n_current,)
        Samples of any type.

    Returns
    -------
    float
        From -1 to 1.
    """
    a, b = pd.isna(pd.Series(reference)), pd.isna(pd.Series(current))
    if not len(a) or not len(b):
        raise ValueError("reference and current must not be empty")
    return float(b.mean() - a.mean())


def drift_table(
    reference: pd.DataFrame, current: pd.DataFrame, *, numeric: Sequence[str], categorical: Sequence[str]
) -> pd.DataFrame:
    """All distances of all columns.

    Taught in lesson 9.1.

    Parameters
    ----------
    reference, current : DataFrame of shape (n_reference, n_columns), (n_current, n_columns)
        Frames to compare.
    numeric, categorical : sequence of str
        Columns to compare. A number is compared by Kolmogorov-Smirnov, a category by chi-square.

    Returns
    -------
    DataFrame
        Columns column, type, psi, distance (effect of the test), p, missing_change; the largest psi first. A
        column without a known value in one of the frames has NaN distances.
    """
    for what, frame in (("reference", reference), ("current", current)):
        require_unique_columns(frame, what)
    absent = [
        name for name in (*numeric, *categorical) for frame in (reference, current) if name not in frame
    ]
    if absent:
        raise ValueError(f"columns missing from reference or current: {', '.join(dict.fromkeys(absent))}")
    rows = []
    for name in (*numeric, *categorical):
        a, b = reference[name], current[name]
        if name in categorical:
            test, psi = chi_square(a, b), psi_of_counts(*_category_counts(a, b), 1e-4)
        elif a.notna().any() and b.notna().any():
            test, psi = ks_distance(a, b), population_stability_index(a, b)
        else:
            test, psi = TestResult(np.nan, np.nan, np.nan), np.nan
        rows.append(
            {
                "column": name,
                "type": "categorical" if name in categorical else "numeric",
                "psi": psi,
                "distance": test.effect,
                "p": test.p,
                "missing_change": missing_rate_change(a, b),
            }
        )
    table = pd.DataFrame(rows)
    return table.sort_values("psi", ascending=False, kind="stable", ignore_index=True)


def js_of_counts(a: np.ndarray, b: np.ndarray) -> float:
    """Jensen-Shannon distance in base 2 of counts in the same bins."""
    p, q = a / a.sum(), b / b.sum()
    middle, total = (p + q) / 2, 0.0
    for share in (p, q):
        used = share > 0
        total += float(np.sum(share[used] * np.log2(share[used] / middle[used])))
    return float(np.sqrt(max(0.0, total / 2)))


def psi_of_counts(a: np.ndarray, b: np.ndarray, epsilon: float = 1e-4) -> float:
    """Population stability index of counts in the same bins, no share below `epsilon`."""
    used = a + b > 0
    expected = np.maximum(a[used] / a.sum(), epsilon)
    actual = np.maximum(b[used] / b.sum(), epsilon)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _numeric(sample: Any, name: str) -> np.ndarray:
    values = numbers_of(pd.Series(sample), name)
    if not np.isfinite(values).any():
        raise ValueError(f"{name} is empty or has no finite value")
    return values


def _cuts(values: np.ndarray, bins: int) -> np.ndarray:
    """Cuts of bins of equally many values; between the values where there are few different ones.

    A cut at a value would send all that lies a hair above it into the next bin.
    """
    finite = values[np.isfinite(values)]
    different, counts = np.unique(finite, return_counts=True)
    if not 1 < len(different) <= bins:
        cuts = np.unique(np.quantile(finite, np.arange(1, bins) / bins))
        heavy = np.flatnonzero(counts[:-1] >= HEAVY * len(finite))
        at = np.isin(cuts, different[heavy])
        where = np.searchsorted(different, cuts[at])
        cuts[at] += (different[where + 1] - different[where]) / 2
        return cuts
    gaps = np.diff(different)
    half = gaps.min() / 2
    return np.concatenate([[different[0] - half], different[:-1] + gaps / 2, [different[-1] + half]])


def _bin_counts(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Counts per bin (a, b], the last one those of NaN."""
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(cuts, known, side="left"), minlength=len(cuts) + 1)
    return np.append(counts, len(values) - len(known))


def _category_counts(reference: Any, current: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = (pd.Series(labels_of(pd.Series(sample)), dtype=object) for sample in (reference, current))
    if a.empty or b.empty:
        raise ValueError("reference and current must not be empty")
    codes, _ = pd.factorize(pd.concat([a, b], ignore_index=True), use_na_sentinel=True)
    codes += 1  # missing becomes 0
    counts = [np.bincount(part, minlength=codes.max() + 1) for part in (codes[: len(a)], codes[len(a) :])]
    used = counts[0] + counts[1] > 0
    return counts[0][used], counts[1][used]
