"""Data quality: a scored report with the failing rows, rules, Little's test, imputations compared.

Taught in lesson 2.4 (data quality and missing data).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "ImputationComparison": "mlhelpers.data.missing.imputation",
    "STRATEGIES": "mlhelpers.data.missing.imputation",
    "compare_imputations": "mlhelpers.data.missing.imputation",
    "McarTest": "mlhelpers.data.missing.mcar",
    "little_mcar_test": "mlhelpers.data.missing.mcar",
    "quality_report": "assessment",
    "repeated_rows": "checks",
    "CheckResult": "result",
    "DIMENSIONS": "result",
    "QualityReport": "result",
    "Check": "rules",
    "Compare": "rules",
    "Implies": "rules",
    "Present": "rules",
    "Rule": "rules",
    "broken_rules": "validity",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
