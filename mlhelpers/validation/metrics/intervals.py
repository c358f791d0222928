"""Intervals: by resampling for any metric, by Wilson for a share.

Taught in lessons 4.4 (cross-validation and metrics) and 5.2 (every metric by hand, then with an interval).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.metrics.rules import (
    METRICS,
    Weighted,
    checked,
    checked_weights,
    in_dtype_of,
    known,
    warn_undefined,
)

DEFAULT_METRICS = ("roc_auc", "average_precision", "brier", "log_loss")


def resampled_weights(
    y: np.ndarray,
    n_resamples: int,
    rng: np.random.Generator,
    *,
    stratified: bool,
    codes: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yield how often each row was drawn, in blocks of shape (n_block, n_rows) that stay small in memory.

    With `codes`, the number of each row's group, whole groups are drawn.
    """
    if codes is not None:
        n_groups = int(codes.max()) + 1
        block = max(1, 500_000 // len(y))
        for start in range(0, n_resamples, block):
            size = min(block, n_resamples - start)
            drawn = rng.integers(0, n_groups, (size, n_groups)) + np.arange(size)[:, None] * n_groups
            times = np.bincount(drawn.ravel(), minlength=size * n_groups).reshape(size, n_groups)
            yield times[:, codes]
        return
    if not stratified:
        block = max(1, 100_000 // len(y))  # a block stays in the processor's cache
        for start in range(0, n_resamples, block):
            size = min(block, n_resamples - start)
            drawn = rng.integers(0, len(y), (size, len(y)))
            drawn += np.arange(size)[:, None] * len(y)
            yield np.bincount(drawn.ravel(), minlength=size * len(y)).reshape(size, len(y))
        return
    groups = [np.flatnonzero(y == 0), np.flatnonzero(y == 1)]
    block = max(1, 2_000_000 // len(y))
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        weights = np.zeros((size, len(y)))
        offset = np.arange(size)[:, None]
        for rows in groups:
            if len(rows):
                drawn = rng.integers(0, len(rows), (size, len(rows))) + offset * len(rows)
                counts = np.bincount(drawn.ravel(), minlength=size * len(rows))
                weights[:, rows] = counts.reshape(size, len(rows))
        yield weights


def limits(values: np.ndarray, level: float) -> tuple[float, float]:
    """Quantiles of the resampled values, undefined ones left out."""
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def check_bootstrap(n_resamples: int, level: float) -> None:
    """Raise a ValueError unless both can be used."""
    if n_resamples < 1 or not 0 < level < 1:
        raise ValueError(f"n_resamples must be at least 1 and level in (0, 1), got {n_resamples} and {level}")


def _codes(groups: Any, n_rows: int, *, stratified: bool) -> np.ndarray | None:
    """Number of each row's group, or a ValueError that says what is wrong with the groups."""
    if groups is None:
        return None
    if stratified:
        raise ValueError("groups and stratified exclude each other: a group may hold both classes")
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    if codes.shape != (n_rows,):
        raise ValueError(f"groups has {len(codes)} values, y has {n_rows} rows")
    if (codes < 0).any():
        raise ValueError(
            f"groups: row {int((codes < 0).argmax())} has no group; give each such row one of its own"
        )
    if len(names) < 2:
        raise ValueError("groups holds one group only; nothing can be drawn from it")
    return codes


def bootstrap_intervals(
    y: Any,
    p: Any,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    threshold: float = 0.5,
    n_resamples: int = 1000,
    level: float = 0.95,
    stratified: bool = False,
    groups: Any = None,
    sample_weight: Any = None,
    random_state: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Percentile bootstrap intervals of several metrics, all from the same resamples.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    metrics : sequence of str
        Names as in `classification_metrics`.
    threshold : float, default=0.5
        For the metrics that need a decision.
    n_resamples : int, default=1000
        Number of bootstrap resamples.
    level : float, default=0.95
        Coverage of the interval.
    stratified : bool, default=False
        Draw from each class by itself: the share of positives is then taken as known.
    groups : array-like of shape (n_rows,), optional
        Group of each row, such as its customer. Whole groups are drawn then (cluster bootstrap): rows of
        one group are not independent, and intervals that take them for independent are too narrow.
    sample_weight : array-like of shape (n_rows,), optional
        Weight of each row; a row that is drawn twice counts twice its weight.
    random_state : int, Generator or None, default=0
        Source of the resamples.

    Returns
    -------
    DataFrame
        Columns metric, value, low, high. Resamples in which a metric is not defined are left out.

    Warns
    -----
    UserWarning
        Names the metrics that are not defined, which are NaN.

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    .. [2] A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8
    (groups).
    """
    threshold = in_dtype_of(p, threshold)
    y, p = checked(y, p)
    check_bootstrap(n_resamples, level)
    scores, rng = Weighted(y, p, threshold), np.random.default_rng(random_state)
    given = checked_weights(sample_weight, len(y))
    once = np.ones((1, len(y))) if given is None else given[scores.order][None, :]
    codes = _codes(groups, len(y), stratified=stratified)
    codes = None if codes is None else codes[scores.order]
    found: dict[str, list[np.ndarray]] = {name: [] for name in known(metrics)}
    for weights in resampled_weights(scores.y, n_resamples, rng, stratified=stratified, codes=codes):
        for name, values in found.items():
            values.append(METRICS[name](scores, weights if given is None else weights * once))
    rows = []
    for name, values in found.items():
        low, high = limits(np.concatenate(values), level)
        rows.append(
            {"metric": name, "value": float(METRICS[name](scores, once)[0]), "low": low, "high": high}
        )
    warn_undefined((row["metric"] for row in rows if np.isnan(row["value"])), y)
    return pd.DataFrame(rows)


def paired_difference(
    y: Any,
    p_a: Any,
    p_b: Any,
    metric: str = "roc_auc",
    *,
    threshold: float = 0.5,
    n_resamples: int = 1000,
    level: float = 0.95,
    stratified: bool = False,
    groups: Any = None,
    random_state: int | np.random.Generator | None = 0,
) -> dict[str, float]:
    """Difference of a metric between two models on the same rows, b minus a, with an interval.

    Taught in lesson 5.2. Both models are scored on the same resamples, so that what the rows have in common
    cancels out; the interval is much narrower than those of the two models suggest.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels 0 and 1.
    p_a, p_b : array-like of shape (n_rows,)
        Probabilities of the old and of the new model.
    metric : str, default="roc_auc"
        Name as in `classification_metrics`.
    threshold, n_resamples, level, stratified, groups, random_state
        As in `bootstrap_intervals`.

    Returns
    -------
    dict of str to float
        value, low, high.

    Warns
    -----
    UserWarning
        If the metric is not defined and the difference NaN.
    """
    threshold_a, threshold_b = in_dtype_of(p_a, threshold), in_dtype_of(p_b, threshold)
    y, p_a = checked(y, p_a)
    _, p_b = checked(y, p_b)
    check_bootstrap(n_resamples, level)
    rule = METRICS[known([metric])[0]]
    a, b = Weighted(y, p_a, threshold_a), Weighted(y, p_b, threshold_b)
    rng, codes = np.random.default_rng(random_state), _codes(groups, len(y), stratified=stratified)
    differences = np.concatenate(
        [
            rule(b, weights[:, b.order]) - rule(a, weights[:, a.order])
            for weights in resampled_weights(y, n_resamples, rng, stratified=stratified, codes=codes)
        ]
    )
    low, high = limits(differences, level)
    once = np.ones((1, len(y)))
    value = float(rule(b, once)[0] - rule(a, once)[0])
    warn_undefined([metric] if np.isnan(value) else [], y)
    return {"value": value, "low": low, "high": high}


def wilson_interval(successes: Any, n: Any, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson score interval of a share; NaN where `n` is 0.

    Taught in lesson 5.4.

    Parameters
    ----------
    successes, n : array-like of shape (n_groups,)
        Number of successes and of trials.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    low, high : ndarray of shape (n_groups,)
    """
    from scipy.special import ndtri

    z2 = ndtri((1 + level) / 2) ** 2
    k, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = k / n
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
        # Rounding may leave the share itself outside at 0 and 1, where it is the bound.
        low, high = np.minimum(middle - half, share), np.maximum(middle + half, share)
        return np.maximum(low, 0.0), np.minimum(high, 1.0)
