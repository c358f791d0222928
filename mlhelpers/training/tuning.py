"""Hyperparameter search: one space, one budget, six searches from four libraries, nested evaluation.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from __future__ import annotations

from mlhelpers.training.tuning_nested import Nested, nested_cv
from mlhelpers.training.tuning_result import Search, compare_searches, plot_best_so_far
from mlhelpers.training.tuning_search import SEARCHES, tune
from mlhelpers.training.tuning_space import check_space, grid_points, random_points

__all__ = [
    "SEARCHES", "Nested", "Search", "check_space", "compare_searches", "grid_points", "nested_cv",
    "plot_best_so_far", "random_points", "tune",
]  # fmt: skip
