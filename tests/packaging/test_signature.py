import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from mlhelpers.packaging import infer_signature

FRAME = pd.DataFrame(
    {
        "charge": [20.0, np.nan, 80.0],
        "late": [0, 2, 4],
        "contract": ["monthly", "one_year", None],
        "paperless": [True, False, True],
        "change": [-5.0, 0.0, 5.0],
    }
)
SIGNATURE = infer_signature(FRAME, units={"charge": "USD per month"})


def test_signature_says_what_each_column_is():
    assert SIGNATURE[0] == {
        "name": "charge", "type": "number", "nullable": True, "min": 5.0, "max": 95.0,
        "categories": None, "unit": "USD per month", "typical": 50.0,
    }  # fmt: skip
    assert SIGNATURE[1] | {"name": ""} == {
        "name": "", "type": "integer", "nullable": False, "min": 0, "max": 5,
        "categories": None, "unit": None, "typical": 2,
    }  # fmt: skip
    assert SIGNATURE[2]["categories"] == ["monthly", "one_year"]
    assert SIGNATURE[3]["categories"] == ["False", "True"]


def test_margin_goes_below_zero_only_where_values_do():
    assert (SIGNATURE[1]["min"], SIGNATURE[4]["min"]) == (0, -7.5)


def test_known_ranges_and_gaps_replace_what_was_seen():
    found = infer_signature(FRAME[["late"]], ranges={"late": (0, 6)}, nullable=["late"])
    assert (found[0]["min"], found[0]["max"], found[0]["nullable"]) == (0, 6, True)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (FRAME, {"units": {"charg": "USD"}}, "no such columns in the frame: charg"),
        (FRAME.head(0), {}, "empty"),
        (pd.DataFrame({"a": [None, None]}), {}, "'a' has no value"),
        (pd.DataFrame({"day": pd.to_datetime(["2025-01-01"])}), {}, "'day' is a date"),
        (pd.DataFrame({"id": [f"C{n}" for n in range(101)]}), {}, "'id' has 101 different texts"),
    ],
)
def test_frame_without_a_signature_is_refused(frame, options, message):
    with pytest.raises(ValueError, match=message):
        infer_signature(frame, **options)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.to_timedelta(["1D", "2D"]), "'x' is a duration; turn it into a number"),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], "'x' is a date; turn it into a number"),
        (pd.Categorical(pd.to_datetime(["2024-01-01"])), "'x' is a date"),
        (pd.period_range("2024", periods=2, freq="D"), "'x' is a date"),
        ([1, "a", 2.5], "'x' holds values of one kind beside others"),
        ([True, "yes"], "'x' holds values of one kind beside others"),
        (np.array([1, 2.5], dtype=object), "'x' holds numbers as objects; convert it with pd.to_numeric"),
        ([1.0, np.inf], "'x' is infinite in row 1; make it missing or finite"),
        (pd.array([1.0, -np.inf], dtype="Float64"), "'x' is infinite in row 1"),
        ([1.7e308, -1.7e308], "'x': limits -inf and inf are no range of finite numbers; give finite ones"),
    ],
)
def test_values_that_no_request_can_give_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        infer_signature(pd.DataFrame({"x": values}))


@pytest.mark.parametrize("limits", [(0, np.inf), (0, np.nan), (5, 0)])
def test_ranges_that_are_none_are_refused(limits):
    with pytest.raises(ValueError, match=r"'late': limits .* are no range of finite numbers"):
        infer_signature(FRAME[["late"]], ranges={"late": limits})


def test_a_typical_category_is_one_of_them_and_the_signature_is_json():
    frame = pd.DataFrame(
        {
            "plan": pd.Categorical([2.0, 1.0, 2.0, None]),
            "yes": pd.Series([True, None, False, True], dtype=object),
            "word": ["a", "b", None, "b"],
        }
    )
    signature = infer_signature(frame)
    assert [column["typical"] for column in signature] == ["2", "True", "b"]
    assert all(column["typical"] in column["categories"] for column in signature)
    assert json.loads(json.dumps(signature, allow_nan=False)) == signature


def limits(values, **options):
    found = infer_signature(pd.DataFrame({"x": values}), **options)[0]
    return found["min"], found["max"]


def test_a_quarter_of_the_range_is_accepted_beyond_it_unless_told_otherwise():
    assert limits([2.0, 6.0]) == (1.0, 7.0)
    assert limits([2.0, 6.0], margin=0.0) == (2.0, 6.0)
    assert limits([2.0, 6.0], margin=0.5) == (0.0, 8.0)
    assert limits([0.0, 1.0]) == (0.0, 1.25)
    assert limits([-1.0, 1.0]) == (-1.5, 1.5)


def test_limits_of_whole_numbers_are_rounded_outwards_and_of_others_to_six_digits():
    assert limits([3, 4]) == (2, 5)
    assert limits([-1, 0]) == (-2, 1)
    assert limits([-0.123456789, 0.0], margin=0.0) == (-0.123457, 0.0)
    assert limits([0.1, 0.123456789], margin=0.0) == (0.1, 0.123457)


def test_a_range_may_be_one_value_and_must_be_finite():
    assert limits([1.0, 2.0], ranges={"x": (5, 5)}) == (5, 5)
    for wrong in ((6, 5), (-np.inf, 5), (5, np.inf), (np.nan, 5)):
        with pytest.raises(ValueError, match=r"'x': limits .* are no range of finite"):
            limits([1.0, 2.0], ranges={"x": wrong})


def test_typical_is_the_median_rounded_as_the_column_is():
    frame = pd.DataFrame({"n": [1, 2, 3, 4], "f": [0.0, 0.12345678, 0.12345679, 9.0]})
    assert [column["typical"] for column in infer_signature(frame)] == [2, 0.123457]


def test_of_equally_frequent_categories_the_first_by_name_is_typical():
    found = infer_signature(pd.DataFrame({"x": ["b", "c", "b", "c", "a"]}))[0]
    assert found["typical"] == "b"


def test_a_hundred_texts_are_still_categories():
    found = infer_signature(pd.DataFrame({"x": [f"C{n:03}" for n in range(100)]}))[0]
    assert len(found["categories"]) == 100


def test_gaps_come_from_the_frame_or_by_name():
    frame = pd.DataFrame({"a": [1.0, None], "b": [1.0, 2.0], "c": [1.0, 2.0]})
    assert [column["nullable"] for column in infer_signature(frame, nullable=["c"])] == [True, False, True]


def test_an_infinite_value_is_named_with_its_row():
    with pytest.raises(ValueError, match="'x' is infinite in row 'b'"):
        infer_signature(pd.DataFrame({"x": [1.0, np.inf, -np.inf]}, index=["a", "b", "c"]))


def test_complex_numbers_and_broken_floats_are_no_columns():
    for values in (np.array([1j, 2j]), pd.Series([1.5, None], dtype=object)):
        with pytest.raises(ValueError, match="'x'"):
            infer_signature(pd.DataFrame({"x": values}))
