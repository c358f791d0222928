"""How many positives an AUC needs: the interval of Hanley and McNeil, and its width turned around.

Taught in lesson 5.1 (robust validation sets).
"""

from __future__ import annotations

import numpy as np

__all__ = ["auc_interval_width", "auc_standard_error", "positives_needed"]


def auc_standard_error(auc: float, positives: float, negatives: float) -> float:
    """Standard error of an AUC by the formula of Hanley and McNeil.

    Taught in lesson 5.1. It assumes scores that are exponential in both classes; for most scores the true
    error is a little smaller.

    Parameters
    ----------
    auc : float
        Expected AUC, from 0 to 1.
    positives, negatives : int
        Rows of each class, at least 1.

    Returns
    -------
    float

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
       characteristic (ROC) curve", Radiology 143, 1982.
    """
    if not 0 <= auc <= 1:
        raise ValueError(f"auc must be between 0 and 1, got {auc}")
    if min(positives, negatives) < 1:
        raise ValueError(f"each class needs a row, got {positives} positives and {negatives} negatives")
    two_positives = auc / (2 - auc)  # both of two positives above one negative
    two_negatives = 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc)
        + (positives - 1) * (two_positives - auc**2)
        + (negatives - 1) * (two_negatives - auc**2)
    ) / (positives * negatives)
    return float(np.sqrt(max(variance, 0.0)))


def auc_interval_width(auc: float, positives: float, negatives: float, *, level: float = 0.95) -> float:
    """Width, from end to end, of the interval of an AUC.

    Taught in lesson 5.1.

    Parameters
    ----------
    auc, positives, negatives
        As in `auc_standard_error`.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    float
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    return float(2 * ndtri((1 + level) / 2) * auc_standard_error(auc, positives, negatives))


def positives_needed(auc: float, width: float, *, positive_share: float = 0.5, level: float = 0.95) -> int:
    """Smallest number of positives whose AUC interval is at most `width` wide.

    Taught in lesson 5.1.

    Parameters
    ----------
    auc : float
        Expected AUC, from 0.5 to below 1.
    width : float
        Width wanted, from end to end, above 0.
    positive_share : float, default=0.5
        Share of positives among the rows; the negatives follow from it.
    level : float, default=0.95
        Coverage.

    Returns
    -------
    int
        Divided by `positive_share` it is the number of rows.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if not 0.5 <= auc < 1:
        raise ValueError(f"auc must be from 0.5 to below 1, got {auc}; at 1 the formula has no error")
    if not width > 0:
        raise ValueError(f"width must be above 0, got {width}")
    if not 0 < positive_share < 1:
        raise ValueError(f"positive_share must be in (0, 1), got {positive_share}")
    negatives_each = (1 - positive_share) / positive_share

    def too_few(positives: int) -> bool:
        negatives = max(1.0, positives * negatives_each)
        return auc_interval_width(auc, positives, negatives, level=level) > width

    low, high = 0, 1
    while too_few(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_few(middle) else (low, middle)
    return high
