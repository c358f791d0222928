"""What the judge compares and replaces by a student's values."""

import numpy as np
import pandas as pd

from mlhelpers.course.exercises.judge import names_of, replace, same

TODAY = pd.Timestamp("2025-05-31 10:00", tz="Europe/Berlin")


FRAME = pd.DataFrame(
    {
        "n": [1, 2],
        "x": [0.5, np.nan],
        "text": ["a", None],
        "day": pd.to_datetime(["2025-01-01", None]),
        "zone": pd.Series([TODAY, TODAY]),
        "kind": pd.Categorical(["b", "a"], categories=["b", "a"], ordered=True),
        "whole": pd.array([1, None], dtype="Int64"),
        "name": pd.array(["a", None], dtype="string"),
    },
    index=pd.Index(["r1", "r2"], name="row"),
)


def test_changed_arguments_are_told_apart_and_replaced_in_place():
    for old, new in (([1], [2]), ({"a": 1}, {"b": 1}), (np.array([1]), np.array([2])), ({1}, {2})):
        assert not same(old, new)
        assert replace(old, new)
        assert same(old, new)
    frame = FRAME.copy()
    assert same(frame, FRAME.copy())
    assert not same(frame, FRAME.assign(n=0))
    assert replace(frame, FRAME.assign(n=0))
    assert frame["n"].tolist() == [0, 0]
    assert not replace((1,), (2,))


def test_names_of_a_cell():
    source = "import os\nx, (y, z) = 1, (2, 3)\ndef f():\n    inner = 1\nclass C: pass\nfor n in []: pass"
    assert names_of(source) == ["x", "y", "z", "f", "C", "n"]
