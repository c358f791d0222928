"""A metric for each part of the rows, so that a good average cannot hide a bad part.

Taught in lesson 5.2 (metrics).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.metrics.intervals import bootstrap_intervals
from mlhelpers.validation.metrics.rules import checked, in_dtype_of, known


def metrics_by_slice(
    y: Any,
    p: Any,
    slices: pd.DataFrame,
    *,
    metrics: Sequence[str] = ("roc_auc", "recall"),
    threshold: float = 0.5,
    bins: int = 4,
    min_positives: int = 10,
    n_resamples: int = 500,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Metrics with bootstrap intervals for each value of each column, the worst first.

    Taught in lesson 5.2. Looking at many slices finds a bad one by chance: read the interval, and confirm on
    other rows what it shows.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    slices : DataFrame of shape (n_rows, n_columns)
        Categories are taken value by value, numbers with more than `bins` values by quantile, of which a
        value that fills a bin is apart; missing values are a slice of their own.
    metrics : sequence of str, default=("roc_auc", "recall")
        Names as in `classification_metrics`; the first one orders the table.
    threshold : float, default=0.5
        For the metrics that need a decision.
    bins : int, default=4
        Parts of a numeric column.
    min_positives : int, default=10
        A slice with fewer positives, or fewer negatives, is listed without figures.
    n_resamples : int, default=500
    level : float, default=0.95
        Coverage.
    random_state : int, default=0
        Seed of the resamples of each slice.

    Returns
    -------
    DataFrame
        Columns column, slice, n, positives, each metric with its ``<metric>_low`` and ``<metric>_high``,
        and ``note``, which says why a slice has no figures.

    Raises
    ------
    ValueError
        If lengths differ, a metric is not known, or a number is not positive.
    """
    threshold = in_dtype_of(p, threshold)
    y, p = checked(y, p)
    metrics = list(known(metrics))
    require_unique_columns(slices, "slices")
    if len(slices) != len(y):
        raise ValueError(f"slices has {len(slices)} rows, y has {len(y)}")
    if bins < 1 or min_positives < 1:
        raise ValueError(f"bins and min_positives must be at least 1, got {bins} and {min_positives}")
    rows = []
    for column in slices.columns:
        labels = _labels(slices[column], bins)
        for label in pd.unique(labels):
            inside = labels == label
            rows.append({"column": str(column), "slice": label, "n": int(inside.sum())})
            row = rows[-1]
            row["positives"] = int(y[inside].sum())
            few = min(row["positives"], row["n"] - row["positives"]) < min_positives
            row["note"] = f"fewer than {min_positives} of a class" if few else ""
            found = None if few else bootstrap_intervals(
                y[inside], p[inside], metrics=metrics, threshold=threshold,
                n_resamples=n_resamples, level=level, random_state=random_state,
            ).set_index("metric")  # fmt: skip
            for name in metrics:
                figures = [np.nan] * 3 if found is None else found.loc[name]
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), map(float, figures), strict=True))
    table = pd.DataFrame(rows)
    table.insert(len(table.columns) - 1, "note", table.pop("note"))
    return table.sort_values(metrics[0], kind="stable", na_position="last", ignore_index=True)


def _labels(values: pd.Series, bins: int) -> np.ndarray:
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_number and values.nunique() > bins:
        return _number_labels(values, bins)
    labels = values.astype(object).map(str)
    return labels.where(values.notna().to_numpy(), "missing").to_numpy(dtype=object)


def _number_labels(values: pd.Series, bins: int) -> np.ndarray:
    """A value that fills a bin is a slice; the others are cut into bins of about the same size."""
    numbers = pd.Series(values.dropna().to_numpy(dtype=np.float64))
    counts = numbers.value_counts()
    often = sorted(counts.index[counts >= len(numbers) / bins])
    others = numbers[~numbers.isin(often)]
    parts = max(round(bins * len(others) / len(numbers)), 1)
    labels = pd.Series("missing", index=range(len(values)), dtype=object)
    at = np.flatnonzero(values.notna())
    named = numbers.map(lambda value: f"{value:g}").astype(object)
    if others.size and parts == 1:
        named[others.index] = f"other than {', '.join(f'{value:g}' for value in often)}"
    elif others.size:
        for interval, rows in others.groupby(
            pd.qcut(others, parts, duplicates="drop", precision=2), observed=True
        ):
            apart = "".join(f" without {value:g}" for value in often if value in interval)
            named[rows.index] = f"{interval}{apart}"
    labels.iloc[at] = named.to_numpy(dtype=object)
    return labels.to_numpy(dtype=object)
