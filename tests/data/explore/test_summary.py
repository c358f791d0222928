"""What summaries, missingness patterns, outlier tables and plots promise."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhelpers.data import load
from mlhelpers.data.explore import (
    missingness_patterns,
    summarize,
)

mpl.use("Agg")


@pytest.fixture(scope="module")
def churn():
    return load("churn")


# summarize


def test_summary_sorts_columns_by_kind(churn):
    summary = summarize(churn)
    assert set(summary.categories.index) == {
        "customer_id", "gender", "region", "contract", "payment_method", "internet",
    }  # fmt: skip
    assert list(summary.dates.index) == ["signup_date"]
    assert len(summary.numbers) == 14
    assert summary.n_rows == 12_000
    assert summary.duplicates == 0


def test_summary_agrees_with_pandas(churn):
    numbers = summarize(churn).numbers
    plain = churn[list(numbers.index)].describe().T
    for ours, theirs in {
        "mean": "mean",
        "sd": "std",
        "min": "min",
        "25%": "25%",
        "50%": "50%",
        "max": "max",
    }.items():
        np.testing.assert_allclose(numbers[ours], plain[theirs])
    np.testing.assert_allclose(numbers["missing"], churn[list(numbers.index)].isna().mean())
    np.testing.assert_array_equal(numbers["distinct"], churn[list(numbers.index)].nunique())
    assert numbers.loc["tickets_90d", "zeros"] == (churn["tickets_90d"] == 0).mean()


def test_summary_names_the_most_frequent_values():
    frame = pd.DataFrame({"plan": ["a"] * 6 + ["b"] * 3 + ["c"], "code": [f"c{i}" for i in range(10)]})
    categories = summarize(frame, top=2).categories
    assert categories.loc["plan", "top"] == "a 60%, b 30%"
    assert categories.loc["plan", "rarest"] == pytest.approx(0.1)
    assert categories.loc["code", "top"] == "every value once"


def test_summary_counts_repeated_rows_and_dates():
    frame = pd.DataFrame({"day": pd.to_datetime(["2025-01-01", "2025-01-01", None]), "x": [1.0, 1, 2]})
    summary = summarize(frame)
    assert summary.duplicates == 1
    assert summary.dates.loc["day", "first"] == summary.dates.loc["day", "last"] == pd.Timestamp("2025-01-01")
    assert summary.dates.loc["day", "missing"] == pytest.approx(1 / 3)


def test_summary_of_empty_columns_has_no_figures():
    frame = pd.DataFrame({"x": [np.nan], "g": pd.Series([None], dtype=object), "one": [3.0]})
    summary = summarize(frame)
    assert summary.numbers.loc["x"].drop(["missing", "distinct"]).isna().all()
    assert summary.categories.loc["g", "top"] == ""
    assert np.isnan(summary.numbers.loc["one", "sd"])
    assert "100.0%" in str(summary)


def test_summary_takes_codes_as_categories(churn):
    assert "churned" in summarize(churn, kinds={"churned": "category"}).categories.index


def test_summary_shows_itself_as_text_and_html(churn):
    summary = summarize(churn)
    assert "12,000 rows, 21 columns, 0 repeated rows" in repr(summary)
    assert "monthly 53%, one_year 27%, two_year 20%" in str(summary)
    assert summary._repr_html_().count("<table") == 3
    assert "2019-06-01" in summary._repr_html_()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: summarize(pd.DataFrame({"x": []})), ValueError, "the frame has no rows"),
        (lambda: summarize(pd.DataFrame({"x": [1]}), top=0), ValueError, "top must be at least 1"),
        (lambda: summarize({"x": [1]}), TypeError, "must be a pandas DataFrame, got dict"),
        (lambda: summarize(pd.DataFrame({"t": [["a"]]})), TypeError, "column 't' holds values of type list"),
    ],
)
def test_summary_says_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


# missingness_patterns


@settings(max_examples=60, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 5))))
def test_patterns_agree_with_value_counts(gaps):
    frame = pd.DataFrame(np.where(gaps, np.nan, 1.0)).rename(columns=str)
    table = missingness_patterns(frame, columns=list(frame))
    expected = frame.isna().value_counts()
    assert table["n"].sum() == len(frame)
    assert table["share"].sum() == pytest.approx(1)
    for _, row in table.iterrows():
        assert expected[tuple(bool(row[name]) for name in frame)] == row["n"]
        assert row["gaps"] == sum(bool(row[name]) for name in frame)


def test_patterns_name_only_columns_with_gaps(churn):
    table = missingness_patterns(churn)
    assert list(table)[3:] == ["age", "call_minutes", "last_ticket_days", "satisfaction"]
    assert table["n"].is_monotonic_decreasing
    assert len(missingness_patterns(churn, most=3)) == 3


def test_complete_table_has_one_pattern():
    table = missingness_patterns(pd.DataFrame({"x": [1, 2]}))
    assert table.to_dict("records") == [{"n": 2, "share": 1.0, "gaps": 0}]


def test_many_columns_with_gaps_do_not_collide():
    frame = pd.DataFrame(np.where(np.eye(90, dtype=bool), np.nan, 0.0)).rename(columns=str)
    table = missingness_patterns(frame)
    assert (table["n"] == 1).all()
    assert len(table) == 90
    assert (table["gaps"] == 1).all()


def test_patterns_say_what_is_wrong():
    with pytest.raises(ValueError, match="most must be at least 1"):
        missingness_patterns(pd.DataFrame({"x": [1]}), most=0)
    with pytest.raises(ValueError, match="the frame has no rows"):
        missingness_patterns(pd.DataFrame({"x": []}))
    with pytest.raises(ValueError, match="no column 'y'"):
        missingness_patterns(pd.DataFrame({"x": [1]}), columns=["y"])
