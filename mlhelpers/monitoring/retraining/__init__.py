"""Retraining: what to do after an alarm, policies compared on a stream, and whether it was worth it.

Taught in lesson 9.3 (retraining).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Decision": "decision",
    "decide": "decision",
    "gain_of_retraining": "decision",
    "PerformanceBaseline": "performance",
    "batch_performance": "performance",
    "learn_performance_baseline": "performance",
    "segment_performance": "performance",
    "Hybrid": "policies",
    "Incremental": "policies",
    "Known": "policies",
    "Never": "policies",
    "OnDrift": "policies",
    "OnPerformance": "policies",
    "RetrainingPolicy": "policies",
    "Scheduled": "policies",
    "default_policies": "policies",
    "PolicyComparison": "result",
    "plot_policies": "result",
    "weekly_losses": "result",
    "compare_policies": "stream",
    "Replay": "weeks",
    "replay_weeks": "weeks",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
