"""Metrics of a two-class model under many weightings of its rows, each in one pass over a matrix.

Behind `mlhelpers.validation.metrics`, taught in lessons 4.4 and 5.2.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd


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


def in_dtype_of(scores: Any, threshold: float) -> float:
    """Threshold as the scores' own precision holds it: a float32 score of 0.7 reaches a threshold of 0.7."""
    dtype = getattr(scores, "dtype", None)
    dtype = getattr(dtype, "numpy_dtype", dtype)  # of pandas' Float32
    if not isinstance(dtype, np.dtype):  # a list, or an array of another library
        dtype = np.asarray(scores).dtype
    if dtype.kind == "f" and dtype.itemsize < 8:
        return float(dtype.type(threshold))
    return threshold


def values_of(given: Any) -> np.ndarray:
    """An array in which a gap stays a gap: NumPy makes the text "nan" of one in a list of texts."""
    if isinstance(given, list | tuple) and any(isinstance(value, str) for value in given):
        return pd.Series(given, dtype=object).to_numpy()
    return np.asarray(given)


def quantile_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """Number of each value's bin of equally many rows, from 0 on; equal values stay together.

    With at most `bins` different values each is a bin. A tie at the top that fills a bin is one of its own;
    otherwise the largest value belongs to the last bin.
    """
    distinct = np.unique(values)
    if len(distinct) <= bins:
        return np.searchsorted(distinct, values)
    cuts = np.quantile(values, np.linspace(0, 1, bins + 1))
    edges = np.unique(cuts)
    number = np.searchsorted(edges, values, side="right") - 1
    return np.minimum(number, len(edges) - 2) if cuts[-2] < cuts[-1] else number


def checked_weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """Weights as floats, or a ValueError that says what is wrong with them; None stays None."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have {n_rows} values, one for each row, got {weights.shape}")
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"sample_weight must be finite and not negative; row {row} is {weights[row]}")
    if not weights.any():
        raise ValueError("sample_weight is 0 for every row, so there is nothing to measure")
    return weights


class Weighted:
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
        """Weights of hits, false alarms, misses and correct rejections at the threshold."""
        chosen = int(np.count_nonzero(self.p >= self.threshold))
        tp = w[:, :chosen] @ self.y[:chosen]
        fp = w[:, :chosen].sum(axis=1) - tp
        fn = w[:, chosen:] @ self.y[chosen:]
        return tp, fp, fn, w[:, chosen:].sum(axis=1) - fn


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Quotient, NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _roc_auc(s: Weighted, w: np.ndarray) -> np.ndarray:
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


def _average_precision(s: Weighted, w: np.ndarray) -> np.ndarray:
    positive, negative = s.tied(w)
    found = np.cumsum(positive, axis=1)
    chosen = found + np.cumsum(negative, axis=1)
    precision = np.divide(found, chosen, out=np.zeros_like(found), where=chosen > 0)
    return ratio((positive * precision).sum(axis=1), found[:, -1])


def _brier(s: Weighted, w: np.ndarray) -> np.ndarray:
    return ratio(w @ (s.p - s.y) ** 2, w.sum(axis=1))


def _log_loss(s: Weighted, w: np.ndarray) -> np.ndarray:
    p = np.clip(s.p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return ratio(w @ -np.log(np.where(s.y == 1, p, 1 - p)), w.sum(axis=1))


def _calibration_gap(s: Weighted, w: np.ndarray) -> np.ndarray:
    return ratio(w @ (s.y - s.p), w.sum(axis=1))


def _from_counts(rule: Callable[..., np.ndarray]) -> Callable[[Weighted, np.ndarray], np.ndarray]:
    return lambda s, w: rule(*s.counts(w))


METRICS: dict[str, Callable[[Weighted, np.ndarray], np.ndarray]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "brier": _brier,
    "log_loss": _log_loss,
    "calibration_gap": _calibration_gap,
    "accuracy": _from_counts(lambda tp, fp, fn, tn: ratio(tp + tn, tp + fp + fn + tn)),
    "precision": _from_counts(lambda tp, fp, fn, tn: ratio(tp, tp + fp)),
    "recall": _from_counts(lambda tp, fp, fn, tn: ratio(tp, tp + fn)),
    "specificity": _from_counts(lambda tp, fp, fn, tn: ratio(tn, tn + fp)),
    "f1": _from_counts(lambda tp, fp, fn, tn: ratio(2 * tp, 2 * tp + fp + fn)),
    "selection_rate": _from_counts(lambda tp, fp, fn, tn: ratio(tp + fp, tp + fp + fn + tn)),
}


def warn_undefined(names: Iterable[str], y: np.ndarray, *, stacklevel: int = 3) -> None:
    """Say which metrics are NaN and why, so that no figure is missing in silence."""
    names = list(names)
    if not names:
        return
    classes = [name for name, rows in (("positive", y == 1), ("negative", y == 0)) if not rows.any()]
    why = (
        f"there is no {' and no '.join(classes)} row" if classes else "nothing to divide by at this threshold"
    )
    warnings.warn(f"not defined, so NaN: {', '.join(names)} ({why})", UserWarning, stacklevel=stacklevel)


def known(metrics: Sequence[str]) -> Sequence[str]:
    """Return the names, or raise a ValueError that lists those that are not known."""
    unknown = [name for name in metrics if name not in METRICS]
    if unknown or not metrics:
        raise ValueError(f"unknown metrics {unknown}; choose from {', '.join(METRICS)}")
    return metrics
