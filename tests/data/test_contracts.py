import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.data.contracts import (
    ColumnRule,
    Contract,
    ContractError,
    infer_contract,
    load_contracts,
)

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
