"""The drift report: all columns, all distances, tests that hold for all of them together.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.monitoring.drift.baseline import Baseline
from mlhelpers.monitoring.drift.profiles import category_distances, missing_test, numeric_distances
from mlhelpers.monitoring.profiles import NumericProfile, Profile, ProfileBuilder, suggest_origins

__all__ = ["DriftReport", "adjusted_p_values", "drift_report"]

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
        ax.set_yticks(positions, shown["column"])
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
    numbers up to 4,096.

    Parameters
    ----------
    reference, current : DataFrame or Profile
        What is usual, and the batch.
    numeric, categorical : sequence of str, optional
        Columns to compare; all of the reference if neither is given.
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
        If a frame or profile has no rows or lacks a column, or an option is not usable.
    """
    if bins < 2 or not 0 < level < 1 or min_effect < 0:
        raise ValueError(
            f"bins must be at least 2, level in (0, 1), min_effect at least 0: {bins}, {level}, {min_effect}"
        )
    if baseline is not None and not isinstance(current, pd.DataFrame):
        raise ValueError("a baseline measures rows; give the batch as a frame")
    first = _profiled(reference, numeric, categorical, None)
    second = _profiled(current, numeric, categorical, first)
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


def _profiled(data: Any, numeric: Any, categorical: Any, like: Profile | None) -> Profile:
    if isinstance(data, Profile):
        return data
    if like is not None:
        names = [*(numeric or []), *(categorical or [])]
        if names:
            like = Profile(0, {name: like[name] for name in names if name in like.columns})
        builder = ProfileBuilder(data, like=like, moments=False)
    else:
        columns = {"numeric": numeric, "categorical": categorical}
        origin = suggest_origins(data, numeric=numeric)
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
