"""Small inputs with answers known by hand, one for each kind of fault that was found."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from mlhelpers.data.contracts import ContractError, infer_contract, load_contracts
from mlhelpers.data.quality import Compare, quality_report
from mlhelpers.data.sources import SourceError, read_csv, read_events

CSV_FAULTS = {
    "integer outside int64": ("id,n\n1,18446744073709551615\n", {"n": "integer"}, r"'n'.*row 2"),
    "trailing delimiter": (
        "a,b\nx,y,\n",
        {"a": "text"},
        "line 2 has 3 cells",
    ),
    "short row": ("a,b\n7,basic\n8\n", {"a": "integer"}, "line 3 has 1 cells, the header 2"),
    "long row": ("a,b\n7,x,y\n", {"a": "integer"}, "unquoted commas"),
    "doubled header": ("id,n,n\n1,2,3\n", {"id": "integer"}, "names 'n' more than once"),
    "today": ("day\ntoday\n", {"day": "date"}, "'day'.*'today' in row 2"),
    "now": ("day\nnow\n", {"day": "date"}, "'day'"),
    "two offsets": (
        "t\n2024-01-01T10:00:00+01:00\n2024-01-01T10:00:00Z\n",
        {"t": "date"},
        "more than one UTC",
    ),
    "far date": ("day\n9999-12-31\n", {"day": "date"}, "after 2262-04-11"),
}


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "rows.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("fault", CSV_FAULTS)
def test_fault_of_a_csv_file_is_named(file, fault):
    text, columns, message = CSV_FAULTS[fault]
    with pytest.raises(SourceError, match=message):
        read_csv(file(text), columns=columns)


def test_long_ids_stay_distinct_with_and_without_a_gap(file):
    for rows, dtype in (
        ("9007199254740993\n9007199254740992\n", "int64"),
        ('9007199254740993\n9007199254740992\n""\n', "Int64"),
    ):
        frame, _ = read_csv(file(f"id\n{rows}"), columns={"id": "integer"})
        assert frame["id"].dropna().tolist() == [9007199254740993, 9007199254740992]
        assert frame["id"].dtype == dtype


def test_short_integers_with_a_gap_are_floats_as_before(file):
    frame, _ = read_csv(file("id,a\n1,x\n,y\n"), columns={"id": "integer"})
    assert frame["id"].dtype == "float64"


def test_spellings_of_a_gap_can_be_named(file):
    frame, _ = read_csv(
        file("n,day\n1,?\n?,9999-12-31\n"),
        columns={"n": "number", "day": "date"},
        missing=["?", "9999-12-31"],
    )
    assert frame.isna().sum().tolist() == [1, 2]


def test_separators_inside_a_text_do_not_end_an_event(file):
    path = file('{"id": 1, "note": "one\u2028two"}\n{"id": 2, "note": "three\x85four"}\n')
    frame, _ = read_events(path, columns={"id": "integer", "note": "text"})
    assert frame["note"].tolist() == ["one\u2028two", "three\x85four"]


GOOD = {
    "moments": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 15:30"]),
    "zoned": pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True),
    "dates with a gap": pd.to_datetime(["2024-01-01", None]),
    "switch with a gap": pd.array([True, None, False], dtype="object"),
    "boolean": pd.array([True, None], dtype="boolean"),
    "date objects": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
    "decimals": [Decimal("1.10"), Decimal("2.20")],
    "number categories": pd.Categorical([1, 2, 1]),
    "number categories with a gap": pd.Categorical([1, None, 1]),
    "text categories": pd.Categorical(["a", None, "b"]),
    "nullable integers": pd.array([1, None, 3], dtype="Int64"),
    "nullable floats": pd.array([1.5, None, 3], dtype="Float64"),
    "texts": pd.array(["a", None], dtype="string"),
    "arrow integers": pd.array([1, None], dtype="int64[pyarrow]"),
    "arrow texts": pd.array(["a", None], dtype="string[pyarrow]"),
    "float32": np.array([0.1, 0.7], dtype=np.float32),
    "uint8": np.array([0, 255], dtype=np.uint8),
    "all missing": [None, None],
}


@pytest.mark.parametrize("kind", GOOD)
def test_an_inferred_contract_accepts_its_own_frame(kind):
    frame = pd.DataFrame({"x": pd.Series(GOOD[kind])})
    contract = infer_contract(frame, "t")
    assert contract.failures(frame).empty


@pytest.mark.parametrize(
    "values", [[1, "a", 2.5], [b"a"], [[1], [2]], pd.to_timedelta(["1D"]), np.array([1j])], ids=str
)
def test_a_column_without_a_type_of_contract_is_refused_by_name(values):
    with pytest.raises(ValueError, match="column 'x'"):
        infer_contract(pd.DataFrame({"x": pd.Series(values)}), "t")


def test_columns_may_be_named_by_integers():
    frame = pd.DataFrame({0: [1, 2], 1: ["a", "b"]})
    contract = infer_contract(frame, "t")
    assert contract.failures(frame).empty
    assert contract.split(pd.DataFrame({0: [1, 9], 1: ["a", "b"]}))[1]["reason"].tolist() == ["0 above 2"]


def test_a_column_named_reason_is_kept():
    frame = pd.DataFrame({"n": [1, 2, 3], "reason": ["a", "b", "a"]})
    good, bad = infer_contract(frame, "t").split(frame.assign(n=[1, 200, 3]))
    assert [*good["reason"], *bad["reason"]] == ["a", "a", "b"]
    assert bad["contract_reason"].tolist() == ["n above 3"]


def test_the_words_now_and_today_are_no_dates_of_a_contract():
    contract = infer_contract(pd.DataFrame({"day": pd.to_datetime(["2024-01-01"])}), "t")
    assert contract.failures(pd.DataFrame({"day": ["today"]}))["rule"].tolist() == ["no date"]


def test_choices_yes_and_no_of_a_file_are_texts(tmp_path):
    path = tmp_path / "contracts.yml"
    path.write_text("t:\n  answer: {type: text, choices: [yes, no], nullable: true}\n")
    contract = load_contracts(path)["t"]
    assert contract.columns["answer"].choices == ("yes", "no")
    assert contract.failures(pd.DataFrame({"answer": ["yes", "no", None]})).empty


def test_doubled_columns_are_refused_by_a_contract():
    frame = pd.DataFrame([[1, 2]], columns=["n", "n"])
    contract = infer_contract(pd.DataFrame({"n": [1]}), "t")
    with pytest.raises(ContractError, match="more than one column named n"):
        contract.failures(frame)


def test_numbers_kept_as_text_are_not_compared_letter_by_letter():
    frame = pd.DataFrame({"low": ["9", "2"], "high": ["10", "30"]})
    with pytest.raises(ValueError, match="'low', 'high' hold numbers as text"):
        quality_report(frame, rules=[Compare("low", "<=", "high")])
    words = pd.DataFrame({"low": ["a", "c"], "high": ["b", "b"]})
    assert Compare("low", "<=", "high").test(words)[1].tolist() == [True, False]
