"""Small inputs with answers known by hand, one for each kind of fault that was found."""

import pandas as pd
import pytest

from mlhelpers.features.base import numbers
from mlhelpers.features.cleaning import OutlierHandler


def test_a_missing_date_is_missing_for_every_step_that_counts():
    days = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", None, "2024-01-03"])})
    assert pd.isna(OutlierHandler().fit_transform(days)).sum() == 1
    with pytest.raises(ValueError, match="column 'day' is to be numeric and holds dates"):
        numbers(days, 0)
