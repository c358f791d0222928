"""Promises of mlhelpers.data.contracts.adapters."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from cerberus import Validator

from mlhelpers.data.contracts import (
    ColumnRule,
    Contract,
    data_dictionary,
    infer_contract,
    to_cerberus,
    to_expectations,
    to_records,
    validate_suite,
)

CONTRACT = Contract(
    "payments",
    {
        "key": ColumnRule("text", pattern="P[0-9]{2}", unique=True),
        "paid": ColumnRule("date", minimum="2024-01-01"),
        "amount": ColumnRule("number", minimum=0, maximum=100),
        "grade": ColumnRule("integer", minimum=1, maximum=5, nullable=True),
        "count": ColumnRule("integer", minimum=0),
        "kind": ColumnRule("text", choices=("card", "cash")),
        "late": ColumnRule("boolean"),
    },
)


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "key": ["P01", "P02", "P03"],
            "paid": pd.to_datetime(["2024-01-01", "2024-02-01", "2025-01-01"]),
            "amount": [0.0, 50.0, 100.0],
            "grade": [1.0, np.nan, 5.0],
            "count": [0, 1, 2],
            "kind": ["card", "cash", "card"],
            "late": [True, False, True],
        }
    )


def broken_frames(frame):
    yield "amount", frame.assign(amount=[0.0, -1.0, 2.0])
    yield "amount", frame.assign(amount=[0.0, np.nan, 2.0])
    yield "amount", frame.assign(amount=["0", "1", "2"])
    yield "paid", frame.assign(paid=pd.to_datetime(["2023-12-31"] * 3))
    yield "kind", frame.assign(kind=["card", "Card", "cash"])
    yield "key", frame.assign(key=["P01", "P022", "P03"])
    yield "grade", frame.assign(grade=[1.5, 2, 3])
    yield "grade", frame.assign(grade=[1.0, 2, 6])
    yield "count", frame.assign(count=[-1, 2, 3])
    yield "late", frame.assign(late=["yes", "no", "no"])


def record_errors(frame):
    validator = Validator(to_cerberus(CONTRACT))
    return {
        name for record in to_records(frame) if not validator.validate(record) for name in validator.errors
    }


def test_a_good_frame_passes_both_tools(frame):
    assert record_errors(frame) == set()
    assert validate_suite(to_expectations(CONTRACT), frame) == []
    assert CONTRACT.failures(frame).empty


@pytest.mark.parametrize("case", range(10))
def test_both_tools_name_the_broken_column(frame, case):
    column, broken = list(broken_frames(frame))[case]
    assert record_errors(broken) == {column}
    failed = validate_suite(to_expectations(CONTRACT), broken)
    assert failed and all(line.startswith(f"{column}: ") for line in failed)
    assert set(CONTRACT.failures(broken)["column"]) == {column}


def test_a_renamed_column_is_rejected(frame):
    renamed = frame.rename(columns={"kind": "sort"})
    assert record_errors(renamed) == {"kind", "sort"}
    assert "table: expect_table_columns_to_match_set" in validate_suite(to_expectations(CONTRACT), renamed)


def test_only_a_tool_that_sees_the_column_finds_a_key_twice(frame):
    twice = frame.assign(key=["P01", "P01", "P02"])
    assert record_errors(twice) == set()
    assert validate_suite(to_expectations(CONTRACT), twice) == ["key: expect_column_values_to_be_unique"]


def test_dates_of_any_resolution_pass(frame):
    seconds = frame.assign(paid=frame["paid"].astype("datetime64[s]"))
    assert validate_suite(to_expectations(CONTRACT), seconds) == []


def test_records_hold_none_for_every_kind_of_gap():
    gaps = pd.DataFrame({"a": [np.nan, 1.5], "b": [None, "x"], "c": [pd.NaT, pd.Timestamp("2024-01-01")]})
    first, second = to_records(gaps)
    assert first == {"a": None, "b": None, "c": None}
    assert second["a"] == 1.5 and isinstance(second["c"], datetime)


def test_extra_expectations_are_added(frame):
    import great_expectations.expectations as gxe

    suite = to_expectations(CONTRACT, extra=[gxe.ExpectTableRowCountToBeBetween(min_value=4)])
    assert validate_suite(suite, frame) == ["table: expect_table_row_count_to_be_between"]


@pytest.fixture
def card(frame):
    return pd.DataFrame({"column": frame.columns, "unit": "-", "meaning": "what it means"})


def test_the_dictionary_holds_rules_units_and_figures(frame, card):
    table = data_dictionary(frame, CONTRACT, card)
    assert list(table.index) == list(CONTRACT.columns)
    allowed = ["P[0-9]{2}", "from 2024-01-01", "from 0 to 100", "from 1 to 5", "from 0", "card, cash", ""]
    assert list(table["allowed"]) == allowed
    assert table.loc["grade", "missing"] == pytest.approx(1 / 3)
    assert table.loc["amount", "median"] == 50
    assert np.isnan(table.loc["kind", "median"])


def test_a_column_without_a_description_is_named(frame, card):
    with pytest.raises(ValueError, match="column 'extra' is not in the contract and the card"):
        data_dictionary(frame.assign(extra=1), CONTRACT, card)
    with pytest.raises(ValueError, match="column 'kind' is not in the card"):
        data_dictionary(frame, CONTRACT, card[card["column"] != "kind"])


PLAIN = pd.DataFrame(
    {
        "count": [1, 2, 3],
        "share": [0.5, 1.5, 2.5],
        "kind": ["a", "b", "c"],
        "late": [True, False, True],
        "paid": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-02-01"]),
    }
)
GAPS = pd.DataFrame(np.eye(3, 5, dtype=bool), columns=PLAIN.columns)
AS_OTHER_TYPES = {
    "pandas": PLAIN.convert_dtypes(),
    "arrow": PLAIN.convert_dtypes(dtype_backend="pyarrow"),
    "gaps": PLAIN.convert_dtypes().mask(GAPS),
    "gaps of arrow": PLAIN.convert_dtypes(dtype_backend="pyarrow").mask(GAPS),
    "categories": PLAIN.assign(kind=PLAIN["kind"].astype("category"), count=pd.Categorical([1, 2, 3])),
    "narrow": PLAIN.astype({"count": "uint8", "share": "float32", "paid": "datetime64[s]"}),
    "zone": PLAIN.assign(paid=PLAIN["paid"].dt.tz_localize("Europe/Berlin")),
}


@pytest.mark.parametrize("frame", AS_OTHER_TYPES.values(), ids=AS_OTHER_TYPES)
def test_a_frame_of_any_type_passes_its_own_contract_in_both_tools(frame):
    contract = infer_contract(frame, "t")
    assert validate_suite(to_expectations(contract), frame) == []
    validator = Validator(to_cerberus(contract))
    assert [validator.errors for record in to_records(frame) if not validator.validate(record)] == []


@pytest.mark.parametrize("name", ["pandas", "arrow", "gaps", "narrow", "zone"])
def test_a_value_out_of_range_fails_in_any_type(name):
    frame = AS_OTHER_TYPES[name]
    contract = infer_contract(frame, "t")
    late = pd.concat([frame, frame.assign(share=99, paid=frame["paid"] + pd.Timedelta(days=60))])
    assert validate_suite(to_expectations(contract), late) == [
        "paid: expect_column_values_to_be_between",
        "share: expect_column_values_to_be_between",
    ]
