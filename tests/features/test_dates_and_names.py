"""Promises of cleaners and transformers on missing dates, zones, words for today and doubled names."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mlhelpers.features.cleaning import DateParser, OutlierHandler, drop_duplicates
from mlhelpers.features.transformers import DatePartsTransformer, RareCategoryGrouper, RatioTransformer

DAYS = pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-05"]))


@pytest.mark.parametrize(
    "days",
    [
        DAYS,
        DAYS.dt.tz_localize("Europe/Berlin"),
        DAYS.astype("datetime64[s]"),
        DAYS - DAYS[0],
        DAYS.astype("timestamp[us][pyarrow]"),
    ],
    ids=lambda days: str(days.dtype),
)
def test_missing_dates_are_missing_to_outliers_and_ratios(days):
    frame = pd.DataFrame({"day": days, "one": 1.0})
    handler = OutlierHandler(method="limits").fit(frame)
    assert np.isnan(handler.transform(frame)[:, 0]).tolist() == [False, True, False, False]
    assert OutlierHandler().fit(frame).lower_[0] > -1e18
    assert OutlierHandler(action="flag").fit(frame).review(frame).loc["day", "share"] == 0
    ratio = RatioTransformer([("day", "one")]).fit_transform(frame)
    assert np.isnan(ratio[:, 0]).tolist() == [False, True, False, False]


def test_a_column_that_becomes_dates_has_its_gaps_grouped_as_gaps():
    grouper = RareCategoryGrouper(min_count=1).fit(pd.DataFrame({"x": [1.0, 2.0]}))
    assert np.isnan(grouper.transform(pd.DataFrame({"x": DAYS}))[:, 0]).tolist() == [
        False,
        True,
        False,
        False,
    ]


def test_a_flag_does_not_take_the_name_of_a_column():
    frame = pd.DataFrame({"x": [1.0, 2.0], "x_outlier": [0.0, 0.0]})
    with pytest.raises(ValueError, match="column 'x_outlier' has the name of a flag"):
        OutlierHandler(action="flag").fit(frame)


def test_times_with_offsets_are_parsed_to_utc():
    frame = pd.DataFrame(
        {"at": ["2024-01-01T10:00:00+02:00", "2024-01-01T10:00:00+01:00", None, "01/02/2024"]}
    )
    parser = DateParser(formats=["%Y-%m-%dT%H:%M:%S%z"], day_first=True, earliest="2024-01-01T00:00:00+00:00")
    out = parser.fit_transform(frame)[:, 0]
    assert [str(moment)[:16] for moment in out] == [
        "2024-01-01T08:00",
        "2024-01-01T09:00",
        "NaT",
        "2024-02-01T00:00",
    ]


def test_a_date_beyond_nanoseconds_is_unreadable_and_not_another_date():
    frame = pd.DataFrame({"day": pd.Series([dt.date(9999, 12, 31)], dtype=object)})
    with pytest.raises(ValueError, match=r"column 'day', row 0: .*9999"):
        DateParser().fit(frame)


@pytest.mark.parametrize("word", ["today", "now", "Today"])
def test_words_for_the_moment_of_the_run_are_no_dates(word):
    with pytest.raises(ValueError, match=rf"column 'day' holds '{word}' in row 1, which is another date"):
        DatePartsTransformer().fit(pd.DataFrame({"day": ["2024-01-01", word]}))
    with pytest.raises(ValueError, match=rf"holidays: '{word}' is another date"):
        DatePartsTransformer(holidays=[word]).fit(pd.DataFrame({"day": ["2024-01-01"]}))
    with pytest.raises(ValueError, match="fits none of the formats"):
        DateParser().fit(pd.DataFrame({"day": [word]}))


def test_parts_of_a_far_date_are_read():
    frame = pd.DataFrame({"until": ["9999-12-31T10:30", "2024-01-01", None]})
    parts = ["year", "month", "day", "hour", "is_business_hours"]
    out = DatePartsTransformer(parts=parts).fit_transform(frame)
    assert out[:2].tolist() == [[9999, 12, 31, 10, 1], [2024, 1, 1, 0, 0]]
    assert np.isnan(out[2]).all()


def test_doubled_names_are_refused_before_duplicates_are_dropped():
    with pytest.raises(ValueError, match="column 'twin' stands there twice"):
        drop_duplicates(pd.DataFrame([[1, 2]], columns=["twin", "twin"]))


def test_the_key_of_duplicates_may_be_named_zero():
    kept, _ = drop_duplicates(pd.DataFrame({0: [1, 1], 1: [5, 6]}), key=0)
    assert len(kept) == 1
