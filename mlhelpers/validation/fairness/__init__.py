"""Metrics by group of people, with intervals, the gaps between the groups, and mitigations.

Taught in lesson 5.4 (bias and fairness).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "group_metrics": "distances",
    "fairness_gaps": "distances",
    "disparities": "groups",
    "metrics_by_group": "groups",
    "MitigationComparison": "mitigation",
    "compare_mitigations": "mitigation",
    "load_aif360": "mitigation",
    "reweighing_weights": "mitigation",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
