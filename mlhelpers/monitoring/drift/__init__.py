"""Drift: distances and tests between a reference and a batch, reports, learned baselines, streams.

Taught in lesson 9.1 (data drift and model drift).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "Baseline": "baseline",
    "learn_baseline": "baseline",
    "reference_variation": "baseline",
    "classifier_two_sample": "classifier",
    "TestResult": "distances",
    "chi_square": "distances",
    "drift_table": "distances",
    "jensen_shannon": "distances",
    "js_of_counts": "distances",
    "ks_distance": "distances",
    "missing_rate_change": "distances",
    "population_stability_index": "distances",
    "psi_of_counts": "distances",
    "wasserstein_distance": "distances",
    "ArrivedPerformance": "labels",
    "arrived_performance": "labels",
    "DriftReport": "report",
    "adjusted_p_values": "report",
    "drift_report": "report",
    "StreamChanges": "streams",
    "StreamDetector": "streams",
    "detect_changes": "streams",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
