"""Splits that keep groups and dates apart, a scan for leaks, and the positives that an AUC needs.

Taught in lesson 5.1 (robust validation sets). This module gathers what the modules beside it hold.
"""

from mlhelpers.validation.splits_folds import GroupFolds, TimeFolds, connected_groups
from mlhelpers.validation.splits_result import LeakageReport
from mlhelpers.validation.splits_scan import leakage_scan
from mlhelpers.validation.splits_size import auc_interval_width, auc_standard_error, positives_needed

__all__ = [
    "GroupFolds",
    "LeakageReport",
    "TimeFolds",
    "auc_interval_width",
    "auc_standard_error",
    "connected_groups",
    "leakage_scan",
    "positives_needed",
]
