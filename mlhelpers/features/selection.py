"""Choosing columns: selectors compared without a leak, importance and ablation with intervals.

Taught in lesson 3.2 (selection and reduction); importance and ablation are used again in lesson 3.3.
"""

from __future__ import annotations

from mlhelpers.features.selection_ablation import Ablation, ablation_table
from mlhelpers.features.selection_compare import SelectorComparison, compare_selectors, selection_stability
from mlhelpers.features.selection_filter import CorrelationFilter
from mlhelpers.features.selection_importance import METRICS, permutation_importance_intervals
from mlhelpers.features.selection_methods import METHODS

__all__ = [
    "METHODS", "METRICS", "Ablation", "CorrelationFilter", "SelectorComparison", "ablation_table",
    "compare_selectors", "permutation_importance_intervals", "selection_stability",
]  # fmt: skip
