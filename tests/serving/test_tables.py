"""A table is read column by column with the verdicts, words and codes of the row reader."""

import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.packaging.rows import RowReader, value_of_cell
from mlhelpers.serving.tables import TableReader

SIGNATURE = [
    {"name": "charge", "type": "number", "min": 0.0, "max": 100.0, "nullable": True, "categories": None},
    {"name": "late", "type": "integer", "min": 0, "max": 9, "nullable": False, "categories": None},
    {"name": "contract", "type": "category", "nullable": True, "categories": ["monthly", "1", "True"]},
    {"name": "region", "type": "category", "nullable": False, "categories": ["north", "5"]},
]
for column in SIGNATURE:
    column.setdefault("min", None), column.setdefault("max", None), column.setdefault("unit", None)
POLICIES = [{}, {"charge": "clip", "contract": "missing"}, {"charge": "missing", "late": "clip"}]

cells = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "5",
            " 7 ",
            "5.0",
            "1.50",
            "-1",
            "+3",
            "1e1",
            "1e400",
            "nan",
            "inf",
            "0x10",
            "1_0",
            "007",
            "٣",
        ]
    ),
    st.sampled_from(
        ["monthly", " monthly", "1", "1.0", "True", "north", "Nord", "5.", "99999999999999999999"]
    ),
    st.floats(-5, 120).map(str),
    st.text(max_size=3).filter(lambda text: "\x00" not in text),
)


def by_row(rows, policies, first=0):
    codes, problems, changed = RowReader(SIGNATURE, policies=policies, unknown_columns="ignore").read(rows)
    return (
        codes,
        [(p.row + first, p.column, p.problem) for p in problems],
        [(p.row + first, p.column, p.problem) for p in changed],
    )


def by_table(table, policies, **options):
    codes, problems, changed = TableReader(SIGNATURE, policies=policies).read(table, **options)
    return (
        codes,
        [(p.row, p.column, p.problem) for p in problems],
        [(p.row, p.column, p.problem) for p in changed],
    )


def same(found, expected):
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]


@given(st.lists(st.tuples(cells, cells, cells, cells), max_size=12), st.sampled_from(POLICIES))
@settings(max_examples=150, deadline=None)
def test_cells_of_a_csv_file_get_the_verdict_of_the_service(rows, policies):
    names = [column["name"] for column in SIGNATURE]
    columns = {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(names)}
    expected = [dict(zip(names, map(value_of_cell, row), strict=True)) for row in rows]
    same(
        by_table(pa.RecordBatch.from_pydict(columns), policies, text=True, first=40),
        by_row(expected, policies, first=40),
    )


kinds = st.sampled_from(["float", "int", "text", "bool", "mixed", "Int64", "category", "decimal"])


def drawn(kind, data, n):
    numbers = st.one_of(st.integers(-2, 120), st.sampled_from([0.5, 3.0, np.inf, -np.inf]))
    texts = st.sampled_from(["monthly", "north", "1", "5", "True", "x", None])
    if kind == "float":
        return pd.Series(
            data.draw(st.lists(st.one_of(numbers, st.just(np.nan)), min_size=n, max_size=n)), dtype=float
        )
    if kind == "int":
        return pd.Series(data.draw(st.lists(st.integers(-2, 120), min_size=n, max_size=n)), dtype="int64")
    if kind == "Int64":
        cell = st.one_of(st.integers(-2, 12), st.just(pd.NA))
        return pd.Series(data.draw(st.lists(cell, min_size=n, max_size=n)), dtype="Int64")
    if kind == "bool":
        return pd.Series(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    if kind == "decimal":
        cell = st.integers(-1, 11).map(decimal.Decimal)
        return pd.Series(data.draw(st.lists(cell, min_size=n, max_size=n)), dtype=object)
    if kind == "mixed":
        cell = st.one_of(numbers, texts, st.booleans())
        return pd.Series(data.draw(st.lists(cell, min_size=n, max_size=n)), dtype=object)
    words = pd.Series(data.draw(st.lists(texts, min_size=n, max_size=n)), dtype=object)
    return words.astype("category") if kind == "category" else words


@given(st.data(), st.integers(1, 8), st.sampled_from(POLICIES))
@settings(max_examples=150, deadline=None)
def test_frame_of_any_types_gets_the_verdict_of_the_row_reader(data, n, policies):
    frame = pd.DataFrame({column["name"]: drawn(data.draw(kinds), data, n) for column in SIGNATURE})
    plain = frame.astype(object).mask(frame.isna(), None)
    rows = plain.to_dict("records")
    for row in rows:
        for name, value in row.items():
            if isinstance(value, decimal.Decimal):
                row[name] = float(value)
    found, expected = by_table(frame, policies), by_row(rows, policies)
    same(found, expected)


def test_byte_that_is_no_text_is_an_unseen_category():
    broken = pa.array([b"monthly", b"mo\xffnthly"], pa.binary()).view(pa.string())
    batch = pa.RecordBatch.from_pydict(
        {
            "charge": pa.array(["5", "5"]),
            "late": pa.array(["1", "1"]),
            "contract": broken,
            "region": pa.array(["north"] * 2),
        }
    )
    codes, problems, _ = TableReader(SIGNATURE).read(batch, text=True)
    assert codes[0].tolist() == [5, 1, 0, 0]
    assert [(p.row, p.column) for p in problems] == [(1, "contract")]


def test_columns_are_missed_by_name():
    reader = TableReader(SIGNATURE)
    assert reader.missing_columns(["region", "charge"]) == ["late", "contract"]
    with pytest.raises(ValueError, match="column 'late' is missing"):
        reader.read(pd.DataFrame({"charge": [1.0]}))
    doubled = pd.DataFrame([[1, 2]], columns=["charge", "charge"])
    with pytest.raises(ValueError, match="column 'charge' twice"):
        reader.read(doubled)
    table = pa.Table.from_arrays([pa.array([1])] * 2, names=["charge", "charge"])
    with pytest.raises(ValueError, match="column 'charge' twice"):
        reader.read(table)
    with pytest.raises(ValueError, match="column 'charge' is missing"):
        reader.read(pa.table({"late": [1]}))


def test_false_among_numbers_is_no_zero():
    frame = pd.DataFrame({"charge": [0.5, False], "late": [1, 1], "contract": ["1"] * 2, "region": ["5"] * 2})
    frame["charge"] = pd.Series([0.5, False], dtype=object)
    codes, problems, _ = TableReader(SIGNATURE).read(frame)
    assert codes[0, 0] == 0.5 and np.isnan(codes[1, 0])
    assert [(p.row, p.column) for p in problems] == [(1, "charge")]
