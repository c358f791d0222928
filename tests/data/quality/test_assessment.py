"""The quality report: what each score means, the rows behind it, and the same figures as the slow ways."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.data.contracts import Contract, ContractError
from mlhelpers.data.quality import (
    Compare,
    Present,
    quality_report,
)
from mlhelpers.data.quality import assessment as quality


def contract(**columns):
    return Contract.from_dict("table", columns)


def report(orders, **changes):
    arguments = {"key": "order", "rules": [Compare("placed", "<=", "shipped")], "as_of": "2025-01-31"}
    return quality_report(orders, **{**arguments, "dates": {"placed": 20}, **changes})


def test_completeness_is_the_share_of_known_cells(orders):
    assert report(orders).scores["completeness"] == pytest.approx(1 - 3 / 20)


def test_gaps_of_optional_columns_are_not_incomplete(orders):
    assert report(orders, optional=["shipped"]).scores["completeness"] == pytest.approx(1 - 2 / 15)


def test_uniqueness_counts_a_row_once_however_it_repeats(orders):
    result = report(orders)
    assert result.scores["uniqueness"] == pytest.approx(1 - 2 / 5)
    rows = result.failing_rows("uniqueness")
    assert rows[rows["check"] == "key order repeats"]["row"].tolist() == [2, 4]
    assert rows[rows["check"] == "the whole row repeats"]["row"].tolist() == [2]


def test_key_of_several_columns(orders):
    assert report(orders, key=["order", "amount"]).scores["uniqueness"] == pytest.approx(1 - 1 / 5)


def test_column_that_the_contract_wants_unique_is_checked_too(orders):
    rules = contract(
        order={"type": "text"}, placed={"type": "date", "nullable": True}, shipped={"type": "date"},
        amount={"type": "number", "unique": True},
    )  # fmt: skip
    assert "key amount repeats" in report(orders, contract=rules, key=None).table["check"].tolist()


def test_consistency_counts_rows_that_the_rule_applies_to(orders):
    checks = report(orders).table.set_index("check")
    assert checks.loc["placed <= shipped", ["tested", "failed"]].tolist() == [3, 2]


def test_timeliness_finds_dates_of_the_future_and_old_ones(orders):
    checks = report(orders).table.set_index("check")
    assert checks.loc["placed is after 2025-01-31", "failed"] == 1
    assert checks.loc["placed is older than 20 days", "failed"] == 3
    assert "newest 2025-02-01" in checks.loc["placed is after 2025-01-31", "note"]


def test_date_column_without_a_readable_date_is_not_judged():
    result = quality_report(pd.DataFrame({"day": ["x", "y"]}), dates={"day": None}, as_of="2025-01-01")
    assert np.isnan(result.scores["timeliness"])
    assert "no date can be read" in result.table["note"].tolist()


def test_validity_counts_an_invalid_cell_once():
    frame = pd.DataFrame({"n": [1.0, -2.5, 30.0, np.nan]})
    rules = contract(n={"type": "integer", "minimum": 0, "maximum": 20, "nullable": True})
    result = quality_report(frame, contract=rules)
    assert result.scores["validity"] == pytest.approx(1 / 3)
    assert result.table.query("dimension == 'validity'")["failed"].tolist() == [1, 0, 1]


def test_dimension_without_declaration_is_not_judged_and_says_so(orders):
    result = quality_report(orders)
    assert result.scores[["consistency", "timeliness", "validity"]].isna().all()
    for reason in ("no rules given", "no dates given", "no contract given"):
        assert reason in str(result)


def test_reference_gives_accuracy_of_cells_that_both_know(orders):
    true = pd.DataFrame(
        {
            "order": ["A1", "A2", "A4"],
            "amount": [10.0, 21.0, -5.0],
            "placed": pd.to_datetime(["2025-01-01"] * 3),
        }
    )
    checks = report(orders, reference=true).table.set_index("check")
    assert checks.loc["amount differs", ["tested", "failed"]].tolist() == [4, 2]
    assert checks.loc["placed differs", ["tested", "failed"]].tolist() == [4, 3]


def test_reference_with_a_key_of_two_columns_and_text():
    frame = pd.DataFrame({"a": [1, 1, 2], "b": [1, 2, 1], "word": ["x", "Y", "z"]})
    true = pd.DataFrame({"a": [1, 1], "b": [1, 2], "word": ["x", "y"]})
    result = quality_report(frame, key=["a", "b"], reference=true)
    assert result.scores["accuracy"] == pytest.approx(1 / 2)


def test_plausibility_names_its_limits_and_skips_columns_without_spread():
    frame = pd.DataFrame({"x": [*range(100), 9999], "flag": [0] * 100 + [1], "empty": [np.nan] * 101})
    result = quality_report(frame)
    checks = result.table.query("dimension == 'accuracy'")
    assert checks["check"].tolist() == ["x is implausible"]
    assert checks["failed"].tolist() == [1]
    infinite = quality_report(frame.replace(9999, np.inf)).table
    assert infinite.query("dimension == 'accuracy'")["failed"].tolist() == [1]
    assert "plausible" in str(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"key": "ordr"}, "key: no column 'ordr'; did you mean 'order'"),
        ({"optional": ["zzz"]}, "optional: no column 'zzz'; there are"),
        ({"dates": {"placed": None}}, "dates needs as_of"),
        ({"reference": pd.DataFrame({"order": ["A1"]})}, "reference needs key"),
        ({"reference": pd.DataFrame({"order": ["A1"]}), "key": "order"}, "shares no column"),
        (
            {"reference": pd.DataFrame({"order": ["A1", "A1"], "amount": [1, 2]}), "key": "order"},
            "repeats the key 'A1'",
        ),
        ({"rules": [Present("nope")]}, "rule 'nope is known': no column 'nope'"),
    ],
)
def test_wrong_argument_is_named(orders, arguments, message):
    with pytest.raises(ValueError, match=message):
        quality_report(orders, **arguments)


def test_frame_that_cannot_be_scored_is_refused(orders):
    with pytest.raises(TypeError, match="DataFrame"):
        quality_report([1, 2])
    with pytest.raises(ValueError, match="no rows"):
        quality_report(orders.iloc[:0])
    with pytest.raises(ValueError, match="'x' stands there twice"):
        quality_report(pd.DataFrame([[1, 2]], columns=["x", "x"]))
    with pytest.raises(ContractError, match="is missing"):
        quality_report(orders, contract=contract(other={"type": "text"}))
    with pytest.raises(TypeError, match="'x' holds values that cannot be compared"):
        quality_report(pd.DataFrame({"x": [[1], [2]]}))
    with pytest.raises(ValueError, match="no dimension 'speed'"):
        quality_report(orders).failing_rows("speed")


def test_unknown_name_of_the_module_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = quality.nothing


TEXT = st.sampled_from(
    ["a", "b", "A", "é", "x1", "C001", "C002", "2021-05-05", "05/06/2021", "2030-01-01", ""]
)
FLOATS = st.one_of(st.just(np.nan), st.just(np.inf), st.integers(-2, 8).map(float), st.floats(-3, 12))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(FLOATS, st.one_of(st.none(), TEXT)), min_size=1, max_size=20))
def test_scores_are_shares(rows):
    frame = pd.DataFrame(rows, columns=["x", "word"]).replace(np.inf, 99.0)
    scores = quality_report(frame, rules=[Compare("x", ">", value=0)]).scores
    assert scores.dropna().between(0, 1).all()
    assert scores["completeness"] == pytest.approx(1 - frame.isna().to_numpy().mean())


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
