import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.packaging import RowReader, infer_signature, probe_rows
from mlhelpers.training.models import plain_frame

FRAME = pd.DataFrame(
    {
        "charge": [20.0, np.nan, 80.0],
        "late": [0, 2, 4],
        "contract": ["monthly", "one_year", None],
        "paperless": [True, False, True],
    }
)
SIGNATURE = infer_signature(FRAME)
GOOD = {"charge": 50.5, "late": 1, "contract": "monthly", "paperless": "True"}


def test_a_row_becomes_values_and_positions_of_categories():
    codes, problems, changed = RowReader(SIGNATURE).read([GOOD, GOOD | {"charge": None, "contract": None}])
    assert (problems, changed) == ([], [])
    np.testing.assert_array_equal(codes, [[50.5, 1, 0, 1], [np.nan, 1, np.nan, 1]])
    assert codes.dtype == np.float64


def test_no_rows_have_the_right_shape():
    assert RowReader(SIGNATURE).read([])[0].shape == (0, 4)


ROWS = st.fixed_dictionaries(
    {
        "charge": st.none() | st.floats(5, 95),
        "late": st.integers(0, 5),
        "contract": st.sampled_from(["monthly", "one_year", None]),
        "paperless": st.sampled_from(["True", "False"]),
    }
)


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_decoding_and_coding_again_gives_the_same_codes(rows):
    reader = RowReader(SIGNATURE)
    codes, problems, _ = reader.read(rows)
    assert problems == []
    np.testing.assert_array_equal(reader.code_frame(reader.decode(codes)), codes)


@given(st.lists(ROWS, min_size=1, max_size=8), st.randoms())
def test_order_of_keys_and_of_columns_does_not_matter(rows, random):
    reader = RowReader(SIGNATURE)
    codes, _, _ = reader.read(rows)
    names = list(GOOD)
    random.shuffle(names)
    shuffled = [{name: row[name] for name in names} for row in rows]
    np.testing.assert_array_equal(reader.read(shuffled)[0], codes)
    np.testing.assert_array_equal(reader.code_frame(pd.DataFrame(shuffled, columns=names)), codes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), JSON, max_size=5))
def test_anything_else_is_a_problem_and_never_an_error(row):
    codes, problems, _ = RowReader(SIGNATURE).read([row])
    accepted = not problems
    assert codes.shape == (1, 4)
    assert accepted == (
        set(row) == set(GOOD)
        and all(
            not RowReader([column]).read([{column["name"]: row[column["name"]]}])[1] for column in SIGNATURE
        )
    )


def test_clip_takes_the_nearest_limit_and_says_so():
    reader = RowReader(SIGNATURE, policies={"charge": "clip"})
    codes, problems, changed = reader.read([GOOD | {"charge": 1e6}, GOOD | {"charge": -3}])
    assert problems == []
    assert codes[:, 0].tolist() == [95.0, 5.0]
    assert [(found.row, found.column) for found in changed] == [(0, "charge"), (1, "charge")]
    assert "the nearest limit is taken" in changed[0].problem


def test_clip_does_not_repair_what_is_no_number():
    reader = RowReader(SIGNATURE, policies={"charge": "clip"})
    _, problems, changed = reader.read([GOOD | {"charge": "much"}, GOOD | {"charge": float("nan")}])
    assert len(problems) == 2
    assert changed == []


def test_missing_takes_an_unseen_category_as_missing():
    reader = RowReader(SIGNATURE, policies={"contract": "missing"})
    codes, problems, changed = reader.read([GOOD | {"contract": "weekly"}])
    assert problems == []
    assert np.isnan(codes[0, 2])
    assert "unseen" in changed[0].problem
    assert "taken as missing" in changed[0].problem


def test_missing_does_not_stand_for_a_column_that_is_not_there():
    reader = RowReader(SIGNATURE, policies={"contract": "missing"})
    row = {name: value for name, value in GOOD.items() if name != "contract"}
    assert reader.read([row])[1][0].problem == "missing column; give null if unknown"


def test_unknown_columns_can_be_ignored():
    _, problems, _ = RowReader(SIGNATURE, unknown_columns="ignore").read([GOOD | {"colour": "red"}])
    assert problems == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policies": {"charg": "clip"}}, "policy for 'charg', which is no column; 'charge'?"),
        ({"policies": {"charge": "guess"}}, "must be one of refuse, missing, clip, got 'guess'"),
        ({"policies": {"late": "missing"}}, "'late': the signature does not allow it to be missing"),
        ({"policies": {"contract": "clip"}}, "'contract': it is a category"),
        ({"unknown_columns": "drop"}, "must be 'refuse' or 'ignore', got 'drop'"),
    ],
)
def test_policy_that_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        RowReader(SIGNATURE, **options)


def test_frame_is_coded_as_its_rows_are():
    frame = pd.DataFrame(
        {
            "contract": ["one_year", "weekly", None],
            "paperless": [True, False, True],
            "late": pd.array([1, 2, None], dtype="Int64"),
            "charge": ["7.5", None, 3],
        }
    )
    codes = RowReader(SIGNATURE).code_frame(frame)
    np.testing.assert_array_equal(codes, [[7.5, 1, 1, 1], [np.nan, 2, np.nan, 0], [3, np.nan, np.nan, 1]])


def test_frame_that_cannot_be_coded_says_which_column():
    reader = RowReader(SIGNATURE)
    with pytest.raises(ValueError, match="missing from the frame: late, paperless"):
        reader.code_frame(FRAME[["charge", "contract"]])
    with pytest.raises(ValueError, match="'charge' is to be numeric"):
        reader.code_frame(FRAME.assign(charge="much"))


def test_probe_rows_are_accepted_and_reach_limits_and_gaps():
    codes = probe_rows(SIGNATURE, 500)
    reader = RowReader(SIGNATURE)
    rows = reader.decode(codes).astype(object)
    problems = reader.read(rows.where(rows.notna(), None).to_dict("records"))[1]
    assert problems == []
    assert {5.0, 95.0} <= set(codes[:, 0])
    assert np.isnan(codes[:, 0]).any()
    assert not np.isnan(codes[:, 1]).any()
    np.testing.assert_array_equal(probe_rows(SIGNATURE, 500), codes)


@pytest.mark.parametrize("dates", [["2024-01-01", None], pd.to_timedelta(["1D", None])])
def test_dates_are_no_numbers_of_a_frame_or_a_model(dates):
    days = pd.Series(dates) if isinstance(dates, pd.TimedeltaIndex) else pd.to_datetime(pd.Series(dates))
    frame = pd.DataFrame({"day": days})
    reader = RowReader(infer_signature(pd.DataFrame({"day": [1.0, 2.0]})))
    for call in (reader.code_frame, lambda rows: plain_frame(rows, numeric=["day"], categorical=[])):
        with pytest.raises(ValueError, match=r"'day' is to be numeric: it is .*; turn it into a number"):
            call(frame)
