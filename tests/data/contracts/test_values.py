"""A value means the same to a contract in whatever type it is stored."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from mlhelpers.data.contracts.values import as_numbers, date_limit, kind_of_values, of_type, plain_values


@pytest.mark.parametrize(
    ("dtype", "plain"),
    [
        ("Int64", "int64"),
        ("UInt8", "uint64"),
        ("Float32", "float64"),
        ("boolean", "bool"),
        ("category", "int64"),
    ],
)
def test_extension_types_without_gaps_become_plain_ones(dtype, plain):
    values = pd.Series([0, 1, 1]).astype(dtype)
    found = plain_values(values)
    assert found.dtype == plain
    assert found.tolist() == [0, 1, 1]


def test_gaps_of_extension_types_stay_gaps():
    assert plain_values(pd.Series([1, None], dtype="Int64")).tolist()[0] == 1.0
    assert np.isnan(plain_values(pd.Series([1, None], dtype="Int64"))[1])
    assert plain_values(pd.Series([True, None], dtype="boolean")).tolist() == [True, None]
    assert plain_values(pd.Series(["a", None], dtype="string")).tolist() == ["a", None]


def test_numbers_written_as_text_count_and_dates_do_not():
    found = as_numbers(pd.Series(["1.5", 2, Decimal(3), True, "x", None, date(2024, 1, 1)], dtype=object))
    assert found.tolist()[:4] == [1.5, 2.0, 3.0, 1.0]
    assert found[4:].isna().all()
    assert as_numbers(pd.Series(pd.to_datetime(["2024-01-01"]))).isna().all()


MIXED = pd.Series([1, 2.5, "3", True, "2024-01-01", date(2024, 1, 1)], dtype=object)


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        ("integer", [True, False, False, False, False, False]),
        ("number", [True, True, False, False, False, False]),
        ("boolean", [False, False, False, True, False, False]),
        ("text", [False, False, True, False, True, False]),
        ("date", [False, False, False, False, True, True]),
    ],
)
def test_each_value_is_judged_by_its_own_type(kind, good):
    assert of_type(MIXED, kind).tolist() == good


def test_a_limit_takes_the_zone_of_the_dates():
    dates = pd.Series(pd.to_datetime(["2024-01-01"]))
    zoned = dates.dt.tz_localize("Asia/Tokyo")
    assert date_limit("2024-01-01", dates).tz is None
    assert date_limit("2024-01-01", zoned) == zoned[0]
    assert date_limit("2024-01-01T00:00Z", zoned) > zoned[0]
    with pytest.raises(ValueError, match="has a time zone and the dates have none"):
        date_limit("2024-01-01T00:00Z", dates)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, None], "number"),
        (["a", None], "text"),
        ([True, None, False], "boolean"),
        ([date(2024, 1, 1), None], "date"),
        ([1, "a"], None),
        ([True, 1], None),
    ],
)
def test_kind_is_the_one_that_all_known_values_have(values, kind):
    assert kind_of_values(pd.Series(values, dtype=object)) == kind


def test_types_without_a_kind_have_none():
    assert kind_of_values(pd.Series(pd.to_timedelta([1], "D"))) is None
