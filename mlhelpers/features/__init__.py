"""Features: cleaning, transformers, selection.

Names load when they are first used (lessons 3.1 to 3.5).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "CategoryRepairer": "cleaning",
    "DateParser": "cleaning",
    "NumberParser": "cleaning",
    "OutlierHandler": "cleaning",
    "drop_duplicates": "cleaning",
    "median_smooth": "cleaning",
    "CorrelationFilter": "selection",
    "ablation_table": "selection",
    "compare_selectors": "selection",
    "permutation_importance_intervals": "selection",
    "selection_stability": "selection",
    "DatePartsTransformer": "transformers",
    "PointInTimeAggregator": "point_in_time",
    "RareCategoryGrouper": "transformers",
    "RatioTransformer": "transformers",
    "point_in_time_aggregates": "point_in_time",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
