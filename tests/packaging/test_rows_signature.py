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
