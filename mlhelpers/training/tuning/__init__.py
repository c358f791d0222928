"""Hyperparameter search: one space, one budget, six searches from four libraries, nested evaluation.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Nested": "nested",
    "nested_cv": "nested",
    "Search": "result",
    "compare_searches": "result",
    "plot_best_so_far": "result",
    "SEARCHES": "searches",
    "tune": "searches",
    "check_space": "space",
    "grid_points": "space",
    "random_points": "space",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
