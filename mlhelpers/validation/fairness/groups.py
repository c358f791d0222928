"""Metrics by group of people, with intervals, and the distances between the groups.

Taught in lesson 5.4 (bias and fairness).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.fairness.distances import fairness_gaps, group_metrics
from mlhelpers.validation.fairness.mitigation import (
    compare_mitigations,
    load_aif360,
    reweighing_weights,
)
from mlhelpers.validation.metrics import checked, wilson_interval
from mlhelpers.validation.metrics.rules import in_dtype_of

__all__ = [
    "compare_mitigations",
    "disparities",
    "fairness_gaps",
    "load_aif360",
    "metrics_by_group",
    "reweighing_weights",
]
_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


def metrics_by_group(
    y: Any,
    p: Any,
    groups: Any,
    *,
    threshold: float = 0.5,
    min_size: int = 30,
    level: float = 0.95,
    intersections: bool = False,
) -> pd.DataFrame:
    """Selection rate, error rates and AUC of each group; groups too small to judge are not judged.

    Taught in lesson 5.4.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    groups : array-like of shape (n_rows,), DataFrame or mapping of name to array-like
        Group of each row; a missing one counts as the group "missing". Each of several columns is one
        attribute with groups of its own.
    threshold : float, default=0.5
        Rows with ``p >= threshold`` are selected.
    min_size : int, default=30
        Least number of rows that a rate must rest on: rows of the group for the selection rate and the AUC,
        its positives for the true and its negatives for the false positive rate.
    level : float, default=0.95
        Coverage of the Wilson intervals of the rates.
    intersections : bool, default=False
        Add the combinations of all columns as an attribute of their own, named like "gender x age".

    Returns
    -------
    DataFrame indexed by group, or by attribute and group if `groups` has columns
        n, positives, each rate with its _low and _high, roc_auc, small. What rests on too few rows is NaN.

    Raises
    ------
    ValueError
        If a label or a probability is not one, lengths differ, or intersections are asked of one column.

    Warns
    -----
    UserWarning
        Names the groups with fewer than `min_size` rows.
    """
    attributes = _attributes(groups, intersections=intersections)
    options = {"threshold": threshold, "min_size": min_size, "level": level}
    if attributes is None:
        table = _one_attribute(y, p, groups, **options)
        small = [str(name) for name in table.index[table["small"]]]
    else:
        parts = {name: _one_attribute(y, p, values, **options) for name, values in attributes.items()}
        table = pd.concat(parts, names=["attribute", "group"])
        small = [f"{name}={group}" for name, group in table.index[table["small"]]]
    if small:
        warnings.warn(
            f"groups with fewer than {min_size} rows are not judged: {', '.join(small)}", stacklevel=2
        )
    return table


def _attributes(groups: Any, *, intersections: bool) -> dict[str, Any] | None:
    """Name and values of each attribute, the intersection last; None for one array without a name."""
    if not isinstance(groups, pd.DataFrame | Mapping):
        if intersections:
            raise ValueError("intersections need a DataFrame or a mapping with at least two columns")
        return None
    if isinstance(groups, pd.DataFrame):
        require_unique_columns(groups, "the groups")
    attributes = {str(name): np.asarray(groups[name], dtype=object) for name in groups}
    if not attributes or (intersections and len(attributes) < 2):
        raise ValueError(f"groups has {len(attributes)} columns; give one, or two for intersections")
    if intersections:
        words = [
            pd.Series(values).where(pd.notna(values), "missing").astype(str) for values in attributes.values()
        ]
        attributes[" x ".join(attributes)] = words[0].str.cat(words[1:], sep=", ").to_numpy(dtype=object)
    return attributes


def _one_attribute(
    y: Any, p: Any, groups: Any, *, threshold: float, min_size: int, level: float
) -> pd.DataFrame:
    from sklearn.metrics import roc_auc_score

    threshold = in_dtype_of(p, threshold)
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
    return table


def disparities(table: pd.DataFrame) -> pd.DataFrame:
    """Largest difference and smallest ratio between the groups of `metrics_by_group`.

    Taught in lesson 5.4. The difference of the selection rates is the demographic parity difference, that of
    the true positive rates the equal opportunity difference. `fairness_gaps` gives them with intervals.

    Parameters
    ----------
    table : DataFrame
        From `metrics_by_group`; NaN are left out. Groups are compared within their attribute.

    Returns
    -------
    DataFrame
        Columns metric, difference, ratio, lowest_group, highest_group, after an attribute column if the table
        has several; NaN and None with fewer than two groups to compare.
    """
    require_unique_columns(table, "table")
    if table.index.nlevels == 2:
        names = table.index.unique(0)
        parts = {name: disparities(table.loc[name]) for name in names}
        return pd.concat(parts, names=["attribute"]).reset_index(0).reset_index(drop=True)
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
