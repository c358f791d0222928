import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.packaging import infer_signature, validate_rows

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
