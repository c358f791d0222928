"""Metrics of classifiers and regressions, with intervals, comparisons, calibration and slices.

Taught in lessons 4.4 (metrics) and 5.2 (every metric by hand, then with an interval).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "calibration_table": "calibration",
    "expected_calibration_error": "calibration",
    "plot_calibration": "calibration",
    "classification_metrics": "classification",
    "delong_difference": "delong",
    "delong_interval": "delong",
    "DEFAULT_METRICS": "intervals",
    "bootstrap_intervals": "intervals",
    "paired_difference": "intervals",
    "resampled_weights": "intervals",
    "wilson_interval": "intervals",
    "regression_intervals": "regression",
    "regression_metrics": "regression",
    "checked": "rules",
    "metrics_by_slice": "slices",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
