"""Aggregates of what was known at a moment: each row sees its key's events before its own cutoff only.

Taught in lessons 3.3 (features from domain knowledge) and 3.5 (automated feature pipelines).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "FUNCTIONS": "aggregates",
    "point_in_time_aggregates": "aggregates",
    "PointInTimeAggregator": "transformer",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
