"""Serving: the prediction service.

Names load when they are first used (lessons 7.1 to 7.4 and 8.5).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "create_app": "app",
    "hash_key": "guard",
    "shapley_to_reference": "explain",
    "Service": "process",
    "ServiceError": "process",
    "check_manifests": "manifests",
    "check_terraform": "terraform",
    "Plan": "costs",
    "Workload": "costs",
    "break_even": "costs",
    "cost_curve": "costs",
    "monthly_cost": "costs",
    "read_prices": "costs",
    "running_service": "process",
    "running_services": "process",
    "CanaryDecision": "canary",
    "Router": "canary",
    "compare_canary": "canary",
    "split": "canary",
    "BatchError": "batch",
    "BatchReport": "batch",
    "score_file": "batch",
    "score_frames": "batch",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
