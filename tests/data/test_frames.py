"""Promises about names of columns wherever a frame comes in."""

import pandas as pd
import pytest

from mlhelpers.data.contracts import Contract, data_dictionary, to_expectations, to_records, validate_suite
from mlhelpers.data.explore import outlier_table
from mlhelpers.data.frames import as_columns, require_unique_columns
from mlhelpers.data.missing import compare_imputations, little_mcar_test
from mlhelpers.data.quality import quality_report

TWINS = pd.DataFrame([[1.0, 2.0], [3.0, None]], columns=["twin", "twin"])
CARD = pd.DataFrame({"column": ["twin"], "unit": [""], "meaning": [""]})
CONTRACT = Contract.from_dict("t", {"twin": {"type": "number"}})


@pytest.mark.parametrize(
    "call",
    [
        require_unique_columns,
        to_records,
        lambda frame: data_dictionary(frame, CONTRACT, CARD),
        lambda frame: validate_suite(to_expectations(CONTRACT), frame),
        little_mcar_test,
        lambda frame: compare_imputations(frame, pd.Series([0, 1]), column="twin"),
        outlier_table,
        quality_report,
        CONTRACT.split,
    ],
)
def test_doubled_names_are_refused_by_name(call):
    with pytest.raises(ValueError, match="column 'twin' stands there twice"):
        call(TWINS)


def test_every_doubled_name_is_listed_once():
    frame = pd.DataFrame([[1, 2, 3, 4, 5]], columns=["a", "b", "a", "b", "a"])
    with pytest.raises(ValueError, match=r"bills.csv: column 'a', 'b' stands there twice"):
        require_unique_columns(frame, "bills.csv")


@pytest.mark.parametrize(
    ("given", "columns"), [(None, []), (0, [0]), ("ab", ["ab"]), (["a", 0], ["a", 0]), (("a",), ["a"])]
)
def test_a_name_or_several_become_a_list(given, columns):
    assert as_columns(given) == columns


def test_columns_picked_from_doubled_ones_are_told_apart():
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    assert not frame.columns.is_unique  # asked first, pandas carries this answer over to the columns picked
    require_unique_columns(frame.iloc[:, 1:])
