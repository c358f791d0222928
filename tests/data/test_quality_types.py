"""Promises of the quality report on types that do not compare by themselves."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.data.quality import Compare, quality_report


def differing(here, true, key=("a", "b", "c")):
    keys = pd.Series(list(key))
    report = quality_report(
        pd.DataFrame({"k": keys, "x": here}), key="k", reference=pd.DataFrame({"k": keys, "x": true})
    )
    check = next(check for check in report.checks if check.name == "x differs")
    return check.tested, check.failed


ZONED = pd.Series(pd.to_datetime(["2024-01-01 12:00", "2024-01-02 00:00", None])).dt.tz_localize("UTC")


@pytest.mark.parametrize(
    ("here", "true", "result"),
    [
        ([True, False, True], [True, True, True], (3, 1)),
        (pd.array([True, None, True], "boolean"), pd.array([True, True, False], "boolean"), (2, 1)),
        (pd.array([1, None, 3], "Int64"), pd.array([1, 2, None], "Int64"), (1, 0)),
        ([1.0, np.nan, 3.0], pd.array([1, 2, 4], "Int64"), (2, 1)),
        (pd.array([1, None, 3], "int64[pyarrow]"), pd.array([2, 2, 3], "int64[pyarrow]"), (2, 1)),
        (ZONED, ZONED.dt.tz_convert("Asia/Tokyo"), (2, 0)),
        (ZONED, ZONED + pd.Timedelta("1h"), (2, 2)),
        (pd.array(["a", None, "b"], "string"), ["a", "b", "c"], (2, 1)),
        (pd.Categorical(["a", None, "b"]), pd.Categorical(["a", "b", "c"]), (2, 1)),
        ([np.inf, 1.0, 1.0], [np.inf, np.inf, 1.0], (3, 1)),
    ],
    ids=str,
)
def test_cells_are_compared_with_the_reference_in_every_type(here, true, result):
    assert differing(here, true) == result


def test_zones_on_one_side_only_are_refused_by_name():
    with pytest.raises(ValueError, match=r"column 'x' cannot be compared .* time zone"):
        differing(ZONED, ZONED.dt.tz_localize(None))


def test_keys_of_two_types_are_refused_instead_of_finding_no_row():
    frame = pd.DataFrame({"k": ["1", "2"], "x": [1, 2]})
    with pytest.raises(ValueError, match="key 'k' is text in the frame and number in the reference"):
        quality_report(frame, key="k", reference=frame.assign(k=[1, 2]))


def test_a_key_may_be_named_zero():
    frame = pd.DataFrame({0: [1, 1], 1: [5, 6]})
    report = quality_report(frame, key=0, reference=pd.DataFrame({0: [1], 1: [5]}))
    assert {check.name: check.failed for check in report.checks}["key 0 repeats"] == 1
    assert {check.name: check.failed for check in report.checks}["1 differs"] == 1


def test_doubled_names_in_the_reference_are_refused():
    frame = pd.DataFrame({"k": [1], "x": [1]})
    twins = pd.DataFrame([[1, 1, 2]], columns=["k", "x", "x"])
    with pytest.raises(ValueError, match="the reference: column 'x' stands there twice"):
        quality_report(frame, key="k", reference=twins)


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


def test_missing_dates_are_no_numbers_in_a_column_declared_as_numbers():
    from mlhelpers.data.contracts import ColumnRule, Contract

    frame = pd.DataFrame({"n": pd.to_datetime(["2024-01-01", None, "2024-01-02"])})
    contract = Contract("t", {"n": ColumnRule("integer", minimum=0, nullable=True)})
    assert contract.failures(frame)["rule"].tolist() == ["no integer"] * 2
    report = quality_report(frame, contract=contract)
    assert not [check.name for check in report.checks if check.dimension == "accuracy"]


def test_ages_of_dates_with_a_zone_are_counted_in_it():
    report = quality_report(pd.DataFrame({"d": ZONED}), dates={"d": 1}, as_of="2024-01-02")
    assert {check.name: check.failed for check in report.checks}["d is older than 1 days"] == 0
