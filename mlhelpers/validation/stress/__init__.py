"""Stress cases for tables, images and texts, and the report of failures.

Taught in lesson 5.3 (stress tests), with the test types of CheckList.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "directional_case": "checks",
    "extreme_cases": "checks",
    "invariance_case": "checks",
    "missing_cases": "checks",
    "tabular_cases": "checks",
    "unit_cases": "checks",
    "unseen_category_cases": "checks",
    "add_noise": "images",
    "blur": "images",
    "change_contrast": "images",
    "occlude": "images",
    "rotate": "images",
    "StressCase": "tables",
    "failure_report": "tables",
    "minimum_functionality_case": "tables",
    "run_stress_cases": "tables",
    "change_case": "text",
    "lengthen": "text",
    "misspell": "text",
    "negate": "text",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
