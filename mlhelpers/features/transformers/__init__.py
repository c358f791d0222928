"""The scikit-learn transformers of this course in one place.

Taught in lesson 3.3 (all of them) and 3.5 (point-in-time aggregates).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "point_in_time_aggregates": "mlhelpers.features.point_in_time.aggregates",
    "PointInTimeAggregator": "mlhelpers.features.point_in_time.transformer",
    "RareCategoryGrouper": "categories",
    "DatePartsTransformer": "dates",
    "RatioTransformer": "ratio",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
