from __future__ import annotations

import pandas as pd
import pytest

from mlhelpers.data.quality import (
    Check,
    Compare,
    Implies,
    Present,
    quality_report,
)

# Rules


def judged(rule, frame):
    tested, passed = rule.test(pd.DataFrame(frame))
    return tested.tolist(), passed.tolist()


def test_compare_reads_numbers_and_dates_and_leaves_out_what_cannot_be_read():
    assert judged(Compare("a", "<", value=3), {"a": [1, "2", "x", None, 5]}) == (
        [True, True, False, False, True],
        [True, True, False, False, False],
    )
    assert judged(
        Compare("a", ">=", value="2025-01-01"), {"a": ["2025-02-01", "01/02/2025", "2024-12-31"]}
    ) == (
        [True, False, True],
        [True, False, False],
    )
    day = pd.Timestamp("2025-01-01")
    assert judged(Compare("a", "==", value=day), {"a": [day, None]}) == ([True, False], [True, False])
    assert judged(Compare("a", "!=", "b"), {"a": ["x", "y"], "b": ["x", "z"]})[1] == [False, True]
    assert judged(Compare("a", "==", value="none"), {"a": ["none", "dsl"]})[1] == [True, False]


def test_implication_tests_only_rows_where_the_condition_holds():
    rule = Implies(Compare("n", ">", value=0), Present("last"))
    assert judged(rule, {"n": [0, 1, 2], "last": [None, 5.0, None]}) == (
        [False, True, True],
        [False, True, False],
    )
    assert rule.name == "if n > 0: last is known"
    assert rule.columns == ("n", "last")


def test_own_check_sees_complete_rows_only():
    rule = Check("a is even", ("a", "b"), lambda part: (part["a"] % 2 == 0).to_numpy())
    assert judged(rule, {"a": [2, 3, 4], "b": [1, 1, None]}) == ([True, True, False], [True, False, False])


def test_broken_rule_is_refused():
    with pytest.raises(ValueError, match="'=<' is none of"):
        Compare("a", "=<", "b")
    with pytest.raises(ValueError, match="only one of them"):
        Compare("a", "<", "b", value=3)
    with pytest.raises(ValueError, match="only one of them"):
        Compare("a", "<")
    with pytest.raises(ValueError, match="check 'bad' must return one True or False for each of 2 rows"):
        Check("bad", ("a",), lambda part: [1]).test(pd.DataFrame({"a": [1, 2]}))


@pytest.mark.parametrize(
    ("right", "value"), [("high", None), (None, "10")], ids=["against a column", "against a value"]
)
def test_texts_of_numbers_are_not_ordered_letter_by_letter(right, value):
    frame = pd.DataFrame({"low": ["9", "2"], "high": ["10", "30"]})
    rule = Compare("low", "<=", right, value)
    with pytest.raises(ValueError, match=r"'low'.*texts that are numbers"):
        quality_report(frame, rules=[rule])


def test_texts_are_compared_with_gaps_untested_and_mixed_values_refused():
    frame = pd.DataFrame({"a": ["x", None, "y"], "b": ["y", "z", "x"]})
    tested, passed = Compare("a", "<", "b").test(frame)
    assert (tested.tolist(), passed.tolist()) == ([True, False, True], [True, False, False])
    with pytest.raises(TypeError, match=r"rule 'a < b' on 'a', 'b': "):
        Compare("a", "<", "b").test(frame.assign(b=[1, "z", 2]).astype(object))
