"""Missing data: Little's test, fills, and imputations compared on cells whose value is known.

Taught in lesson 2.4 (data quality and missing data).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "ImputationComparison": "imputation",
    "STRATEGIES": "imputation",
    "compare_imputations": "imputation",
    "McarTest": "mcar",
    "little_mcar_test": "mcar",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
