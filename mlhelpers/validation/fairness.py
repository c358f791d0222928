"""Metrics by group of people, with intervals, and the distances between the groups.

Taught in lesson 5.4 (bias and fairness).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.groups import group_metrics
from mlhelpers.validation.intervals import wilson_interval
from mlhelpers.validation.metric_rules import checked

_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


def metrics_by_group(
    y: Any, p: Any, groups: Any, *, threshold: float = 0.5, min_size: int = 30, level: float = 0.95
) -> pd.DataFrame:
    """Selection rate, error rates and AUC of each group; groups too small to judge are not judged.

    Taught in lesson 5.4.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    groups : array-like of shape (n_rows,)
        Group of each row; a missing one counts as the group "missing".
    threshold : float, default=0.5
        Rows with ``p >= threshold`` are selected.
    min_size : int, default=30
        Least number of rows that a rate must rest on: rows of the group for the selection rate and the AUC,
        its positives for the true and its negatives for the false positive rate.
    level : float, default=0.95
        Coverage of the Wilson intervals of the rates.

    Returns
    -------
    DataFrame indexed by group
        n, positives, each rate with its _low and _high, roc_auc, small. What rests on too few rows is NaN.

    Warns
    -----
    UserWarning
        Names the groups with fewer than `min_size` rows.
    """
    from sklearn.metrics import roc_auc_score

    y, p = checked(y, p)
    group = pd.Series(np.asarray(groups, dtype=object), name="group")
    if len(group) != len(y):
        raise ValueError(f"groups has {len(group)} rows, y has {len(y)}")
    group = group.where(group.notna(), "missing").astype(str)
    with warnings.catch_warnings():  # what is not defined rests on too few rows and is NaN below
        warnings.simplefilter("ignore", UserWarning)
        table = group_metrics(y, p >= threshold, group, metrics=_RATES)
    positives = pd.Series(y).groupby(group).sum()
    table.insert(1, "positives", positives.reindex(table.index).astype(int))
    rests_on = {
        "selection_rate": table["n"],
        "true_positive_rate": table["positives"],
        "false_positive_rate": table["n"] - table["positives"],
    }
    for rate in _RATES:
        size = rests_on[rate]
        table[rate] = table[rate].where(size >= min_size)
        low, high = wilson_interval(table[rate] * size, size, level=level)
        at = table.columns.get_loc(rate) + 1
        table.insert(at, f"{rate}_low", low)
        table.insert(at + 1, f"{rate}_high", high)
    table["small"] = table["n"] < min_size
    areas = {}
    for name, rows in group.groupby(group).groups.items():
        judged = not table.loc[name, "small"] and 0 < y[rows].sum() < len(rows)
        areas[name] = roc_auc_score(y[rows], p[rows]) if judged else np.nan
    table.insert(len(table.columns) - 1, "roc_auc", pd.Series(areas))
    small = [str(name) for name in table.index[table["small"]]]
    if small:
        warnings.warn(
            f"groups with fewer than {min_size} rows are not judged: {', '.join(small)}", stacklevel=2
        )
    return table


def disparities(table: pd.DataFrame) -> pd.DataFrame:
    """Largest difference and smallest ratio between the groups of `metrics_by_group`.

    Taught in lesson 5.4. The difference of the selection rates is the demographic parity difference, that of
    the true positive rates the equal opportunity difference.

    Parameters
    ----------
    table : DataFrame
        From `metrics_by_group`; NaN are left out.

    Returns
    -------
    DataFrame
        Columns metric, difference, ratio, lowest_group, highest_group; NaN and None with fewer than two
        groups to compare.
    """
    rows = []
    for metric in (*_RATES, "roc_auc"):
        values = table[metric].dropna()
        row: dict[str, Any] = {"metric": metric, "difference": np.nan, "ratio": np.nan}
        row |= {"lowest_group": None, "highest_group": None}
        if len(values) > 1:
            low, high = values.min(), values.max()
            row["difference"] = float(high - low)
            row["ratio"] = float(low / high) if high > 0 else np.nan
            row |= {"lowest_group": values.idxmin(), "highest_group": values.idxmax()}
        rows.append(row)
    return pd.DataFrame(rows)
