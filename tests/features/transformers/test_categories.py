import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.features import RareCategoryGrouper

PLANS = pd.DataFrame({"plan": ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + [None]})


def group(values, train=PLANS, **options):
    options = {"min_count": 3} | options
    return RareCategoryGrouper(**options).fit(train).transform(pd.DataFrame({"plan": values}))[:, 0].tolist()


def test_rare_and_unseen_become_other_and_missing_stays():
    out = group(["a", "b", "c", "z", None, np.nan, pd.NA])
    assert out[:4] == ["a", "b", "other", "other"]
    assert all(isinstance(value, float) and np.isnan(value) for value in out[4:])


def test_share_is_of_the_known_values():
    assert group(["a", "b", "c"], min_count=0, min_share=0.3) == ["a", "b", "other"]  # 3 of 10 known
    assert group(["a", "b", "c"], min_count=0, min_share=0.31) == ["a", "other", "other"]


def test_both_limits_must_be_met():
    assert group(["a", "b"], min_count=4, min_share=0.1) == ["a", "other"]


def test_levels_are_learned_from_the_training_rows_only():
    assert group(["z"] * 50 + ["a"]) == ["other"] * 50 + ["a"]


def test_unseen_can_be_missing_or_an_error():
    assert pd.isna(group(["a", "z"], unseen="missing")).tolist() == [False, True]
    assert group(["c"], unseen="missing") == ["other"]  # rare, but seen
    with pytest.raises(ValueError, match=r"column 'plan' holds 'z' \(first in row 2\).*unseen='other'"):
        group(["a", "c", "z"], unseen="error")
    assert group(["a", "c"], unseen="error") == ["a", "other"]


def test_numbers_stay_numbers():
    train = pd.DataFrame({"plan": [7] * 4 + [8]})
    assert group([7.0, 8.0, 9.0], train) == [7, -1, -1]
    step = RareCategoryGrouper(3, other_number=0).fit(train)
    assert step.transform(train).dtype == np.float64
    assert step.transform(train.astype("Int64")).ravel().tolist() == [7] * 4 + [0]


def test_columns_of_both_kinds_stand_together():
    frame = pd.DataFrame({"plan": ["a", "a", "b"], "branch": [1, 1, 2]})
    out = RareCategoryGrouper(2).set_output(transform="pandas").fit_transform(frame)
    assert out.to_numpy().tolist() == [["a", 1], ["a", 1], ["other", -1]]


def test_pandas_categories_and_truth_values_are_levels():
    frame = pd.DataFrame({"plan": pd.Categorical(["a", "a", "b"]), "is_new": [True, True, False]})
    step = RareCategoryGrouper(2).fit(frame)
    assert step.transform(frame).tolist() == [["a", True], ["a", True], ["other", "other"]]
    assert [levels.tolist() for levels in step.seen_] == [["a", "b"], [True, False]]


def test_level_called_other_joins_the_others():
    train = pd.DataFrame({"plan": ["other"] * 2 + ["a"] * 5 + ["z"]})
    assert group(["other", "a", "z"], train) == ["other", "a", "other"]


def test_column_without_a_known_value_has_no_levels():
    train = pd.DataFrame({"plan": [None, None]}, dtype=object)
    step = RareCategoryGrouper().fit(train)
    assert [len(levels) for levels in step.kept_] == [0]
    assert step.transform(pd.DataFrame({"plan": ["a"]}, dtype=object)).tolist() == [["other"]]


@given(st.lists(st.sampled_from("abcde"), min_size=1), st.lists(st.sampled_from("abcdefg"), min_size=1))
def test_agrees_with_value_counts(train, new):
    counts = pd.Series(train).value_counts()
    expected = [value if counts.get(value, 0) >= 3 else "other" for value in new]
    assert group(new, pd.DataFrame({"plan": train})) == expected


@given(st.permutations(PLANS["plan"].tolist()))
def test_order_of_the_training_rows_does_not_matter(values):
    step = RareCategoryGrouper(2).fit(pd.DataFrame({"plan": values}))
    assert step.kept_[0].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": -1}, "min_count=-1 must be at least 0"),
        ({"min_share": 5}, "min_share=5 must be between 0 and 1"),
        ({"unseen": "drop"}, "unseen='drop' must be one of other, missing, error"),
    ],
)
def test_wrong_parameter_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        RareCategoryGrouper(**options).fit(PLANS)


def test_container_is_no_level():
    with pytest.raises(TypeError, match="column 'plan': argument must be a string or a number"):
        RareCategoryGrouper().fit(pd.DataFrame({"plan": [["a"], ["b"]]}))


def test_text_in_a_column_of_numbers_is_an_error():
    step = RareCategoryGrouper().fit(pd.DataFrame({"branch": [1, 2]}))
    with pytest.raises(ValueError, match="column 'branch' is to be numeric"):
        step.transform(pd.DataFrame({"branch": ["north"]}))


DAYS = pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-05"]))


def test_a_column_that_becomes_dates_has_its_gaps_grouped_as_gaps():
    grouper = RareCategoryGrouper(min_count=1).fit(pd.DataFrame({"x": [1.0, 2.0]}))
    assert np.isnan(grouper.transform(pd.DataFrame({"x": DAYS}))[:, 0]).tolist() == [
        False,
        True,
        False,
        False,
    ]
