"""Cleaners that learn on training data and are applied unchanged to new data.

Taught in lesson 3.1: numbers and dates kept as text, categories, outliers, duplicates, spikes in a series.
"""

from mlhelpers.features.cleaning_categories import CategoryRepairer
from mlhelpers.features.cleaning_dates import DateParser
from mlhelpers.features.cleaning_numbers import NumberParser
from mlhelpers.features.cleaning_outliers import OutlierHandler
from mlhelpers.features.cleaning_rows import drop_duplicates, median_smooth

__all__ = [
    "CategoryRepairer",
    "DateParser",
    "NumberParser",
    "OutlierHandler",
    "drop_duplicates",
    "median_smooth",
]
