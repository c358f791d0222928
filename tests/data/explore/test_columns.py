"""Kinds of columns, and their values as floats and codes."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.data.explore.columns import as_codes, as_floats, kinds_of, plain_text, quantile_codes

FRAME = pd.DataFrame(
    {
        "amount": [1.0, 2.0],
        "flag": [True, False],
        "day": pd.to_datetime(["2024-01-01", "2024-01-03"]),
        "plan": ["a", "b"],
        "code": [1, 2],
    }
)


def test_kinds_follow_the_types_unless_they_are_given():
    assert kinds_of(FRAME) == {
        "amount": "number",
        "flag": "category",
        "day": "date",
        "plan": "category",
        "code": "number",
    }
    assert kinds_of(FRAME, ["plan", "code"], {"code": "category"}) == {"plan": "category", "code": "category"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ["prise"]}, "no column 'prise'"),
        ({"given": {"prise": "number"}}, "no column 'prise'"),
        ({"given": {"plan": "text"}}, "must be 'number' or 'category', got 'text'"),
        ({"given": {"plan": "number"}}, "not numeric; convert it with pd.to_numeric"),
    ],
)
def test_wrong_columns_and_kinds_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        kinds_of(FRAME, **options)


def test_what_is_no_frame_or_complex_is_refused():
    with pytest.raises(TypeError, match="must be a pandas DataFrame, got list"):
        kinds_of([1])
    with pytest.raises(TypeError, match="'z' holds complex numbers"):
        kinds_of(pd.DataFrame({"z": [1j]}))


def test_dates_are_days_from_the_first():
    assert as_floats(FRAME["day"]).tolist() == [0.0, 2.0]
    assert np.isnan(as_floats(pd.Series([1, None], dtype="Int64"))[1])


def test_an_infinite_value_is_named_with_its_row():
    with pytest.raises(ValueError, match=r"column 'x' is infinite in row 'b'"):
        as_floats(pd.Series([1.0, -np.inf], index=["a", "b"], name="x"))


def test_codes_count_the_levels_that_occur():
    codes, levels = as_codes(pd.Series(["b", None, "a", "b"]))
    assert codes.tolist() == [0, -1, 1, 0]
    assert levels == 2
    with pytest.raises(TypeError, match="holds values of type list"):
        as_codes(pd.Series([[1], [2]], name="x"))


def test_few_values_keep_themselves_and_many_are_cut_at_quantiles():
    codes, bins = quantile_codes(np.array([5.0, np.nan, 1.0, 5.0]), 2)
    assert codes.tolist() == [0, -1, 1, 0]
    assert bins == 2
    codes, bins = quantile_codes(np.array([0.0, 0.0, 0.0, 1.0, 2.0, np.nan]), 2)
    assert codes.tolist() == [0, 0, 0, 1, 1, -1]  # a pile of zeros has a bin of its own
    assert bins == 2


def test_a_dollar_sign_is_text_once():
    assert plain_text("$5") == r"\$5"
    assert plain_text(r"\$5") == r"\$5"
