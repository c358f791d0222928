import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar

from mlhelpers.features import DatePartsTransformer
from mlhelpers.features.cleaning import DateParser
from mlhelpers.features.transformers.dates import PARTS

nan = np.nan


def parts(values, *names, **options):
    frame = pd.DataFrame({"at": values})
    out = DatePartsTransformer(parts=names or None, **options).fit_transform(frame)
    return out[:, 0].tolist() if out.shape[1] == 1 else out.tolist()


def test_usual_parts_of_a_known_moment():
    step = DatePartsTransformer().set_output(transform="pandas")
    out = step.fit_transform(pd.DataFrame({"at": pd.to_datetime(["2024-12-30 16:45"])}, index=["r"]))
    assert out.loc["r"].to_dict() == {
        "at_year": 2024,
        "at_month": 12,
        "at_day_of_week": 0,
        "at_hour": 16,
        "at_week_of_year": 1,  # ISO: the week of Thursday, 2 January 2025
        "at_is_weekend": 0,
        "at_is_business_hours": 1,
    }


@given(st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1)))
def test_agrees_with_the_standard_library(moment):
    names = ("year", "month", "day", "hour", "day_of_week", "day_of_year", "week_of_year")
    expected = [moment.year, moment.month, moment.day, moment.hour, moment.weekday()]
    expected += [moment.timetuple().tm_yday, moment.isocalendar().week]
    assert parts([moment], *names) == [expected]


def test_business_hours_end_before_the_stated_hour():
    times = ["08:59:59.999", "09:00:00", "16:59:59.999", "17:00:00", "17:59:00"]
    assert parts([f"2024-03-04 {time}" for time in times], "is_business_hours") == [0, 1, 1, 0, 0]


def test_business_hours_may_have_halves_and_other_days():
    assert parts(["2024-03-04 17:29", "2024-03-04 17:30"], "is_business_hours", business_hours=(8, 17.5)) == [
        1,
        0,
    ]
    saturday = ["2024-03-02 10:00"]
    assert parts(saturday, "is_business_hours", "is_weekend") == [[0, 1]]
    options = {"business_days": (1, 2, 3, 4, 5)}
    assert parts(saturday, "is_business_hours", "is_weekend", **options) == [[1, 0]]


def test_business_hours_leave_holidays_out():
    out = parts(["2024-12-25 10:00", "2024-12-27 10:00"], "is_business_hours", holidays=["2024-12-25"])
    assert out == [0, 1]


def test_missing_date_has_missing_parts():
    out = np.array(parts([pd.Timestamp("2024-03-01"), pd.NaT], *PARTS, holidays=["2024-12-25"]))
    assert np.isnan(out[1]).all()
    assert not np.isnan(out[0][:-1]).any()


HOLIDAY = ("is_holiday", "days_to_holiday", "days_since_holiday")


def test_distance_to_holidays_is_in_whole_days():
    days = ["2024-01-01", "2024-12-24 23:59", "2024-12-25 08:00", "2024-12-26"]
    out = parts(days, *HOLIDAY, holidays=["2024-12-25", datetime.date(2024, 1, 1)])
    np.testing.assert_array_equal(out, [[1, 0, 0], [0, 1, 358], [1, 0, 0], [0, nan, 1]])


def test_list_says_nothing_about_other_years():
    out = parts(["2023-12-31", "2024-06-01", "2025-01-01"], *HOLIDAY, holidays=["2024-12-25"])
    np.testing.assert_array_equal(out, [[nan, 360, nan], [0, 207, nan], [nan, nan, 7]])


def test_mapping_gives_its_dates():
    listed = ["2024-12-25", "2024-01-01"]
    days = ["2024-12-25", "2024-12-26"]
    named = dict.fromkeys(listed, "a name")
    assert parts(days, "is_holiday", holidays=named) == parts(days, "is_holiday", holidays=listed) == [1, 0]


@pytest.mark.parametrize("calendar", [USFederalHolidayCalendar, USFederalHolidayCalendar()])
def test_calendar_knows_every_year(calendar):
    out = parts(["1999-07-05", "2031-07-03"], *HOLIDAY, holidays=calendar)  # 4 July 1999 was a Sunday
    assert out == [[1, 0, 0], [0, 1, 14]]  # 19 June is the one before
    assert np.isnan(parts([pd.NaT], *HOLIDAY, holidays=calendar)).all()


def test_empty_list_has_no_holiday():
    np.testing.assert_array_equal(parts(["2024-01-01"], *HOLIDAY, holidays=[]), [[0, nan, nan]])


def test_hours_and_holidays_are_of_the_column_s_own_zone():
    moment = pd.to_datetime(["2024-12-24 23:30"]).tz_localize("UTC").tz_convert("Europe/Berlin")
    assert parts(moment, "hour", "day", "is_holiday", holidays=["2024-12-25"]) == [[0, 25, 1]]
    out = parts(moment, "is_holiday", "is_business_hours", holidays=USFederalHolidayCalendar)
    assert out == [[1, 0]]


def test_cycle_closes():
    times = [f"2024-03-04 {hour:02}:00" for hour in (0, 12, 23)]
    out = np.array(parts(times, "hour", cyclic=True))
    assert np.linalg.norm(out[0] - out[2]) < 0.3 < np.linalg.norm(out[0] - out[1])
    np.testing.assert_allclose((out**2).sum(axis=1), 1)
    assert np.array(parts(times, "year", "hour", cyclic=True)).shape == (3, 3)


def test_text_numbers_and_dates_say_the_same():
    day = pd.Timestamp("2024-03-31")
    for values, unit in (
        (["2024-03-31"], "s"),
        ([day.timestamp()], "s"),
        ([day.timestamp() / 86400], "D"),
        (np.array([day], dtype=object), "s"),
        ([day.date()], "s"),
    ):
        assert parts(values, "year", "month", "day", unit=unit) == [[2024, 3, 31]]


def test_first_of_several_wrong_values_is_named():
    values = pd.Series(pd.date_range("2000-01-01", periods=5000).strftime("%Y-%m-%d"))
    values[[3777, 4100]] = "unknown"
    with pytest.raises(ValueError, match="'at' holds 'unknown' in row 3777"):
        DatePartsTransformer().fit(pd.DataFrame({"at": values}))


def test_some_columns_only():
    frame = pd.DataFrame({"id": ["q"], "at": ["2024-03-31"]})
    step = DatePartsTransformer([1], parts=["day"]).fit(frame)
    assert step.transform(frame).tolist() == [[31]]
    assert list(step.get_feature_names_out()) == ["at_day"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"parts": ["minutes"]}, ValueError, r"parts: no part \['minutes'\]; use year, month"),
        ({"parts": []}, ValueError, "parts: no part"),
        ({"parts": "year"}, TypeError, r"parts: give a list, \['year'\]"),
        ({"parts": ["is_holiday"]}, ValueError, "parts: is_holiday needs holidays"),
        ({"business_hours": (17, 9)}, ValueError, "business_hours=.* must be two rising hours"),
        ({"business_days": [7]}, ValueError, "business_days=.* must be of 0"),
        ({"holidays": "2024-12-25"}, TypeError, "holidays: give a list of dates"),
        ({"holidays": ["Xmas"]}, ValueError, "holidays: .*give dates such as '2024-12-25'"),
    ],
)
def test_wrong_parameter_is_named(options, error, message):
    with pytest.raises(error, match=message):
        DatePartsTransformer(**options).fit(pd.DataFrame({"at": ["2024-03-31"]}))


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (["2024-03-31", "31.03.2024"], ValueError, "'at' holds '31.03.2024' in row 1, which is no date"),
        ([1.0, 1e300], ValueError, r"'at' holds 1e\+300 in row 1"),
        ([True], ValueError, "'at' holds true and false, not dates"),
        (["2024-03-31", ["2024"]], TypeError, "'at', row 1: argument must be a string, a number or a date"),
        (["2024-01-01 00:00+01:00", "2024-06-01 00:00+02:00"], ValueError, "column 'at' mixes time zones"),
    ],
)
def test_wrong_value_is_named(values, error, message):
    with pytest.raises(error, match=message):
        DatePartsTransformer().fit(pd.DataFrame({"at": values}))


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
