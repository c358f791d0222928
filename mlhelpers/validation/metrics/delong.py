"""Interval of an AUC, and of the difference of two, without resampling: DeLong's method on ranks.

Taught in lessons 4.4 (cross-validation and metrics) and 5.2 (metrics).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlhelpers.validation.metrics.rules import checked


def delong_interval(y: Any, p: Any, *, level: float = 0.95) -> dict[str, float]:
    """Interval of the ROC-AUC by DeLong's variance, computed from ranks in n log n.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    dict of str to float
        value, low, high, standard_error. The limits are not cut at 0 and 1: one beyond them says that there
        are too few rows for the normal approximation.

    Raises
    ------
    ValueError
        If a class has fewer than two rows, so that its variance is not defined.

    References
    ----------
    .. [1] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more
       correlated receiver operating characteristic curves", Biometrics 44, 1988.
    .. [2] X. Sun, W. Xu, "Fast implementation of DeLong's algorithm for comparing the areas under correlated
       receiver operating characteristic curves", IEEE Signal Processing Letters 21, 2014.
    """
    y, p = checked(y, p)
    return _interval(_placements(y, p), level)


def delong_difference(y: Any, p_a: Any, p_b: Any, *, level: float = 0.95) -> dict[str, float]:
    """Difference of two models' ROC-AUC on the same rows, b minus a, with interval and p-value.

    Taught in lesson 4.1 (is the winner's margin more than noise) and 5.2.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels 0 and 1.
    p_a, p_b : array-like of shape (n_rows,)
        Probabilities of the two models.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    dict of str to float
        value, low, high, standard_error, p_value (two-sided; 1 where the models rank alike).

    Raises
    ------
    ValueError
        If a class has fewer than two rows.
    """
    from scipy.special import ndtr

    y, p_a = checked(y, p_a)
    _, p_b = checked(y, p_b)
    a, b = _placements(y, p_a), _placements(y, p_b)
    found = _interval((b[0] - a[0], b[1] - a[1]), level)
    error = found["standard_error"]
    found["p_value"] = float(2 * ndtr(-abs(found["value"]) / error)) if error > 0 else 1.0
    return found


def _placements(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of negatives below each positive, and of positives above each negative; ties count half."""
    from scipy.stats import rankdata

    positive = y == 1
    n_positive = int(positive.sum())
    n_negative = len(y) - n_positive
    if min(n_positive, n_negative) < 2:
        raise ValueError(
            f"{n_positive} positives and {n_negative} negatives: an AUC's interval needs at least two of each"
        )
    ranks = rankdata(p)
    below = (ranks[positive] - rankdata(p[positive])) / n_negative
    above = 1 - (ranks[~positive] - rankdata(p[~positive])) / n_positive
    return below, above


def _interval(placements: tuple[np.ndarray, np.ndarray], level: float) -> dict[str, float]:
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    below, above = placements
    error = float(np.sqrt(below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above)))
    value, half = float(below.mean()), float(ndtri((1 + level) / 2)) * error
    return {"value": value, "low": value - half, "high": value + half, "standard_error": error}
