"""The scikit-learn transformers of this course in one place.

Taught in lesson 3.3 (all of them) and 3.5 (point-in-time aggregates).
"""

from mlhelpers.features.categories import RareCategoryGrouper
from mlhelpers.features.dates import DatePartsTransformer
from mlhelpers.features.point_in_time import point_in_time_aggregates
from mlhelpers.features.point_in_time_step import PointInTimeAggregator
from mlhelpers.features.ratio import RatioTransformer

__all__ = [
    "DatePartsTransformer",
    "PointInTimeAggregator",
    "RareCategoryGrouper",
    "RatioTransformer",
    "point_in_time_aggregates",
]
