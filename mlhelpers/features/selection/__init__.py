"""Choosing columns: selectors compared without a leak, importance and ablation with intervals.

Taught in lesson 3.2 (selection and reduction); importance and ablation are used again in lesson 3.3.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Ablation": "ablation",
    "ablation_table": "ablation",
    "SelectorComparison": "compare",
    "compare_selectors": "compare",
    "selection_stability": "compare",
    "CorrelationFilter": "filters",
    "METRICS": "importance",
    "permutation_importance_intervals": "importance",
    "METHODS": "methods",
    "corrected_interval": "scores",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
