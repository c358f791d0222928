"""The drift report: all columns, all distances, tests that hold for all of them together.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlhelpers.data.explore.columns import plain_text
from mlhelpers.monitoring.drift.baseline import Baseline
from mlhelpers.monitoring.drift.distances import TestResult, js_of_counts, psi_of_counts
from mlhelpers.monitoring.profiles import (
    CategoryProfile,
    NumericProfile,
    Profile,
    ProfileBuilder,
    suggest_origins,
)
from mlhelpers.monitoring.profiles.frames import column_types
from mlhelpers.monitoring.profiles.numbers import cell_limits

__all__ = [
    "Bounded",
    "DriftReport",
    "adjusted_p_values",
    "category_distances",
    "drift_report",
    "numeric_distances",
]

_COLUMNS = [
    "column", "type", "drifted", "distance", "p_adjusted", "psi", "js", "ks", "ks_bound", "wasserstein",
    "wasserstein_bound", "chi_square", "cramers_v", "p", "missing_change", "missing_p", "missing_p_adjusted",
    "new_categories", "new_share", "usual",
]  # fmt: skip


@dataclass(frozen=True)
class DriftReport:
    """Distances of a batch from its reference, column by column.

    Attributes
    ----------
    table : DataFrame
        One row for each column, drifted ones first, then by distance. `distance` is the effect size from 0
        to 1 that the verdict rests on: Kolmogorov-Smirnov of a number, Cramér's V of a category. With a
        baseline it is what that measures of the column's shape, and `usual` its threshold there.
    n_reference, n_current : int
        Rows compared.
    rule : str
        How `drifted` was decided.
    """

    table: pd.DataFrame
    n_reference: int
    n_current: int
    rule: str

    @property
    def drifted(self) -> list[str]:
        """Columns that drifted, the most distant first."""
        return self.table.loc[self.table["drifted"], "column"].tolist()

    def plot(self, ax: Any = None, *, top: int = 20) -> Any:
        """Bars of the distances of the `top` columns, drifted ones in orange; returns the axes."""
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(7, 1 + 0.3 * min(top, len(self.table))))
        shown = self.table.head(top).iloc[::-1]
        positions = np.arange(len(shown))
        colors = np.where(shown["drifted"], "#D55E00", "#0072B2")
        ax.barh(positions, shown["distance"].fillna(0), color=colors)
        usual = shown["usual"].to_numpy(dtype=float)
        if np.isfinite(usual).any():
            ax.plot(usual, positions, "k|", markersize=12, label="usual at most")
            ax.legend(loc="lower right")
        ax.set_yticks(positions, [plain_text(name) for name in shown["column"]])
        ax.set_xlabel("distance from the reference (0 to 1)")
        ax.set_title(f"{len(self.drifted)} of {len(self.table)} columns drifted")
        return ax

    def to_html(self, path: str | Path | None = None) -> str:
        """Page with the verdict, the plot and the table, without links to other files; written to `path`."""
        import base64
        import io
        from html import escape

        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 1 + 0.3 * min(20, len(self.table))), layout="constrained")
        self.plot(figure.subplots())
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=100, metadata={"Software": None})
        names = ", ".join(map(str, self.drifted)) or "none"
        alt = escape(f"Bars of the distance of each column; drifted: {names}", quote=True)
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Drift report</title>'
            "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
            "td,th{padding:.3em .6em;border-bottom:1px solid #ccc;text-align:right}</style></head><body>"
            f"<h1>Drift report</h1>{self._verdict()}"
            f'<img alt="{alt}" src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}">'
            f"{_html_table(self.table)}</body></html>"
        )
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _verdict(self) -> str:
        from html import escape

        names = escape(", ".join(map(str, self.drifted)) or "none")
        return (
            f"<p>{self.n_current:,} rows against {self.n_reference:,}; drifted: <strong>{names}</strong> "
            f"({escape(self.rule)}).</p>"
        )

    def __str__(self) -> str:
        names = ", ".join(map(str, self.drifted)) or "none"
        head = f"{self.n_current:,} rows against {self.n_reference:,}; drifted: {names} ({self.rule})"
        table = self.table.dropna(axis="columns", how="all")
        return f"{head}\n{table.to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self._verdict() + _html_table(self.table)


def drift_report(
    reference: pd.DataFrame | Profile,
    current: pd.DataFrame | Profile,
    *,
    numeric: Sequence[str] | None = None,
    categorical: Sequence[str] | None = None,
    bins: int = 10,
    level: float = 0.05,
    min_effect: float = 0.0,
    baseline: Baseline | None = None,
) -> DriftReport:
    """Compare a batch with a reference in every column, by every distance, from one pass over the rows.

    Taught in lesson 9.1. Both are counted on the grid of a profile; a saved profile with the same origins
    gives the report of its rows (two frames take those of `suggest_origins`). PSI and Jensen-Shannon are
    exact for the bins, whose edges are ends of cells. The Kolmogorov-Smirnov distance, never too large, and
    the Wasserstein distance differ from those of the rows by at most the stated bounds, which are 0 for whole
    numbers up to 4,096. The bins lie around values that 5% of the reference or more hold, so for PSI and
    Jensen-Shannon a few values that all move by a hair have not drifted. Kolmogorov-Smirnov sees any such
    move in full; `wasserstein` tells how far it goes.

    Parameters
    ----------
    reference, current : DataFrame or Profile
        What is usual, and the batch.
    numeric, categorical : sequence of str, optional
        Columns to compare; all of the reference if neither is given. A date or duration is a number, in days.
    bins : int, default=10
        Quantile bins of a number for PSI and Jensen-Shannon; missing values have a bin of their own.
    level : float, default=0.05
        False discovery rate, by Benjamini and Hochberg, over the shape and missing-share tests of all
        columns. With no drift anywhere it is the share of batches that name any column.
    min_effect : float, default=0
        Smallest `distance` (or change of the missing share) that counts as drift: with many rows the
        smallest difference is significant.
    baseline : Baseline, optional
        From `learn_baseline`: a column then drifted if one of its monitors exceeds the threshold that the
        reference's own batches rarely exceed. `current` must be a frame.

    Returns
    -------
    DriftReport

    Raises
    ------
    ValueError
        If a frame or profile has no rows or lacks a column, a number's column holds a text (the message names
        its row), or an option is not usable.
    """
    if bins < 2 or not 0 < level < 1 or min_effect < 0:
        raise ValueError(
            f"bins must be at least 2, level in (0, 1), min_effect at least 0: {bins}, {level}, {min_effect}"
        )
    if baseline is not None and not isinstance(current, pd.DataFrame):
        raise ValueError("a baseline measures rows; give the batch as a frame")
    first = _profiled("the reference", reference, numeric, categorical, None)
    second = _profiled("the batch", current, numeric, categorical, first)
    names = [*(numeric or []), *(categorical or [])] or list(first.columns)
    absent = [name for name in names if name not in first.columns or name not in second.columns]
    if absent or not first.n_rows or not second.n_rows:
        raise ValueError(f"a side has no rows or lacks columns: {', '.join(absent) or 'no rows'}")
    table = pd.DataFrame([_row(name, first[name], second[name], bins) for name in names])
    table = table.reindex(columns=_COLUMNS)
    tests = adjusted_p_values(table[["p", "missing_p"]].to_numpy(dtype=float))
    table["p_adjusted"], table["missing_p_adjusted"] = tests.T
    if baseline is None:
        shape = (table["p_adjusted"] <= level) & (table["distance"] >= min_effect)
        missing = (table["missing_p_adjusted"] <= level) & (table["missing_change"].abs() >= min_effect)
        # No value on one side: no shape to compare, but the missing share tells.
        table["drifted"] = (shape | missing).astype(bool)
        rule = f"false discovery rate {level:g}" + (f", effect at least {min_effect:g}" if min_effect else "")
    else:
        usual = _judge(baseline, current, names)
        table["drifted"] = table["column"].map(usual["above"]).fillna(False).astype(bool)
        table["distance"] = table["column"].map(usual["shape"])
        table["usual"] = table["column"].map(usual["threshold"])
        rule = f"thresholds learned from the reference, false alarms {baseline.false_alarm_rate:g}"
    order = {"ascending": [False, False], "kind": "stable", "ignore_index": True}
    return DriftReport(table.sort_values(["drifted", "distance"], **order), first.n_rows, second.n_rows, rule)


def adjusted_p_values(p: Any) -> np.ndarray:
    """Benjamini-Hochberg adjustment: the false discovery rate at which each test would be called.

    Taught in lesson 9.1.

    Parameters
    ----------
    p : array-like of any shape
        P-values; NaN (no test was made) stays NaN and does not count.

    Returns
    -------
    ndarray of the same shape

    Raises
    ------
    ValueError
        If a p-value is below 0 or above 1.

    References
    ----------
    .. [1] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", JRSS B 57, 1995.
    """
    from scipy.stats import false_discovery_control

    adjusted = np.array(p, dtype=float)
    made = ~np.isnan(adjusted)
    if (adjusted[made] < 0).any() or (adjusted[made] > 1).any():
        raise ValueError("p-values must be from 0 to 1")
    if made.any():
        adjusted[made] = false_discovery_control(adjusted[made])
    return adjusted


def _profiled(side: str, data: Any, numeric: Any, categorical: Any, like: Profile | None) -> Profile:
    if isinstance(data, Profile):
        return data
    try:
        return _profile_of(data, numeric, categorical, like)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{side}: {error}") from error


def _profile_of(data: pd.DataFrame, numeric: Any, categorical: Any, like: Profile | None) -> Profile:
    if like is not None:
        names = [*(numeric or []), *(categorical or [])]
        if names:
            like = Profile(0, {name: like[name] for name in names if name in like.columns})
        builder = ProfileBuilder(data, like=like, moments=False)
    else:
        if numeric is None and categorical is None:
            numeric, categorical = column_types(data, dates=True)
        origin = suggest_origins(data, numeric=numeric or [])
        columns = {"numeric": numeric or [], "categorical": categorical or []}
        builder = ProfileBuilder(data, **columns, origin=origin, moments=False)
    builder.add(data)
    return builder.result()


def _row(name: str, reference: Any, current: Any, bins: int) -> dict[str, Any]:
    if type(reference) is not type(current):
        raise ValueError(f"column {name!r} is numeric on one side and categorical on the other")
    if isinstance(reference, NumericProfile):
        row = {"type": "numeric", **numeric_distances(reference, current, bins=bins)}
        row["distance"] = row["ks"]
    else:
        row = {"type": "categorical", **category_distances(reference, current)}
        row["distance"] = row["cramers_v"]
    row["missing_change"] = current.missing / current.n - reference.missing / reference.n
    row["missing_p"] = missing_test(reference, current).p
    return {"column": name, **row}


def _judge(baseline: Baseline, current: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    measured, thresholds = baseline.measure(current), baseline.thresholds
    above: dict[str, bool] = {}
    for monitor in measured.index:
        column = monitor.split(":", 1)[1]
        above[column] = above.get(column, False) or bool(measured[monitor] > thresholds[monitor])
    unknown = [name for name in names if name not in above]
    if unknown:
        raise ValueError(f"the baseline does not watch columns: {', '.join(unknown)}")
    shape, limit = ({name: float(of[f"shape:{name}"]) for name in names} for of in (measured, thresholds))
    return {"above": above, "shape": shape, "threshold": limit}


def _html_table(table: pd.DataFrame) -> str:
    return table.dropna(axis="columns", how="all").to_html(
        index=False, na_rep="", float_format=lambda value: f"{value:.4g}"
    )


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
