import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.packaging import RowReader, infer_signature, validate_rows

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
GOOD = {"charge": 50.5, "late": 1, "contract": "monthly", "paperless": True, "change": 0}


def problem(column, value):
    _, problems = validate_rows(SIGNATURE, [GOOD | {column: value}])
    return problems[0].problem if problems else ""


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


def test_training_rows_are_accepted_and_come_back_as_plain_types():
    frame, problems = validate_rows(SIGNATURE, FRAME)
    assert problems == []
    assert frame.dtypes.astype(str).tolist() == ["float64", "float64", "object", "object", "float64"]
    assert frame["contract"].isna().tolist() == [False, False, True]
    assert frame["paperless"].tolist() == ["True", "False", "True"]


@given(st.floats(5, 95), st.integers(0, 5), st.sampled_from(["monthly", "one_year", None]))
@settings(deadline=None)
def test_whatever_the_signature_allows_is_accepted(charge, late, contract):
    row = GOOD | {"charge": charge, "late": late, "contract": contract}
    frame, problems = validate_rows(SIGNATURE, [row])
    assert problems == []
    assert frame["charge"][0] == charge


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("charge", "50", "expected a number from 5 to 95 USD per month, got text"),
        ("charge", True, "got true or false"),
        ("charge", [1], "got a list"),
        ("charge", {}, "got an object"),
        ("charge", float("nan"), "NaN and infinity are not accepted; give null"),
        ("change", float("inf"), "NaN and infinity are not accepted"),
        ("charge", 4.99, "out of range; expected a number from 5 to 95 USD per month"),
        ("charge", 1e300, "out of range"),
        ("late", 1.5, "expected an integer from 0 to 5, got a fraction"),
        ("late", None, "must not be null; expected an integer"),
        ("late", 10**400, "out of range"),
        ("contract", "weekly", "unseen; expected one of monthly, one_year"),
        ("contract", 3.5, "expected one of monthly, one_year, got a number"),
        ("contract", 3, "unseen"),
        ("contract", pd.Timestamp(0), "got Timestamp"),
        ("charge", None, ""),
        ("contract", None, ""),
        ("late", 2.0, ""),
        ("late", np.int64(2), ""),
    ],
)
def test_each_kind_of_wrong_value_is_told(column, value, message):
    found = problem(column, value)
    assert message in found
    assert bool(message) == bool(found)


def test_missing_unknown_and_shapeless_rows_are_told_with_their_row():
    short = {name: value for name, value in GOOD.items() if name not in ("charge", "late")}
    frame, problems = validate_rows(SIGNATURE, [GOOD, short | {"colour": 1}, 7])
    assert [str(found) for found in problems] == [
        "row 1, column charge: missing column; give null if unknown",
        "row 1, column late: missing column",
        "row 1, column colour: unknown column; leave it out",
        "row 2: expected an object, got a number",
    ]
    assert frame.shape == (3, 5)
    assert problems[3].as_dict() == {"row": 2, "column": None, "problem": "expected an object, got a number"}


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


def test_codes_with_one_gap_are_the_same_codes_in_rows_and_frames():
    signature = infer_signature(pd.DataFrame({"plan": pd.Categorical([1, 2, 3, None])}))
    reader = RowReader(signature)
    frame = pd.DataFrame({"plan": [1.0, np.nan, 3.0]})
    np.testing.assert_array_equal(reader.code_frame(frame)[:, 0], [0, np.nan, 2])
    plain, problems = validate_rows(signature, frame)
    assert problems == []
    assert plain["plan"].dropna().tolist() == ["1", "3"]
    for cell in ("1", 1, 1.0):
        assert reader.read([{"plan": cell}])[0][0, 0] == 0


def test_true_and_false_of_json_are_the_yes_and_no_of_a_signature():
    reader = RowReader(SIGNATURE)
    rows = json.loads('[{"paperless": true}, {"paperless": false}, {"paperless": "True"}]')
    codes, problems, _ = reader.read([GOOD | row for row in rows])
    assert problems == []
    assert codes[:, 3].tolist() == [1, 0, 1]
    np.testing.assert_array_equal(reader.code_frame(reader.decode(codes)), codes)
    np.testing.assert_array_equal(reader.code_frame(pd.DataFrame([GOOD | row for row in rows])), codes)
