"""Validation: metrics with intervals, costs, fairness, stress tests, gates, reports.

Names load when they are first used (lessons 2.1 and 5.1 to 5.5).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "bootstrap_intervals": "metrics",
    "calibration_table": "metrics",
    "classification_metrics": "metrics",
    "expected_calibration_error": "metrics",
    "paired_difference": "metrics",
    "plot_calibration": "metrics",
    "wilson_interval": "metrics",
    "delong_difference": "metrics",
    "delong_interval": "metrics",
    "metrics_by_slice": "metrics",
    "regression_intervals": "metrics",
    "regression_metrics": "metrics",
    "BestThreshold": "costs",
    "best_threshold": "costs",
    "net_benefit": "costs",
    "net_benefit_curve": "costs",
    "net_benefit_of_counts": "costs",
    "disparities": "fairness",
    "metrics_by_group": "fairness",
    "group_metrics": "groups",
    "GroupFolds": "splits",
    "LeakageReport": "splits",
    "TimeFolds": "splits",
    "auc_interval_width": "splits",
    "auc_standard_error": "splits",
    "connected_groups": "splits",
    "leakage_scan": "splits",
    "positives_needed": "splits",
    "StressCase": "stress",
    "directional_case": "stress",
    "extreme_cases": "stress",
    "invariance_case": "stress",
    "missing_cases": "stress",
    "run_stress_cases": "stress",
    "tabular_cases": "stress",
    "unit_cases": "stress",
    "unseen_category_cases": "stress",
    "Gate": "gates",
    "GateReport": "gates",
    "check_gates": "gates",
    "html_report": "report",
    "model_card": "report",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
