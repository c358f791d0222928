"""Splits that keep groups and dates apart, a scan for leaks, and the positives that an AUC needs.

Taught in lesson 5.1 (robust validation sets).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "GroupFolds": "folds",
    "TimeFolds": "folds",
    "connected_groups": "folds",
    "LeakageReport": "result",
    "leakage_scan": "scan",
    "auc_interval_width": "size",
    "auc_standard_error": "size",
    "positives_needed": "size",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
