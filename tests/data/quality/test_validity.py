from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.data import load
from mlhelpers.data.contracts import Contract
from mlhelpers.data.quality import (
    broken_rules,
)


def contract(**columns):
    return Contract.from_dict("table", columns)


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
