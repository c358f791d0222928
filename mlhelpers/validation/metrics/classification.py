"""Metrics of classifiers and regressions, with intervals, comparisons, calibration and slices.

Taught in lessons 4.4 (metrics) and 5.2 (every metric by hand, then with an interval). The parts live in
modules of their own: intervals, delong, calibration, regression, slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlhelpers.validation.metrics.calibration import (
    calibration_table,
    expected_calibration_error,
    plot_calibration,
)
from mlhelpers.validation.metrics.delong import delong_difference, delong_interval
from mlhelpers.validation.metrics.intervals import (
    DEFAULT_METRICS,
    bootstrap_intervals,
    paired_difference,
    resampled_weights,
    wilson_interval,
)
from mlhelpers.validation.metrics.regression import regression_intervals, regression_metrics
from mlhelpers.validation.metrics.rules import (
    METRICS,
    Weighted,
    checked,
    checked_weights,
    in_dtype_of,
    warn_undefined,
)
from mlhelpers.validation.metrics.slices import metrics_by_slice

__all__ = [
    "DEFAULT_METRICS",
    "bootstrap_intervals",
    "calibration_table",
    "checked",
    "classification_metrics",
    "delong_difference",
    "delong_interval",
    "expected_calibration_error",
    "metrics_by_slice",
    "paired_difference",
    "plot_calibration",
    "regression_intervals",
    "regression_metrics",
    "resampled_weights",
    "wilson_interval",
]


def classification_metrics(
    y: Any, p: Any, *, threshold: float = 0.5, sample_weight: Any = None
) -> dict[str, float]:
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
    sample_weight : array-like of shape (n_rows,), optional
        Weight of each row, finite and not negative; the counts are then sums of weights.

    Returns
    -------
    dict of str to float
        n, prevalence, tp, fp, fn, tn, then roc_auc, average_precision, brier, log_loss, calibration_gap (mean
        of y minus mean of p), accuracy, precision, recall, specificity, f1, selection_rate. One that is not
        defined, such as the precision when nothing is selected, is NaN.

    Warns
    -----
    UserWarning
        Names the metrics that are not defined.
    """
    threshold = in_dtype_of(p, threshold)
    y, p = checked(y, p)
    weights, scores = checked_weights(sample_weight, len(y)), Weighted(y, p, threshold)
    once = np.ones((1, len(y))) if weights is None else weights[scores.order][None, :]
    counts = {
        name: int(count[0]) if weights is None else float(count[0])
        for name, count in zip(("tp", "fp", "fn", "tn"), scores.counts(once), strict=True)
    }
    figures = {name: float(metric(scores, once)[0]) for name, metric in METRICS.items()}
    warn_undefined((name for name, value in figures.items() if np.isnan(value)), y)
    return {"n": len(y), "prevalence": float(np.average(y, weights=weights)), **counts, **figures}
