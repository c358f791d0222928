import datetime as dt
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.features.cleaning import (
    DateParser,
)
from mlhelpers.features.cleaning.dates import FORMATS


def column(values):
    return pd.DataFrame({"x": pd.Series(list(values), dtype=object)})


def dates(values, **options):
    return DateParser(**options).set_output(transform="pandas").fit_transform(column(values))["x"]


# Dates


def test_iso_and_words_need_no_policy():
    read = dates(["2025-03-05", "2025/03/05", "Mar 5, 2025", "5 March 2025", "23/03/2025", "04/04/2025"])
    assert read.dt.strftime("%m-%d").tolist() == ["03-05"] * 4 + ["03-23", "04-04"]


def test_ambiguous_without_a_policy_is_an_error_that_tells_both_readings():
    with pytest.raises(
        ValueError, match=r"row 1: '05/03/2025' may be 2025-03-05 or 2025-05-03; set day_first"
    ):
        dates(["2025-01-01", "05/03/2025"])
    assert dates(["05/03/2025"], errors="nat").isna().all()


def test_policy_decides_and_turns_nothing_around():
    assert dates(["05/03/2025"], day_first=True)[0] == pd.Timestamp("2025-03-05")
    assert dates(["05/03/2025"], day_first=False)[0] == pd.Timestamp("2025-05-03")
    with pytest.raises(ValueError, match="fits none of the formats"):
        dates(["05/23/2025"], day_first=True)


def test_a_range_rules_out_readings():
    assert dates(["05/12/2024"], latest="2024-06-30")[0] == pd.Timestamp("2024-05-12")
    assert dates(["05/12/2024"], earliest="2024-06-30")[0] == pd.Timestamp("2024-12-05")
    with pytest.raises(ValueError, match="fits none"):
        dates(["2025-01-01"], latest="2024-06-30")


def test_review_lists_what_was_not_decided():
    parser = DateParser(errors="nat").fit(column(["2025-01-01"]))
    review = parser.review(column(["05/03/2025", "05/03/2025", "soon", "2025-01-01", ""]))
    assert review["decision"].tolist() == ["ambiguous", "unreadable"]
    assert review["readings"].tolist() == ["2025-03-05 or 2025-05-03", ""] and review["count"].tolist() == [
        2,
        1,
    ]


def test_dates_and_days_pass():
    stamps = [pd.Timestamp("2025-03-05"), date(2025, 3, 5), np.datetime64("2025-03-05")]
    assert (dates(stamps) == pd.Timestamp("2025-03-05")).all()
    assert dates([20152.0])[0] == pd.Timestamp("2025-03-05")
    assert DateParser(output="days").fit_transform(column(["2025-03-05", None]))[0, 0] == 20152.0
    for nonsense in (1e9, True, pd.Timestamp("2025-01-01", tz="UTC"), 1j):
        with pytest.raises(ValueError, match="fits none"):
            dates([nonsense])


@settings(deadline=None, max_examples=60)
@given(st.dates(date(1980, 1, 1), date(2060, 12, 31)), st.sampled_from([*FORMATS, "%d/%m/%Y", "%d.%m.%Y"]))
def test_a_formatted_date_is_read_back(day, form):
    assert dates([day.strftime(form)], day_first=True)[0] == pd.Timestamp(day)


@settings(deadline=None, max_examples=60)
@given(st.dates(date(1980, 1, 1), date(2060, 12, 31)), st.booleans())
def test_without_a_policy_a_date_is_right_or_left_open(day, first):
    text = day.strftime("%d/%m/%Y" if first else "%m/%d/%Y")
    read = dates([text], errors="nat")[0]
    assert read == pd.Timestamp(day) or (read is pd.NaT and day.day <= 12 and day.day != day.month)


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


def test_moments_with_a_zone_are_read_in_utc():
    frame = pd.DataFrame({"day": ["2024-01-01T10:00:00+02:00", "2024-01-02T10:00:00-01:00"]})
    out = DateParser(formats=["%Y-%m-%dT%H:%M:%S%z"]).fit_transform(frame)
    assert [str(pd.Timestamp(value)) for value in out[:, 0]] == ["2024-01-01 08:00:00", "2024-01-02 11:00:00"]


@pytest.mark.parametrize("limit", ["today", "now", "the 3rd", "", pd.NaT, True])
@pytest.mark.parametrize("side", ["earliest", "latest"])
def test_a_limit_that_is_no_date_is_refused_by_name(side, limit):
    with pytest.raises(ValueError, match=f"{side} must be a date such as '2020-01-31', got"):
        DateParser(**{side: limit}).fit(column(["2024-01-01"]))
