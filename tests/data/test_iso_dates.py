"""Dates are read without guessing: words and numbers are none, far dates and zones are kept apart."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from mlhelpers.data.iso_dates import MixedZonesError, is_date_word, read_iso_dates


def read(*values, **options):
    return read_iso_dates(pd.Series(list(values), **options))


@pytest.mark.parametrize(
    ("value", "answer"), [(" Today", True), ("NOW", True), ("yesterday", False), (7, False)]
)
def test_words_for_the_moment_of_the_run_are_known(value, answer):
    assert is_date_word(value) is answer


def test_texts_and_dates_of_python_become_dates():
    found = read("2024-02-29", date(2024, 3, 1), np.datetime64("2024-03-02"), None)
    assert found.dtype == "datetime64[ns]"
    assert found.dt.day.tolist()[:3] == [29, 1, 2]
    assert pd.isna(found[3])


@pytest.mark.parametrize("value", ["today", "now", "2024-13-01", "29.02.2024", "soon", 20240229, True])
def test_what_is_no_date_is_missing(value):
    assert read("2024-01-01", value, dtype=object).isna().tolist() == [False, True]


def test_numbers_and_durations_are_no_dates():
    assert read(1, 2).isna().all()
    assert read_iso_dates(pd.Series(pd.to_timedelta([1, 2], "D"))).isna().all()


def test_a_date_beyond_the_reach_of_nanoseconds_is_read_in_microseconds():
    found = read("9999-12-31", "2024-01-01", None)
    assert found.dtype == "datetime64[us]"
    assert found.dt.year.tolist()[:2] == [9999, 2024]


def test_one_offset_is_kept_and_several_become_utc():
    one = read("2024-01-01T12:00+02:00", "2024-01-02T12:00+02:00")
    assert one.dt.hour.tolist() == [12, 12]
    several = read("2024-01-01T12:00+02:00", "2024-01-01T12:00-05:00")
    assert str(several.dt.tz) == "UTC"
    assert several.dt.hour.tolist() == [10, 17]


def test_dates_with_and_without_a_zone_are_refused_with_their_row():
    with pytest.raises(MixedZonesError, match="give all of them one or none") as error:
        read(None, "2024-01-01", "2024-01-02", "2024-01-03T00:00Z")
    assert error.value.position == 3


def test_dates_of_arrow_and_of_categories_are_dates():
    days = ["2024-01-01", "2024-01-02"]
    assert read_iso_dates(pd.Series(days, dtype="category")).dt.day.tolist() == [1, 2]
    arrow = pd.Series(pd.to_datetime(days)).astype("timestamp[us, tz=Asia/Tokyo][pyarrow]")
    assert str(read_iso_dates(arrow).dt.tz) == "Asia/Tokyo"
    assert read_iso_dates(
        pd.Series(pd.to_datetime(days)).dt.date.astype("date32[pyarrow]")
    ).dt.day.tolist() == [1, 2]
