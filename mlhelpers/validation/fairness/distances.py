"""Distances between groups under their standard names, with intervals that a gate can rely on.

Taught in lesson 5.4 (bias and fairness).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.metrics import checked
from mlhelpers.validation.metrics.rules import checked_weights, in_dtype_of, ratio, values_of

# Each metric from the counts of hits, false alarms, misses and correct rejections.
GROUP_METRICS = {
    "accuracy": lambda tp, fp, fn, tn: ratio(tp + tn, tp + fp + fn + tn),
    "precision": lambda tp, fp, fn, tn: ratio(tp, tp + fp),
    "selection_rate": lambda tp, fp, fn, tn: ratio(tp + fp, tp + fp + fn + tn),
    "true_positive_rate": lambda tp, fp, fn, tn: ratio(tp, tp + fn),
    "false_positive_rate": lambda tp, fp, fn, tn: ratio(fp, fp + tn),
    "true_negative_rate": lambda tp, fp, fn, tn: ratio(tn, fp + tn),
    "false_negative_rate": lambda tp, fp, fn, tn: ratio(fn, tp + fn),
    "f1": lambda tp, fp, fn, tn: ratio(2 * tp, 2 * tp + fp + fn),
    "base_rate": lambda tp, fp, fn, tn: ratio(tp + fn, tp + fp + fn + tn),
}
DEFAULT = ("accuracy", "precision", "selection_rate", "true_positive_rate", "false_positive_rate")


def group_metrics(
    y: Any,
    decision: Any,
    sensitive: Any,
    *,
    metrics: Sequence[str] = DEFAULT,
    sample_weight: Any = None,
    n_resamples: int = 0,
    level: float = 0.95,
    random_state: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Metrics of decisions for each group, or each combination of groups, with bootstrap intervals.

    Taught in lesson 5.4. The same values as fairlearn's MetricFrame, from one count of rows. A resample of a
    group's rows is a draw of its four counts, so intervals cost nothing that depends on the number of rows.

    Parameters
    ----------
    y, decision : array-like of shape (n_rows,)
        Labels and decisions, 0 and 1.
    sensitive : array-like of shape (n_rows,), DataFrame or mapping of name to array-like
        Sensitive attributes; several columns give one group for each combination that occurs. A missing value
        is the group "missing".
    metrics : sequence of str
        Names in `GROUP_METRICS`.
    sample_weight : array-like of shape (n_rows,), optional
        Weight of each row; not together with `n_resamples`.
    n_resamples : int, default=0
        Bootstrap resamples of the rows within each group; 0 for no intervals.
    level : float, default=0.95
        Coverage of the percentile intervals.
    random_state : int, Generator or None, default=0
        Source of the resamples.

    Returns
    -------
    DataFrame indexed by group
        n (rows), then each metric, followed by ``<metric>_low`` and ``<metric>_high`` if intervals are asked
        for. A metric that is not defined in a group, such as the precision where nobody is selected, is NaN.

    Raises
    ------
    ValueError
        If lengths differ, a value is not 0 or 1, a metric is not known, or weights come with intervals.

    Warns
    -----
    UserWarning
        Names the groups and metrics that are not defined.

    References
    ----------
    .. [1] S. Bird et al., "Fairlearn: A toolkit for assessing and improving fairness in AI", Microsoft, 2020.
    """
    labels, decided = _binary(y, "y"), _binary(decision, "decision")
    if len(labels) != len(decided) or not len(labels):
        raise ValueError(
            f"y has {len(labels)} rows and decision {len(decided)}; both must be equal and not 0"
        )
    unknown = [name for name in metrics if name not in GROUP_METRICS]
    if unknown or not metrics:
        raise ValueError(f"unknown metrics {unknown}; choose from {', '.join(GROUP_METRICS)}")
    if n_resamples < 0 or not 0 < level < 1:
        raise ValueError(f"n_resamples must be at least 0 and level in (0, 1): {n_resamples}, {level}")
    weights = checked_weights(sample_weight, len(labels))
    if weights is not None and n_resamples:
        raise ValueError("intervals of weighted rows are not defined by counts; leave out one of the two")
    codes, index = group_codes(sensitive, len(labels))
    codes *= 4
    codes += 2 * labels
    codes += decided
    counts = np.bincount(codes, weights=weights, minlength=4 * len(index)).reshape(-1, 4)
    n = counts.sum(axis=1) if weights is None else np.bincount(codes // 4, minlength=len(index))
    columns: dict[str, Any] = {"n": n.astype(np.int64)}
    drawn = _resampled(counts, n_resamples, random_state) if n_resamples else None
    tails = [(1 - level) / 2, (1 + level) / 2]
    for name in metrics:
        columns[name] = _of(name, counts)
        if drawn is not None:
            with warnings.catch_warnings():  # a group in which it is never defined has no limits
                warnings.simplefilter("ignore", RuntimeWarning)
                columns[f"{name}_low"], columns[f"{name}_high"] = np.nanquantile(
                    _of(name, drawn), tails, axis=0
                )
    table = pd.DataFrame(columns, index=index).sort_index()
    undefined = [f"{name} of {group}" for name in metrics for group in table.index[table[name].isna()]]
    if undefined:
        shown = ", ".join(undefined[:5]) + (f" and {len(undefined) - 5} more" if len(undefined) > 5 else "")
        warnings.warn(f"not defined, so NaN: {shown}", stacklevel=2)
    return table


def _of(name: str, counts: np.ndarray) -> np.ndarray:
    tn, fp, fn, tp = np.moveaxis(counts, -1, 0)
    return GROUP_METRICS[name](tp, fp, fn, tn)


def _resampled(counts: np.ndarray, n_resamples: int, random_state: Any) -> np.ndarray:
    """Counts of resampled rows, of shape (n_resamples, n_groups, 4): multinomial, as rows are drawn alike."""
    rng = np.random.default_rng(random_state)
    n = counts.sum(axis=1).astype(np.int64)
    return np.stack([rng.multinomial(n, counts / n[:, None]) for _ in range(n_resamples)])


def _binary(values: Any, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {values.shape}")
    if values.dtype == bool:
        return values.astype(np.int64)
    bad = ~((values == 0) | (values == 1))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{name} must hold only 0 and 1; row {row} is {values[row]!r}")
    return values.astype(np.int64)


def group_codes(sensitive: Any, n_rows: int) -> tuple[np.ndarray, pd.Index]:
    """Number of each row's group from 0 on, and the names of the groups.

    Parameters
    ----------
    sensitive : array-like, DataFrame or mapping
        As in `group_metrics`.
    n_rows : int
        Expected length.

    Returns
    -------
    codes : ndarray of int64 of shape (n_rows,)
        A new array.
    index : Index or MultiIndex of shape (n_groups,)
        Only groups that occur.

    Raises
    ------
    ValueError
        If the length differs or there is no column.
    """
    named = isinstance(sensitive, pd.DataFrame | Mapping)
    if isinstance(sensitive, pd.DataFrame):
        require_unique_columns(sensitive, "the groups")
    columns = {name: sensitive[name] for name in sensitive} if named else {"group": sensitive}
    if not columns:
        raise ValueError("sensitive has no column; give at least one attribute")
    total, levels = None, []
    for name, values in columns.items():
        codes, names = _column_codes(values)
        if len(codes) != n_rows:
            raise ValueError(f"sensitive: {name!r} has {len(codes)} rows, y has {n_rows}")
        total = codes if total is None else total * len(names) + codes
        levels.append(names)
    if len(levels) == 1:
        return total, pd.Index(levels[0], name=next(iter(columns)))
    combined = pd.MultiIndex.from_product(levels, names=list(columns))
    occurs = np.bincount(total, minlength=len(combined)) > 0
    places = np.cumsum(occurs) - 1
    return places[total], combined[occurs]


def _column_codes(values: Any) -> tuple[np.ndarray, np.ndarray]:
    series = values if isinstance(values, pd.Series) else pd.Series(values_of(values))
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.cat.remove_unused_categories()
        codes, names = series.cat.codes.to_numpy().astype(np.int64), series.cat.categories.to_numpy()
    else:
        codes, names = pd.factorize(series)
    names = np.array([str(name) for name in names], dtype=object)
    missing = codes < 0
    if missing.any():
        names = np.append(names, "missing")
        codes = np.where(missing, len(names) - 1, codes)
    return codes.astype(np.int64), names


__all__ = ["GAPS", "GROUP_METRICS", "fairness_gaps", "group_codes", "group_metrics"]

# Rates that a gap compares, and whether it is a difference (largest) or a ratio (smallest).
GAPS = {
    "demographic_parity_difference": (("selection_rate",), "difference"),
    "demographic_parity_ratio": (("selection_rate",), "ratio"),
    "equal_opportunity_difference": (("true_positive_rate",), "difference"),
    "equalized_odds_difference": (("true_positive_rate", "false_positive_rate"), "difference"),
    "precision_difference": (("precision",), "difference"),
    "accuracy_difference": (("accuracy",), "difference"),
}
_BLOCK = 1 << 19  # draws looked at together; they stay in the processor's cache
_SOME = 64  # draws that a bound looks at
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
    threshold = in_dtype_of(p, threshold)
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
            draws = rng.beta(k + 0.5, n - k + 0.5, (n_resamples, len(names)))
            drawn[rate] = np.asfortranarray(draws)  # the draws of a group lie side by side
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
    lows, highs = [], []  # of each rate, the group numbers of all pairs
    for rate in parts:
        judged = np.flatnonzero(~np.isnan(rates[rate]))
        if len(judged) < 2:  # a criterion on two rates needs both
            return row
        first, second = (judged[side] for side in np.triu_indices(len(judged), 1))
        upward = rates[rate][first] <= rates[rate][second]
        lows.append(np.where(upward, first, second))
        highs.append(np.where(upward, second, first))
    distance = ratio if kind == "ratio" else lambda low, high: high - low
    of_rate = zip(parts, lows, highs, strict=True)
    values = np.concatenate([distance(rates[rate][a], rates[rate][b]) for rate, a, b in of_rate])
    if np.isnan(values).all():  # a ratio where nobody is selected
        return row
    worst = int(np.nanargmin(values) if kind == "ratio" else np.nanargmax(values))
    row |= {"difference": float(values[worst])}
    row |= {"lowest_group": names[np.concatenate(lows)[worst]]}
    row |= {"highest_group": names[np.concatenate(highs)[worst]]}
    if drawn:
        tail = (1 - level) / 2 / len(values)
        limits = [
            _limits(drawn[rate], a, b, kind, tail) for rate, a, b in zip(parts, lows, highs, strict=True)
        ]
        outermost = min if kind == "ratio" else max
        row["low"], row["high"] = (outermost(ends) for ends in zip(*limits, strict=True))
    return row


def _limits(
    draws: np.ndarray, low: np.ndarray, high: np.ndarray, kind: str, tail: float
) -> tuple[float, float]:
    """Limits of the largest difference, or of the smallest ratio, over all pairs of groups of one rate.

    Only the pair with the outermost limit counts. With many pairs `tail` lies between the two outermost draws
    of a pair, and a bound from a few draws rules out most pairs before their draws are looked at.
    """
    n = len(draws)
    part = tail * (n - 1)
    if part >= 1 or n == 1:
        found = np.empty((2, len(low)))
        for here, spread in _spreads(draws, low, high, kind):
            found[:, here] = np.quantile(spread, [tail, 1 - tail], axis=1)
        if kind == "ratio":
            return float(found[0].min()), float(found[1].min())
        return float(found[0].max()), float(np.maximum(found[1], -found[0]).max())

    def ends(pairs: np.ndarray) -> np.ndarray:
        ((_, spread),) = _spreads(draws, low[pairs], high[pairs], kind, block=len(pairs))
        lowest, highest = np.partition(spread, (0, 1), axis=1)[:, :2], np.partition(spread, (-2, -1), axis=1)
        first, second = np.array([lowest[:, 0], highest[:, -1]]), np.array([lowest[:, 1], highest[:, -2]])
        return first + (second - first) * part

    inner, outer = _bounds(draws, low, high, kind)
    if kind == "ratio":  # the smallest one is the largest of the negatives
        return -_largest(-outer, lambda pairs: -ends(pairs)[0], n), -_largest(
            -inner, lambda pairs: -ends(pairs)[1], n
        )

    def furthest(pairs: np.ndarray) -> np.ndarray:
        bottom, top = ends(pairs)
        return np.maximum(top, -bottom)

    return _largest(inner, lambda pairs: ends(pairs)[0], n), _largest(outer, furthest, n)


def _bounds(draws: np.ndarray, low: np.ndarray, high: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """What the limits of each pair cannot pass: inner from a part of its draws, outer from blocks of them."""
    inner, second = np.empty(len(low)), -2 if kind == "ratio" else 1
    for here, spread in _spreads(draws[:_SOME], low, high, kind):
        inner[here] = np.partition(spread, second, axis=1)[:, second]
    outer = np.full(len(low), np.inf if kind == "ratio" else -np.inf)
    for start in range(0, len(draws), _SOME):
        least, most = draws[start : start + _SOME].min(axis=0), draws[start : start + _SOME].max(axis=0)
        if kind == "ratio":
            np.minimum(outer, ratio(least[low], most[high]), out=outer)
        else:  # the groups may change places in a draw
            np.maximum(outer, most[high] - least[low], out=outer)
            np.maximum(outer, most[low] - least[high], out=outer)
    return inner, outer


def _largest(bound: np.ndarray, value: Callable[[np.ndarray], np.ndarray], n: int) -> float:
    """Largest value of all pairs, from the largest bound down until no bound reaches it."""
    order = np.argsort(-bound, kind="stable")
    block, best = max(1, _BLOCK // n), -np.inf
    for start in range(0, len(order), block):
        pairs = order[start : start + block]
        if bound[pairs[0]] < best:
            break
        best = max(best, float(value(pairs).max()))
    return best


def _spreads(
    draws: np.ndarray, low: np.ndarray, high: np.ndarray, kind: str, *, block: int | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Distance of each pair in every draw, in blocks of pairs that stay in the processor's cache."""
    by_group = draws.T
    block = block or max(1, _BLOCK // len(draws))
    for start in range(0, len(low), block):
        here = slice(start, start + block)
        below, above = by_group[low[here]], by_group[high[here]]
        yield here, ratio(below, above) if kind == "ratio" else above - below
