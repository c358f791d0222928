import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.features.cleaning import NumberParser


def column(values):
    return pd.DataFrame({"x": pd.Series(list(values), dtype=object)})


def numbers(values, **options):
    return NumberParser(**options).fit_transform(column(values))[:, 0]


# Numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), (" 1,234.50 ", 1234.5), ("$1,234.50", 1234.5), ("-$12", -12), ("$-12", -12), ("12 €", 12),
        ("\N{MINUS SIGN}3.5", -3.5), ("+4", 4), (".5", 0.5), ("5.", 5), ("1e-5", 1e-5), ("1234567", 1234567),
        ("12,345,678", 12345678), ("0", 0),
    ],
)  # fmt: skip
def test_text_is_read(text, number):
    assert numbers([text]).tolist() == [number]


@pytest.mark.parametrize(
    "text", ["1,23", "1,2345", "12,34,567", "twelve", "1.2.3", "1 234", "12%", "inf", "$", "--1"]
)
def test_text_that_may_mean_something_else_is_no_number(text):
    with pytest.raises(ValueError, match="column 'x', row 1") as error:
        numbers(["1", text])
    assert repr(text) in str(error.value)
    assert np.isnan(numbers(["1", text], errors="nan")[1])


def test_spellings_of_a_gap_are_gaps_as_text_and_as_numbers():
    assert np.isnan(numbers(["", " N/A ", "-999", "-999.0", -999, -999.0, None, np.nan, pd.NA])).all()
    assert numbers(["-999"], missing=["?"]).tolist() == [-999]


def test_decimal_comma():
    assert numbers(["1.234,5", "7,25"], decimal=",", thousands=".").tolist() == [1234.5, 7.25]
    assert numbers(["1234,5"], decimal=",", thousands="").tolist() == [1234.5]


def test_other_objects_are_unreadable():
    assert np.isnan(numbers([pd.Timestamp("2025-01-01"), np.inf], errors="nan")).all()
    with pytest.raises(TypeError, match="column 'x'"):
        numbers([{"a": 1}])


def test_unit_slip_is_divided_and_listed():
    parser = NumberParser(slips={"x": (80, 1024)}, digits=2)
    assert parser.fit_transform(column(["26,009.6", "25.4", "80"]))[:, 0].tolist() == [25.4, 25.4, 80]
    review = parser.review(column(["26,009.6", "26,009.6", "25.4"]))
    assert review[["value", "count", "number", "decision"]].to_numpy().tolist() == [
        ["26,009.6", 2, 25.4, "unit slip"]
    ]
    assert np.isclose(
        NumberParser(slips={"x": (80, 1024)}).fit_transform(column(["26,009.6"]))[0, 0], 26009.6 / 1024
    )


def test_unreadable_values_are_listed():
    review = NumberParser(errors="nan").fit(column(["1"])).review(column(["x", "x", "y", "2", "N/A"]))
    assert review["value"].tolist() == ["x", "y"] and set(review["decision"]) == {"unreadable"}


@given(st.floats(-1e9, 1e9).map(lambda v: round(v, 2)))
def test_every_way_to_write_a_number_is_read_back(value):
    texts = [str(value), f"{value:,.2f}", f"${value:,.2f}", f"{value:.2f} €", repr(value)]
    assert numbers(texts, missing=[]).tolist() == [value] * 5
