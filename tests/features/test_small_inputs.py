"""Small inputs with answers known by hand, one for each kind of fault that was found."""

import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from mlhelpers.features.base import numbers
from mlhelpers.features.cleaning import DateParser, OutlierHandler
from mlhelpers.features.selection import compare_selectors


def test_a_missing_date_is_missing_for_every_step_that_counts():
    days = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", None, "2024-01-03"])})
    assert pd.isna(OutlierHandler().fit_transform(days)).sum() == 1
    with pytest.raises(ValueError, match="column 'day' is to be numeric and holds dates"):
        numbers(days, 0)


def test_moments_with_a_zone_are_read_in_utc():
    frame = pd.DataFrame({"day": ["2024-01-01T10:00:00+02:00", "2024-01-02T10:00:00-01:00"]})
    out = DateParser(formats=["%Y-%m-%dT%H:%M:%S%z"]).fit_transform(frame)
    assert [str(pd.Timestamp(value)) for value in out[:, 0]] == ["2024-01-01 08:00:00", "2024-01-02 11:00:00"]


def test_a_fold_without_a_chosen_column_is_scored_with_a_constant():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    noise = X.sample(frac=1, random_state=0).set_axis(X.index)
    found = compare_selectors(noise, y, ["none", "lasso"], LinearRegression(), k=[1], cv=5)
    row = found.table.loc[("lasso", 1)]
    assert row["n_features"] <= 1
    assert row["score"] < 0.05
    real = compare_selectors(X, y, ["lasso"], LinearRegression(), k=[1, 2, 3], cv=10, repeats=10)
    assert real.table["score"].notna().all()
