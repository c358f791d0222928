"""Metrics of a two-class model with bootstrap intervals, and its calibration.

Taught in lessons 4.4 (metrics) and 5.2 (every metric by hand, then with an interval).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_METRICS = ("roc_auc", "average_precision", "brier", "log_loss")


def checked(y: Any, p: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels as integers and probabilities as floats, or a ValueError that says what is wrong with them."""
    y, p = np.asarray(y), np.asarray(p, dtype=np.float64)
    if y.ndim != 1 or p.ndim != 1 or len(y) != len(p) or not len(y):
        raise ValueError(f"y and p must be one-dimensional, equally long, not empty: {y.shape}, {p.shape}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("y must hold only 0 and 1")
    if not ((p >= 0) & (p <= 1)).all():
        row = int(np.flatnonzero(~((p >= 0) & (p <= 1)))[0])
        raise ValueError(f"p must be probabilities from 0 to 1; row {row} is {p[row]}")
    return y.astype(np.int64), p


class _Weighted:
    """Metrics of one prediction under many weightings of its rows, each metric in one pass over a matrix."""

    def __init__(self, y: np.ndarray, p: np.ndarray, threshold: float):
        order = np.argsort(-p, kind="stable")
        self.order, self.threshold = order, threshold
        self.y, self.p = y[order].astype(np.float64), p[order]
        self.starts = np.flatnonzero(np.r_[True, np.diff(self.p) != 0])  # first row of each distinct score
        self.positives = np.flatnonzero(self.y == 1)
        group = np.searchsorted(self.starts, self.positives, side="right")
        first, past = self.starts[group - 1], np.r_[self.starts, len(self.p)][group]
        # For each positive: rows with a higher score, rows through its own, and the positives among both.
        self.rows_ahead, self.rows_through = first, past
        self.positives_ahead = np.searchsorted(self.positives, first)
        self.positives_through = np.searchsorted(self.positives, past)

    def tied(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positives and negatives of each distinct score, from the highest down."""
        positive = w * self.y
        return (
            np.add.reduceat(positive, self.starts, axis=1),
            np.add.reduceat(w - positive, self.starts, axis=1),
        )

    def counts(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        chosen = int(np.count_nonzero(self.p >= self.threshold))
        tp = w[:, :chosen] @ self.y[:chosen]
        fp = w[:, :chosen].sum(axis=1) - tp
        fn = w[:, chosen:] @ self.y[chosen:]
        return tp, fp, fn, w[:, chosen:].sum(axis=1) - fn


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _roc_auc(s: _Weighted, w: np.ndarray) -> np.ndarray:
    """Share of pairs in the right order, ties half: a running sum instead of a sort for each weighting."""
    result = np.empty(len(w))
    rows, found = np.zeros(w.shape[1] + 1, w.dtype), np.zeros(len(s.positives) + 1, w.dtype)
    for number, weights in enumerate(w):
        np.cumsum(weights, out=rows[1:])
        positive = weights[s.positives]
        np.cumsum(positive, out=found[1:])
        ahead = rows[s.rows_ahead] - found[s.positives_ahead]  # negatives with a higher score
        through = rows[s.rows_through] - found[s.positives_through]  # and those with the same
        n_positive = found[-1]
        pairs = float(n_positive) * float(rows[-1] - n_positive)
        result[number] = 1 - float(positive @ (ahead + through)) / (2 * pairs) if pairs > 0 else np.nan
    return result


def _average_precision(s: _Weighted, w: np.ndarray) -> np.ndarray:
    positive, negative = s.tied(w)
    found = np.cumsum(positive, axis=1)
    chosen = found + np.cumsum(negative, axis=1)
    precision = np.divide(found, chosen, out=np.zeros_like(found), where=chosen > 0)
    return _ratio((positive * precision).sum(axis=1), found[:, -1])


def _brier(s: _Weighted, w: np.ndarray) -> np.ndarray:
    return _ratio(w @ (s.p - s.y) ** 2, w.sum(axis=1))


def _log_loss(s: _Weighted, w: np.ndarray) -> np.ndarray:
    p = np.clip(s.p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return _ratio(w @ -np.log(np.where(s.y == 1, p, 1 - p)), w.sum(axis=1))


def _calibration_gap(s: _Weighted, w: np.ndarray) -> np.ndarray:
    return _ratio(w @ (s.y - s.p), w.sum(axis=1))


def _from_counts(rule: Callable[..., np.ndarray]) -> Callable[[_Weighted, np.ndarray], np.ndarray]:
    return lambda s, w: rule(*s.counts(w))


_METRICS: dict[str, Callable[[_Weighted, np.ndarray], np.ndarray]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "brier": _brier,
    "log_loss": _log_loss,
    "calibration_gap": _calibration_gap,
    "accuracy": _from_counts(lambda tp, fp, fn, tn: _ratio(tp + tn, tp + fp + fn + tn)),
    "precision": _from_counts(lambda tp, fp, fn, tn: _ratio(tp, tp + fp)),
    "recall": _from_counts(lambda tp, fp, fn, tn: _ratio(tp, tp + fn)),
    "specificity": _from_counts(lambda tp, fp, fn, tn: _ratio(tn, tn + fp)),
    "f1": _from_counts(lambda tp, fp, fn, tn: _ratio(2 * tp, 2 * tp + fp + fn)),
    "selection_rate": _from_counts(lambda tp, fp, fn, tn: _ratio(tp + fp, tp + fp + fn + tn)),
}


def _known(metrics: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in metrics if name not in _METRICS]
    if unknown or not metrics:
        raise ValueError(f"unknown metrics {unknown}; choose from {', '.join(_METRICS)}")
    return metrics


def classification_metrics(y: Any, p: Any, *, threshold: float = 0.5) -> dict[str, float]:
    """All metrics of a two-class model at once.

    Taught in lesson 5.2.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels 0 and 1.
    p : array-like of shape (n_rows,)
        Probabilities of 1.
    threshold : float, default=0.5
        Rows with ``p >= threshold`` count as predicted 1.

    Returns
    -------
    dict of str to float
        n, prevalence, tp, fp, fn, tn, then roc_auc, average_precision, brier, log_loss, calibration_gap (mean
        of y minus mean of p), accuracy, precision, recall, specificity, f1, selection_rate. One that is not
        defined, such as the precision when nothing is selected, is NaN.
    """
    y, p = checked(y, p)
    scores, once = _Weighted(y, p, threshold), np.ones((1, len(y)))
    counts = dict(
        zip(("tp", "fp", "fn", "tn"), (int(count[0]) for count in scores.counts(once)), strict=True)
    )
    figures = {name: float(metric(scores, once)[0]) for name, metric in _METRICS.items()}
    return {"n": len(y), "prevalence": float(y.mean()), **counts, **figures}


def resampled_weights(
    y: np.ndarray, n_resamples: int, rng: np.random.Generator, *, stratified: bool
) -> Iterator[np.ndarray]:
    """Yield how often each row was drawn, in blocks of shape (n_block, n_rows) that stay small in memory."""
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


def _limits(values: np.ndarray, level: float) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _check_bootstrap(n_resamples: int, level: float) -> None:
    if n_resamples < 1 or not 0 < level < 1:
        raise ValueError(f"n_resamples must be at least 1 and level in (0, 1), got {n_resamples} and {level}")


def bootstrap_intervals(
    y: Any,
    p: Any,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    threshold: float = 0.5,
    n_resamples: int = 1000,
    level: float = 0.95,
    stratified: bool = False,
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
    random_state : int, Generator or None, default=0
        Source of the resamples.

    Returns
    -------
    DataFrame
        Columns metric, value, low, high. Resamples in which a metric is not defined are left out.

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    y, p = checked(y, p)
    _check_bootstrap(n_resamples, level)
    scores, rng = _Weighted(y, p, threshold), np.random.default_rng(random_state)
    found: dict[str, list[np.ndarray]] = {name: [] for name in _known(metrics)}
    for weights in resampled_weights(scores.y, n_resamples, rng, stratified=stratified):
        for name, values in found.items():
            values.append(_METRICS[name](scores, weights))
    once = np.ones((1, len(y)))
    rows = []
    for name, values in found.items():
        low, high = _limits(np.concatenate(values), level)
        rows.append(
            {"metric": name, "value": float(_METRICS[name](scores, once)[0]), "low": low, "high": high}
        )
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
    threshold, n_resamples, level, stratified, random_state
        As in `bootstrap_intervals`.

    Returns
    -------
    dict of str to float
        value, low, high.
    """
    y, p_a = checked(y, p_a)
    _, p_b = checked(y, p_b)
    _check_bootstrap(n_resamples, level)
    rule = _METRICS[_known([metric])[0]]
    a, b = _Weighted(y, p_a, threshold), _Weighted(y, p_b, threshold)
    rng = np.random.default_rng(random_state)
    differences = np.concatenate(
        [
            rule(b, weights[:, b.order]) - rule(a, weights[:, a.order])
            for weights in resampled_weights(y, n_resamples, rng, stratified=stratified)
        ]
    )
    low, high = _limits(differences, level)
    once = np.ones((1, len(y)))
    return {"value": float(rule(b, once)[0] - rule(a, once)[0]), "low": low, "high": high}


def calibration_table(y: Any, p: Any, *, bins: int = 10) -> pd.DataFrame:
    """Predicted against observed shares in bins of equally many rows.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    bins : int, default=10
        Cut at the quantiles of `p`; equal probabilities stay together, so there can be fewer.

    Returns
    -------
    DataFrame
        One row per bin: n, predicted, observed, and low and high of the observed share (Wilson, 95%).
    """
    y, p = checked(y, p)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)))
    number = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, max(len(edges) - 2, 0))
    table = pd.DataFrame({"bin": number, "p": p, "y": y}).groupby("bin")
    table = table.agg(n=("y", "size"), predicted=("p", "mean"), observed=("y", "mean"))
    table["low"], table["high"] = wilson_interval(table["observed"] * table["n"], table["n"])
    return table.reset_index(drop=True)


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


def expected_calibration_error(y: Any, p: Any, *, bins: int = 10) -> float:
    """Mean distance between predicted and observed share over the bins of `calibration_table`.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    bins : int, default=10
        As in `calibration_table`.

    Returns
    -------
    float
        From 0 (calibrated) to 1; above 0 by chance even for a calibrated model, the more so with few rows.
    """
    table = calibration_table(y, p, bins=bins)
    return float(np.average((table["observed"] - table["predicted"]).abs(), weights=table["n"]))


def plot_calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a calibration table with its intervals beside the diagonal.

    Taught in lesson 5.2.

    Parameters
    ----------
    table : DataFrame
        From `calibration_table`.
    ax : matplotlib Axes, optional
        Drawn on new axes without one.

    Returns
    -------
    matplotlib Axes
    """
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(4.5, 4.5))
    error = np.abs(np.vstack([table["observed"] - table["low"], table["high"] - table["observed"]]))
    limit = float(max(table["predicted"].max(), table["high"].max())) * 1.05
    ax.plot([0, limit], [0, limit], linestyle="--", color="0.5", label="calibrated")
    ax.errorbar(table["predicted"], table["observed"], yerr=error, fmt="o-", capsize=3, label="model")
    ax.set(xlabel="predicted probability", ylabel="observed share", title="Calibration")
    ax.legend()
    return ax
