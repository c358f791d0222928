"""Distances between groups under their standard names, with intervals that a gate can rely on.

Taught in lesson 5.4 (bias and fairness).
"""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.fairness.counts import group_codes
from mlhelpers.validation.metrics import checked
from mlhelpers.validation.metrics.rules import checked_weights, ratio

__all__ = ["GAPS", "fairness_gaps"]

# Rates that a gap compares, and whether it is a difference (largest) or a ratio (smallest).
GAPS = {
    "demographic_parity_difference": (("selection_rate",), "difference"),
    "demographic_parity_ratio": (("selection_rate",), "ratio"),
    "equal_opportunity_difference": (("true_positive_rate",), "difference"),
    "equalized_odds_difference": (("true_positive_rate", "false_positive_rate"), "difference"),
    "precision_difference": (("precision",), "difference"),
    "accuracy_difference": (("accuracy",), "difference"),
}
_PARTS = {  # hits of a rate and what it rests on, from the counts tn, fp, fn, tp
    "selection_rate": ((1, 3), (0, 1, 2, 3)),
    "true_positive_rate": ((3,), (2, 3)),
    "false_positive_rate": ((1,), (0, 1)),
    "precision": ((3,), (1, 3)),
    "accuracy": ((0, 3), (0, 1, 2, 3)),
}


def fairness_gaps(
    y: Any,
    p: Any,
    groups: Any,
    *,
    threshold: float = 0.5,
    min_size: int = 30,
    sample_weight: Any = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    random_state: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Fairness criteria as distances between the groups, each with an interval.

    Taught in lesson 5.4. The values are those of fairlearn. The interval covers the distance between the
    groups furthest apart although they were found by looking: with several pairs of groups, or two rates as
    in equalized odds, each comparison gets its share of the error (Bonferroni). So the lower end of a
    difference is what the data support at least, and a group of a few rows does not fail a gate by luck.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1, or decisions 0 and 1.
    groups : array-like of shape (n_rows,), DataFrame or mapping of name to array-like
        Group of each row; several columns give their combinations; a missing value is the group "missing".
    threshold : float, default=0.5
        Rows with ``p >= threshold`` are selected.
    min_size : int, default=30
        A rate that rests on fewer rows of a group is left out.
    sample_weight : array-like of shape (n_rows,), optional
        Weight of each row. Weighted gaps have no interval.
    n_resamples : int, default=2000
        Draws for the intervals, within each group; 0 for none. A rate of k in n is drawn from
        Beta(k + 1/2, n - k + 1/2), a smooth bootstrap that does not collapse at rates of 0 and 1.
    level : float, default=0.95
        Coverage of the interval of each criterion.
    random_state : int, Generator or None, default=0
        Source of the draws.

    Returns
    -------
    DataFrame indexed by metric
        difference (for ``_ratio`` metrics the ratio), low, high, lowest_group, highest_group. A low of at
        most 0 (for a ratio a high of at least 1) says that equal groups are not excluded; with equal groups
        that is the answer in about `level` of all samples.

    Raises
    ------
    ValueError
        If lengths differ or a label, probability, weight or option is not possible.

    Warns
    -----
    UserWarning
        Names criteria with fewer than two groups to compare, which are NaN, and groups that were left out.

    References
    ----------
    .. [1] M. Hardt, E. Price, N. Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016.
    """
    y, p = checked(y, p)
    if n_resamples < 0 or not 0 < level < 1 or min_size < 1:
        raise ValueError(
            "n_resamples must be at least 0, level in (0, 1), min_size at least 1: "
            f"{n_resamples}, {level}, {min_size}"
        )
    weights = checked_weights(sample_weight, len(y))
    codes, index = group_codes(groups, len(y))
    names = [", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in index]
    cell = 4 * codes + 2 * y + (p >= threshold)
    n_rows = np.bincount(cell, minlength=4 * len(names)).reshape(-1, 4)
    counts = n_rows if weights is None else np.bincount(cell, weights, 4 * len(names)).reshape(-1, 4)
    rng = np.random.default_rng(random_state)
    rates, drawn, left_out = {}, {}, []
    for rate, (hits, rests_on) in _PARTS.items():
        k, n = counts[:, hits].sum(axis=1), counts[:, rests_on].sum(axis=1)
        judged = n_rows[:, rests_on].sum(axis=1) >= min_size
        rates[rate] = np.where(judged, ratio(k, n), np.nan)
        left_out += [f"{rate} of {names[at]}" for at in np.flatnonzero(np.isnan(rates[rate]))]
        if n_resamples and weights is None:
            drawn[rate] = rng.beta(k + 0.5, n - k + 0.5, (n_resamples, len(names)))
    table = pd.DataFrame([_gap(name, rates, drawn, names, level) for name in GAPS]).set_index("metric")
    undefined = table.index[table["difference"].isna()].tolist()
    if left_out:
        shown = ", ".join(left_out[:5]) + (f" and {len(left_out) - 5} more" if len(left_out) > 5 else "")
        nothing = f"; not defined, so NaN: {', '.join(undefined)}" if undefined else ""
        warnings.warn(
            f"left out, resting on fewer than {min_size} rows: {shown}{nothing}", UserWarning, stacklevel=2
        )
    elif undefined:
        warnings.warn(f"not defined, so NaN: {', '.join(undefined)}", UserWarning, stacklevel=2)
    return table


def _gap(name: str, rates: dict, drawn: dict, names: list[str], level: float) -> dict[str, Any]:
    """One row of the table: the gap, its limits and the groups furthest apart."""
    parts, kind = GAPS[name]
    row: dict[str, Any] = {"metric": name, "difference": np.nan, "low": np.nan, "high": np.nan}
    row |= {"lowest_group": None, "highest_group": None}
    pairs = []
    for rate in parts:
        judged = np.flatnonzero(~np.isnan(rates[rate]))
        if len(judged) < 2:  # a criterion on two rates needs both
            return row
        for a, b in combinations(judged, 2):
            low, high = (a, b) if rates[rate][a] <= rates[rate][b] else (b, a)
            pairs.append((rate, low, high))
    distance = ratio if kind == "ratio" else lambda low, high: high - low
    values = np.array([float(distance(rates[rate][a], rates[rate][b])) for rate, a, b in pairs])
    if np.isnan(values).all():  # a ratio where nobody is selected
        return row
    worst = int(np.nanargmin(values) if kind == "ratio" else np.nanargmax(values))
    row |= {"difference": float(values[worst])}
    row |= {"lowest_group": names[pairs[worst][1]], "highest_group": names[pairs[worst][2]]}
    if drawn:
        tail = (1 - level) / 2 / len(pairs)
        spread = np.stack([distance(drawn[rate][:, a], drawn[rate][:, b]) for rate, a, b in pairs])
        low, high = np.quantile(spread, [tail, 1 - tail], axis=1)
        if kind == "ratio":
            row |= {"low": float(low.min()), "high": float(high.min())}
        else:
            row |= {"low": float(low.max()), "high": float(np.maximum(high, -low).max())}
    return row
