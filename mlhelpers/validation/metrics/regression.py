"""Metrics of a regression, with bootstrap intervals.

Taught in lessons 4.4 (cross-validation and metrics) and 5.2 (metrics).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.metrics.intervals import check_bootstrap, limits, resampled_weights
from mlhelpers.validation.metrics.rules import checked_weights

DEFAULT_METRICS = ("mae", "rmse", "r2", "bias")


def regression_metrics(
    y: Any, prediction: Any, *, n_features: int | None = None, sample_weight: Any = None
) -> dict[str, float]:
    """All metrics of a regression at once.

    Taught in lesson 5.2: y = [3, -0.5, 2, 7] and predictions [2.5, 0, 2, 8] give MAE 0.5, MSE 0.375 and
    RMSE 0.612.

    Parameters
    ----------
    y, prediction : array-like of shape (n_rows,)
        True and predicted values, finite.
    n_features : int, optional
        Number of features of the model, for the adjusted R2.
    sample_weight : array-like of shape (n_rows,), optional
        Weight of each row, finite and not negative.

    Returns
    -------
    dict of str to float
        n, then mae, mse, rmse, median_ae (without weights only, else NaN), max_error, bias (mean of the
        prediction less mean of y), wape (sum of absolute errors over that of absolute values), r2,
        adjusted_r2. One that is not defined, such as R2 of a constant y, is NaN.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or `n_features` leaves no degree of freedom.
    """
    y, prediction = _checked(y, prediction)
    weights = checked_weights(sample_weight, len(y))
    w = np.ones((1, len(y))) if weights is None else weights[None, :]
    figures = {name: float(rule(y, prediction, w)[0]) for name, rule in _METRICS.items()}
    off = np.abs(prediction - y)
    figures["median_ae"] = float(np.median(off)) if weights is None else np.nan
    figures["max_error"] = float(off[w[0] > 0].max())
    figures["adjusted_r2"] = np.nan
    if n_features is not None:
        if not 0 <= n_features < len(y) - 1:
            raise ValueError(f"n_features must be from 0 to {len(y) - 2} for {len(y)} rows, got {n_features}")
        figures["adjusted_r2"] = 1 - (1 - figures["r2"]) * (len(y) - 1) / (len(y) - n_features - 1)
    return {"n": len(y), **figures}


def regression_intervals(
    y: Any,
    prediction: Any,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Percentile bootstrap intervals of regression metrics, all from the same resamples of rows.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, prediction : array-like of shape (n_rows,)
        True and predicted values, finite.
    metrics : sequence of str
        Of mae, mse, rmse, bias, wape, r2.
    n_resamples : int, default=1000
    level : float, default=0.95
        Coverage.
    random_state : int, Generator or None, default=0
        Source of the resamples.

    Returns
    -------
    DataFrame
        Columns metric, value, low, high. Resamples in which a metric is not defined are left out.

    Raises
    ------
    ValueError
        If a metric is not known, lengths differ, or a value is not finite.
    """
    y, prediction = _checked(y, prediction)
    check_bootstrap(n_resamples, level)
    unknown = [name for name in metrics if name not in _METRICS]
    if unknown or not metrics:
        raise ValueError(f"unknown metrics {unknown}; choose from {', '.join(_METRICS)}")
    found: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    rng = np.random.default_rng(random_state)
    for weights in resampled_weights(y, n_resamples, rng, stratified=False):
        for name, values in found.items():
            values.append(_METRICS[name](y, prediction, weights))
    once = np.ones((1, len(y)))
    rows = []
    for name, values in found.items():
        low, high = limits(np.concatenate(values), level)
        value = float(_METRICS[name](y, prediction, once)[0])
        rows.append({"metric": name, "value": value, "low": low, "high": high})
    return pd.DataFrame(rows)


def _checked(y: Any, prediction: Any) -> tuple[np.ndarray, np.ndarray]:
    y, prediction = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if y.ndim != 1 or y.shape != prediction.shape or not len(y):
        shapes = f"{y.shape} and {prediction.shape}"
        raise ValueError(f"y and prediction must be one-dimensional, equally long, not empty: {shapes}")
    for name, values in (("y", y), ("prediction", prediction)):
        bad = ~np.isfinite(values)
        if bad.any():
            raise ValueError(f"{name} must be finite; row {int(bad.argmax())} is {values[bad.argmax()]}")
    return y, prediction


def _mean(values: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (w @ values) / w.sum(axis=1)


def _r2(y: np.ndarray, prediction: np.ndarray, w: np.ndarray) -> np.ndarray:
    total = (w * (y - _mean(y, w)[:, None]) ** 2).sum(axis=1)
    constant = np.array([np.ptp(y[row > 0]) == 0 for row in w])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(constant, np.nan, 1 - (w @ (y - prediction) ** 2) / total)


def _wape(y: np.ndarray, prediction: np.ndarray, w: np.ndarray) -> np.ndarray:
    total = w @ np.abs(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (w @ np.abs(y - prediction)) / total, np.nan)


_METRICS = {
    "mae": lambda y, f, w: _mean(np.abs(y - f), w),
    "mse": lambda y, f, w: _mean((y - f) ** 2, w),
    "rmse": lambda y, f, w: np.sqrt(_mean((y - f) ** 2, w)),
    "bias": lambda y, f, w: _mean(f - y, w),
    "wape": _wape,
    "r2": _r2,
}
