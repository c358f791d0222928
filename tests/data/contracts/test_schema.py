"""Promises of contracts on every type a column may have, and of rules that cannot be applied."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.data.contracts import (
    ColumnRule,
    Contract,
    ContractError,
    infer_contract,
    load_contracts,
)
from mlhelpers.data.quality import broken_rules, quality_report

RULES = {
    "id": {"type": "text", "unique": True, "pattern": "C[0-9]+"},
    "age": {"type": "integer", "minimum": 18, "maximum": 110, "nullable": True},
    "joined": {"type": "date", "minimum": "2020-01-01", "maximum": "2025-12-31"},
    "plan": {"type": "text", "choices": ["a", "b"]},
    "active": {"type": "boolean"},
}


@pytest.fixture
def contract():
    return Contract.from_dict("customers", RULES)


@pytest.fixture
def good():
    return pd.DataFrame(
        {
            "id": ["C1", "C2", "C3"],
            "age": [20, np.nan, 99],
            "joined": pd.to_datetime(["2021-01-01", "2020-01-01", "2025-12-31"]),
            "plan": ["a", "b", "a"],
            "active": [True, False, True],
        }
    )


def test_good_frame_passes_unchanged(contract, good):
    assert contract.check(good) is good
    accepted, quarantined = contract.split(good)
    pd.testing.assert_frame_equal(accepted, good)
    assert quarantined.empty
    assert "reason" in quarantined.columns


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("age", 17, "below 18"),
        ("age", 300, "above 110"),
        ("age", 20.5, "no integer"),
        ("joined", pd.Timestamp("2019-12-31"), "below 2020-01-01"),
        ("joined", pd.NaT, "missing"),
        ("plan", "c", "not one of the choices"),
        ("plan", None, "missing"),
        ("id", "X1", "of another form"),
        ("id", "C3", "not unique"),
        ("active", "yes", "no boolean"),
    ],
)
def test_each_broken_rule_is_named(contract, good, column, value, rule):
    broken = good.astype(object)
    broken.loc[0, column] = value
    failures = contract.failures(broken)
    assert (column, rule) in set(zip(failures["column"], failures["rule"], strict=True))
    accepted, quarantined = contract.split(broken)
    assert len(accepted) + len(quarantined) == len(good)
    assert f"{column} {rule}" in quarantined["reason"].iloc[0]


def test_text_in_a_number_column_is_reported_once(contract, good):
    broken = good.assign(age=["20", 30, 40])
    failures = contract.failures(broken)
    assert failures[["row", "rule"]].to_numpy().tolist() == [[0, "no integer"]]


def test_booleans_are_no_numbers():
    contract = Contract("t", {"n": ColumnRule("number")})
    assert contract.failures(pd.DataFrame({"n": [True, False]}))["rule"].tolist() == ["no number"] * 2


def test_check_lists_every_rule_with_rows(contract, good):
    with pytest.raises(ContractError, match=r"customers: column 'age': above 110: 1 of 3 rows .*'plan'"):
        contract.check(good.assign(age=[200, 20, 20], plan=["a", "x", "b"]))


def test_missing_and_renamed_columns_stop_before_any_row_is_judged(contract, good):
    with pytest.raises(
        ContractError, match=r"column 'plan' is missing; column 'plans' is not .*'plan' renamed"
    ):
        contract.split(good.rename(columns={"plan": "plans"}))
    with pytest.raises(ContractError, match=r"column 'zzz' is not in the contract$"):
        contract.failures(good.assign(zzz=1))


def test_unknown_rule_names_the_nearest():
    with pytest.raises(ValueError, match=r"column 'age': unknown rule 'minimun'; did you mean 'minimum'"):
        Contract.from_dict("t", {"age": {"type": "integer", "minimun": 3}})
    with pytest.raises(ValueError, match="type 'int' is none of"):
        Contract.from_dict("t", {"age": {"type": "int"}})
    with pytest.raises(ValueError, match=r"unknown rule 'qqqq'$"):
        Contract.from_dict("t", {"age": {"type": "integer", "qqqq": 3}})


def test_dictionary_round_trip(contract):
    assert contract.to_dict() == RULES
    assert Contract.from_dict("customers", contract.to_dict()) == contract


def test_inferred_contract_accepts_its_own_frame(good):
    frame = good.assign(amount=[1.5, np.nan, 3], note=[None] * 3, code=[f"x{i}" for i in range(3)])
    contract = infer_contract(frame, "t", max_choices=2)
    assert contract.columns["amount"].type == "number"
    assert contract.columns["code"].unique
    assert contract.columns["plan"].choices == ("a", "b")
    assert contract.columns["active"].type == "boolean"
    assert contract.check(frame) is frame


def test_inferring_from_nothing_is_an_error():
    with pytest.raises(ValueError, match="without rows"):
        infer_contract(pd.DataFrame({"a": []}), "t")


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), min_size=1, max_size=30))
def test_split_loses_no_row_and_agrees_with_the_bounds(values):
    contract = Contract("t", {"x": ColumnRule("number", minimum=-1, maximum=1)})
    frame = pd.DataFrame({"x": values})
    good, bad = contract.split(frame)
    assert len(good) + len(bad) == len(frame)
    assert good["x"].between(-1, 1).all()
    assert not bad["x"].between(-1, 1).any()


def test_contracts_are_read_from_yaml(tmp_path):
    path = tmp_path / "contracts.yml"
    path.write_text("customers:\n  age: {type: integer, minimum: 18}\n")
    assert load_contracts(path)["customers"].columns["age"].minimum == 18
    path.write_text("customers:\n  age: {typ: integer}\n")
    with pytest.raises(
        ValueError, match=r"contracts.yml: contract customers: column 'age': unknown rule 'typ'"
    ):
        load_contracts(path)
    path.write_text("- 1\n")
    with pytest.raises(ValueError, match="a mapping of tables"):
        load_contracts(path)
    with pytest.raises(FileNotFoundError, match=r"absent.yml"):
        load_contracts(tmp_path / "absent.yml")


def test_empty_date_column_still_gives_a_contract():
    frame = pd.DataFrame({"d": pd.to_datetime([None, None]), "n": [np.nan, np.nan]})
    contract = infer_contract(frame, "t")
    assert contract.columns["d"] == ColumnRule("date", nullable=True)
    assert contract.columns["n"] == ColumnRule("number", nullable=True)


DAYS = pd.to_datetime(["2024-01-01 10:00:00.0", None, "2024-01-02 15:30:00.5"])
MASKED = (
    "Int8",
    "Int64",
    "UInt16",
    "Float32",
    "Float64",
    "int64[pyarrow]",
    "uint8[pyarrow]",
    "double[pyarrow]",
)
COLUMNS = {
    "float": pd.Series([1.5, None, 3]),
    "float32": pd.Series([0.1, None, 3], dtype="float32"),
    "int8": pd.Series([1, 2, 3], dtype="int8"),
    "uint64": pd.Series([1, 2**64 - 1, 3], dtype="uint64"),
    "bool": pd.Series([True, False, True]),
    "bool with a gap": pd.Series([True, None, False], dtype=object),
    "days": pd.Series(DAYS),
    "zoned": pd.Series(DAYS.tz_localize("Europe/Berlin")),
    "far days": pd.Series(["2024-01-01", "9999-12-31", None]).astype("datetime64[s]"),
    "date objects": pd.Series([dt.date(2024, 1, 1), None, dt.date(9999, 12, 31)]),
    "decimals": pd.Series([Decimal("1.10"), None, Decimal("2.20")]),
    "text": pd.Series(["yes", None, "no"]),
    "empty": pd.Series([None, None, None], dtype=object),
    "sparse": pd.arrays.SparseArray([1.0, np.nan, 2.0]),
    "infinite": pd.Series([1.0, np.inf, -np.inf]),
    **{name: pd.Series([1, None, 3], dtype=name) for name in MASKED},
    "large Int64": pd.Series([2**53 + 1, None, 2**53 + 3], dtype="Int64"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "string": pd.Series(["a", None, "b"], dtype="string"),
    "string[pyarrow]": pd.Series(["a", None, "b"], dtype="string[pyarrow]"),
    **{f"category of {name}": pd.Series(pd.Categorical(values)) for name, values in {
        "text": ["a", None, "b"], "numbers": [1, None, 3], "bools": [True, None, False], "days": list(DAYS),
    }.items()},
    "bool[pyarrow]": pd.Series([True, None, False], dtype="bool[pyarrow]"),
    "date32[pyarrow]": pd.Series([dt.date(2024, 1, 1), None], dtype="date32[day][pyarrow]"),
    "timestamp[pyarrow]": pd.Series(DAYS).astype("timestamp[us][pyarrow]"),
    "zoned[pyarrow]": pd.Series(DAYS.tz_localize("UTC")).astype("timestamp[ns, UTC][pyarrow]"),
}  # fmt: skip


def arrow(values, kind):
    import pyarrow as pa

    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, type=kind)))


def arrow_columns():
    import pyarrow as pa

    return {
        "decimal[pyarrow]": arrow([Decimal("1.10"), None, Decimal("2.20")], pa.decimal128(5, 2)),
        "dictionary[pyarrow]": arrow(["a", None, "b"], pa.dictionary(pa.int32(), pa.string())),
        "large_string[pyarrow]": arrow(["a", None, "b"], pa.large_string()),
        "null[pyarrow]": arrow([None, None, None], pa.null()),
    }


@pytest.mark.parametrize("name", [*COLUMNS, *arrow_columns()])
def test_an_inferred_contract_accepts_its_own_frame(name):
    frame = pd.DataFrame({"x": (COLUMNS | arrow_columns())[name]})
    contract = infer_contract(frame, "t")
    assert contract.check(frame) is frame
    assert broken_rules(frame, contract) == {}
    again = Contract.from_dict("t", yaml.safe_load(yaml.safe_dump(contract.to_dict())))
    assert again.failures(frame).empty


@pytest.mark.parametrize("name", ["boolean", "bool[pyarrow]", "bool with a gap", "category of bools"])
def test_truth_values_with_gaps_are_booleans(name):
    rule = infer_contract(pd.DataFrame({"x": COLUMNS[name]}), "t").columns["x"]
    assert rule == ColumnRule("boolean", nullable=True)


@pytest.mark.parametrize(
    "values",
    [
        [1, "a", 2.5],
        [[1], [2]],
        [b"a", b"b"],
        pd.to_timedelta(["1h", "2h"]),
        pd.period_range("2024", periods=2, freq="Y"),
        [1j, 2j],
        pd.interval_range(0, 2),
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01", tz="UTC")],
    ],
    ids=str,
)
def test_a_column_without_a_type_of_contracts_is_refused_by_name(values):
    with pytest.raises(ContractError, match="column 'odd': its rules cannot be applied"):
        infer_contract(pd.DataFrame({"odd": values}), "t")


@pytest.mark.parametrize(
    "values", [[1.0, 200.0], pd.array([1, 200], dtype="Int64"), pd.Categorical([1, 200])]
)
def test_a_broken_limit_is_found_in_every_type(values):
    contract = Contract("t", {"n": ColumnRule("integer", maximum=100)})
    frame = pd.DataFrame({"n": values})
    assert contract.failures(frame)[["row", "rule"]].to_numpy().tolist() == [[1, "above 100"]]
    assert {key: rows.tolist() for key, rows in broken_rules(frame, contract).items()} == {
        ("n", "above 100"): [1]
    }


def test_dates_of_one_zone_are_compared_with_limits_in_that_zone():
    zoned = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"])).dt.tz_localize("Europe/Berlin")
    frame = pd.DataFrame({"d": zoned})
    contract = Contract("t", {"d": ColumnRule("date", minimum="2024-01-02")})
    assert contract.failures(frame)["row"].tolist() == [0]
    assert broken_rules(frame, contract)["d", "below 2024-01-02"].tolist() == [0]


def test_columns_with_whole_numbers_as_names_are_judged():
    frame = pd.DataFrame({0: [1, 2], 1: ["a", "b"]})
    contract = infer_contract(frame, "t")
    assert contract.check(frame) is frame
    broken = frame.replace({0: {2: 300}})
    assert contract.split(broken)[1]["reason"].tolist() == ["0 above 2"]
    assert quality_report(broken, contract=contract, key=0).scores["uniqueness"] == 1
    with pytest.raises(ContractError, match="column 0 is missing; column 2 is not"):
        contract.failures(frame.rename(columns={0: 2}))


@pytest.mark.parametrize("how", [Contract.failures, lambda contract, frame: broken_rules(frame, contract)])
def test_a_rule_that_cannot_be_applied_names_its_column(how):
    lists = pd.DataFrame({"good": [1, 2], "odd": [[1], [2]]})
    contract = Contract("t", {"good": ColumnRule("integer"), "odd": ColumnRule("text", unique=True)})
    with pytest.raises(ContractError, match="t: column 'odd': its rules cannot be applied"):
        how(contract, lists)
    naive = pd.DataFrame({"odd": pd.to_datetime(["2024-01-01"])})
    contract = Contract("t", {"odd": ColumnRule("date", minimum="2024-01-01T00:00:00+00:00")})
    with pytest.raises(ContractError, match=r"column 'odd': .*time zone"):
        how(contract, naive)


@pytest.mark.parametrize("word", ["today", "now"])
def test_words_for_the_moment_of_the_run_are_no_dates_of_a_contract(word):
    contract, frame = Contract("t", {"d": ColumnRule("date")}), pd.DataFrame({"d": [word]})
    assert contract.failures(frame)["rule"].tolist() == ["no date"]
    assert list(broken_rules(frame, contract)) == [("d", "no date")]
    with pytest.raises(ValueError, match="is no date"):
        ColumnRule("date", minimum=word)


def test_yes_and_no_stay_texts_in_yaml(tmp_path):
    path = tmp_path / "contracts.yml"
    path.write_text("t:\n  x: {type: text, choices: [yes, no, on, off], nullable: true}\n")
    rule = load_contracts(path)["t"].columns["x"]
    assert rule.choices == ("yes", "no", "on", "off")
    assert rule.nullable is True
    path.write_text(yaml.safe_dump({"t": Contract("t", {"x": rule}).to_dict()}))
    assert load_contracts(path)["t"].columns["x"] == rule


def test_choices_that_yaml_made_something_else_are_refused(tmp_path):
    path = tmp_path / "contracts.yml"
    path.write_text("t:\n  x: {type: text, choices: [a, 2024-01-01]}\n")
    with pytest.raises(
        ValueError, match=r"contracts.yml: contract t: column 'x': choice .* put it in quotes"
    ):
        load_contracts(path)
    path.write_text("t: {x: [}\n")
    with pytest.raises(ValueError, match=r"contracts.yml: not YAML"):
        load_contracts(path)


@pytest.mark.parametrize(
    ("kind", "limit", "message"), [("integer", "5", "no number"), ("date", 20240101, "no date")]
)
def test_a_limit_of_another_type_is_refused(kind, limit, message):
    with pytest.raises(ValueError, match=f"column 'n': minimum .* is {message}"):
        Contract.from_dict("t", {"n": {"type": kind, "minimum": limit}})


@pytest.mark.parametrize("pattern", ["a{,2}", "a{1,2000}", "(a{900}){900}", "a{2}", "a{2,}", "a{x}", "a{"])
def test_a_count_in_a_pattern_has_one_verdict(pattern):
    contract = Contract("t", {"x": ColumnRule("text", pattern=pattern, nullable=True)})
    frame = pd.DataFrame({"x": ["", "a", "aa", "aaa", "a{,2}", "a{x}", "a{", None]})
    rows = contract.failures(frame)["row"].tolist()
    found = broken_rules(frame, contract).get(("x", "of another form"), np.array([]))
    assert found.tolist() == rows
    report = quality_report(frame, contract=contract)
    assert sum(check.failed for check in report.checks if check.dimension == "validity") == len(rows)


def test_a_pattern_that_is_no_regular_expression_is_refused_by_name():
    with pytest.raises(ValueError, match=r"column 'x': pattern 'a\{2,1\}' is no regular expression"):
        Contract.from_dict("t", {"x": {"type": "text", "pattern": "a{2,1}"}})


def test_a_column_named_reason_stays_beside_the_reasons():
    contract = Contract("t", {"n": ColumnRule("integer", maximum=9), "reason": ColumnRule("text")})
    good, bad = contract.split(pd.DataFrame({"n": [1, 10], "reason": ["a", "b"]}))
    assert good["reason"].tolist() == ["a"]
    assert bad.to_dict("records") == [{"n": 10, "reason": "b", "contract_reason": "n above 9"}]


def test_doubled_names_are_refused_by_contracts():
    frame = pd.DataFrame([[1, 2]], columns=["twin", "twin"])
    for call in (
        lambda: infer_contract(frame, "t"),
        lambda: Contract("t", {"twin": ColumnRule("integer")}).failures(frame),
        lambda: broken_rules(frame, Contract("t", {"twin": ColumnRule("integer")})),
    ):
        with pytest.raises(ValueError, match="column 'twin' stands there twice"):
            call()
