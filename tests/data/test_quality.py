"""The quality report: what each score means, the rows behind it, and the same figures as the slow ways."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.data import load
from mlhelpers.data.contracts import Contract, ContractError
from mlhelpers.data.quality import (
    Check,
    Compare,
    Implies,
    Present,
    broken_rules,
    quality_report,
    repeated_rows,
)
from mlhelpers.data.quality import assessment as quality


def contract(**columns):
    return Contract.from_dict("table", columns)


@pytest.fixture
def orders():
    return pd.DataFrame(
        {
            "order": ["A1", "A2", "A2", "A4", "A4"],
            "placed": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-05", "2025-02-01", None]),
            "shipped": pd.to_datetime(["2025-01-03", "2025-01-04", "2025-01-04", None, "2025-01-02"]),
            "amount": [10.0, 20.0, 20.0, -5.0, np.nan],
        }
    )


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


def test_quartiles_of_many_numbers_are_those_of_numpy():
    from mlhelpers.data.quality.checks import _quartiles

    rng = np.random.default_rng(0)
    for values in (
        rng.normal(size=150_000),
        np.sort(rng.gamma(2, size=150_001)),
        rng.poisson(3.0, 120_000) + 0.0,
    ):
        assert _quartiles(values) == pytest.approx(np.quantile(values, [0.25, 0.75]), rel=1e-12)
    tricky = np.where(np.arange(200_000) % 10, rng.normal(size=200_000), 50.0)  # every tenth is far off
    assert _quartiles(tricky) == pytest.approx(np.quantile(tricky, [0.25, 0.75]), rel=1e-12)


def test_listed_rows_are_capped_and_totals_are_not(orders):
    result = quality_report(orders, max_rows=1)
    rows = result.failing_rows("completeness")
    assert rows["row"].tolist() == [4, 3, 4]
    everything = quality_report(pd.concat([orders] * 3), max_rows=2).failing_rows("completeness")
    assert everything.groupby("check", sort=False)["total"].first().tolist() == [3, 3, 3]
    assert len(everything) == 6


def test_failing_rows_of_a_perfect_table_are_none():
    result = quality_report(pd.DataFrame({"x": [1, 2, 3]}))
    assert result.failing_rows().empty
    assert "3 rows x 1 columns" in str(result)


def test_report_shows_itself_as_text_and_html(orders):
    odd = orders.rename(columns={"amount": "<amount>"})
    result = quality_report(odd, key="order")
    page = result._repr_html_()
    assert repr(result) == str(result)
    assert "&lt;amount&gt;" in page
    assert "<amount>" not in page
    assert page == quality_report(odd, key="order")._repr_html_()
    for name in quality.DIMENSIONS:
        assert name in str(result)
        assert name in page
    many = quality_report(pd.concat([odd] * 10), key="order")._repr_html_()
    assert "in all)" in many


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


# The same as the slow ways


def slow(frame, rules):
    found = rules.failures(frame)
    return {key: sorted(rows) for key, rows in found.groupby(["column", "rule"])["row"]}


def fast(frame, rules):
    return {key: rows.tolist() for key, rows in broken_rules(frame, rules).items()}


MIXED = contract(
    id={"type": "text", "unique": True, "pattern": "C[0-9]{3}"},
    word={"type": "text", "choices": ["a", "b"], "nullable": True},
    free={"type": "text", "pattern": r"(?:x|b)\w*", "nullable": True},
    whole={"type": "integer", "minimum": 0, "maximum": 5},
    amount={"type": "number", "minimum": 0, "nullable": True},
    day={"type": "date", "minimum": "2020-01-01", "maximum": "2024-12-31", "nullable": True},
    flag={"type": "boolean", "nullable": True},
    mixed={"type": "number", "maximum": 10, "unique": True, "nullable": True},
    level={"type": "integer", "choices": [1, 2], "nullable": True},
)
TEXT = st.sampled_from(
    ["a", "b", "A", "é", "x1", "C001", "C002", "2021-05-05", "05/06/2021", "2030-01-01", ""]
)
ANY = st.one_of(st.none(), TEXT, st.integers(-3, 12), st.floats(-3, 12), st.booleans())
FLOATS = st.one_of(st.just(np.nan), st.just(np.inf), st.integers(-2, 8).map(float), st.floats(-3, 12))
ROWS = st.tuples(
    st.one_of(st.none(), TEXT), st.one_of(st.none(), TEXT), st.one_of(st.none(), TEXT), FLOATS, FLOATS,
    st.one_of(st.none(), TEXT), st.one_of(st.none(), st.booleans(), TEXT), ANY, FLOATS,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_broken_rules_are_those_of_the_contract(rows):
    frame = pd.DataFrame(rows, columns=list(MIXED.columns))
    for name in ("id", "word", "free", "day", "flag", "mixed"):
        frame[name] = frame[name].astype(object)
    assert fast(frame, MIXED) == slow(frame, MIXED)


def test_broken_rules_of_other_storage_are_those_of_the_contract():
    frame = pd.DataFrame(
        {
            "word": pd.Categorical(["a", "c", None, "b"]),
            "day": pd.to_datetime(["2019-01-01", "2021-01-01", None, "2025-02-02"]),
            "whole": pd.array([1, None, 9, 2], dtype="Int64"),
            "flag": [True, False, True, False],
            "number": [True, False, True, True],
        }
    )
    rules = contract(
        word={"type": "text", "choices": ["a", "b"]},
        day={"type": "date", "minimum": "2020-01-01", "maximum": "2024-12-31"},
        whole={"type": "integer", "maximum": 5},
        flag={"type": "boolean"},
        number={"type": "number"},
    )
    assert fast(frame, rules) == slow(frame, rules)
    lists = pd.DataFrame({"word": [["a"], "b"]})
    assert fast(lists, contract(word={"type": "text"})) == {("word", "no text"): [0]}


def test_broken_rules_of_the_raw_export_are_those_of_the_contract():
    raw = load("churn", raw=True)[["customer_id", "contract", "monthly_charge", "signup_date"]].head(3000)
    rules = contract(
        customer_id={"type": "text", "unique": True, "pattern": "C[0-9]{6}"},
        contract={"type": "text", "choices": ["monthly", "one_year", "two_year"]},
        monthly_charge={"type": "number"},
        signup_date={"type": "date"},
    )
    assert fast(raw, rules) == slow(raw, rules)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None]), FLOATS), min_size=1, max_size=30)
)
def test_repeated_rows_are_those_of_pandas(rows):
    frame = pd.DataFrame(rows, columns=["n", "word", "x"])
    assert repeated_rows(frame).tolist() == frame.duplicated().tolist()
    by_key = quality_report(frame, key="n").table.set_index("check").loc["the whole row repeats", "failed"]
    assert by_key == frame.duplicated().sum()


def test_repeated_rows_of_a_large_table_are_those_of_pandas():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"word": rng.choice(["a", "b"], 5000), "x": rng.normal(size=5000).round(3)})
    assert repeated_rows(frame).tolist() == frame.duplicated().tolist()
    assert repeated_rows(frame[["word"]]).sum() == 4998


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(FLOATS, st.one_of(st.none(), TEXT)), min_size=1, max_size=20))
def test_scores_are_shares(rows):
    frame = pd.DataFrame(rows, columns=["x", "word"]).replace(np.inf, 99.0)
    scores = quality_report(frame, rules=[Compare("x", ">", value=0)]).scores
    assert scores.dropna().between(0, 1).all()
    assert scores["completeness"] == pytest.approx(1 - frame.isna().to_numpy().mean())
