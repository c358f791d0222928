"""Cleaners that learn on training data and are applied unchanged to new data.

Taught in lesson 3.1: numbers and dates kept as text, categories, outliers, duplicates, spikes in a series.
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "CategoryRepairer": "categories",
    "DateParser": "dates",
    "NumberParser": "numbers",
    "OutlierHandler": "outliers",
    "drop_duplicates": "rows",
    "median_smooth": "rows",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
