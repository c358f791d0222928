"""Parity is about decisions: the eighth digit changes them where scores lie on the threshold."""

import math

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from mlhelpers.packaging import compare

X = pd.DataFrame({"a": [1.0, np.nan, 3.0, 2.0], "b": ["x", "y", "x", "x"]})


def test_equal_answers_are_parity():
    found = compare([0.1, 0.5, 0.9, 0.2], lambda frame: np.array([0.1, 0.5, 0.9, 0.2]), X, threshold=0.5)
    assert found and (found.rows, found.changed, found.near, found.beyond) == (4, 0, 1, 0)
    assert (found.largest, found.threshold, found.tolerance) == (0, 0.5, 1e-6)


def test_smallest_difference_across_the_threshold_is_a_changed_decision():
    found = compare([0.2, 0.2, 0.9, 0.1], [0.2, np.float32(0.2) - 1e-8, 0.9, 0.1], X, threshold=0.2)
    assert not found and found.changed == 1 and found.changed_rows.tolist() == [1]
    assert found.largest < 1e-7 and found.beyond == 0 and found.near == 2


def test_a_row_on_the_threshold_is_positive_on_both_sides():
    assert compare([0.5] * 4, [0.6] * 4, X, threshold=0.5).changed == 0
    assert compare([0.5] * 4, [0.4] * 4, X, threshold=0.5).changed == 4


def test_rounding_both_sides_gives_the_decisions_back():
    old, new = np.full(4, 0.2), np.full(4, 0.2 - 1e-9)
    assert compare(old, new, X, threshold=0.2).changed == 4
    assert compare(old, new, X, threshold=0.2, digits=6).changed == 0


def test_gaps_and_extremes_are_told_apart():
    found = compare([0.1, 0.1, 0.1, 0.1], [0.1, 0.3, 0.2, 0.15], X, threshold=0.5)
    assert math.isclose(found.largest_with_gaps, 0.2) and math.isclose(found.largest_extreme, 0.1)
    assert (found.worst_row, found.beyond) == (1, 3)
    plain = pd.DataFrame({"b": ["x", "y"]})
    none = compare([0.1, 0.2], [0.1, 0.2], plain, threshold=0.5)
    assert math.isnan(none.largest_with_gaps) and math.isnan(none.largest_extreme)


def test_probabilities_are_compared_without_their_rows():
    found = compare(np.array([0.1, 0.9]), np.array([0.1, 0.2]), threshold=0.5)
    assert found.changed == 1 and math.isnan(found.largest_with_gaps)


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        (([], []), {}, "no row to compare"),
        (([0.1], [0.1, 0.2]), {}, r"candidate has shape \(2,\), not \(1,\)"),
        (([0.1, np.nan], [0.1, 0.2]), {}, "reference answers NaN, first in row 1"),
        (([0.1], lambda frame: frame), {}, "give X"),
        (([0.1], [0.1]), {"threshold": 1.5}, "threshold must be from 0 to 1"),
        (([0.1], [0.1]), {"tolerance": -1}, "tolerance must not be negative"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, options, told):
    with pytest.raises(ValueError, match=told):
        compare(*arguments, **{"threshold": 0.5} | options)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0, 1))
@settings(deadline=None)
def test_counts_are_those_of_a_loop(pairs, threshold):
    old, new = map(np.array, zip(*pairs, strict=True))
    found = compare(old, new, threshold=threshold)
    rows = [at for at, (a, b) in enumerate(pairs) if (a >= threshold) != (b >= threshold)]
    assert found.changed_rows.tolist() == rows
    assert found.largest == max(abs(a - b) for a, b in pairs)
    assert found.near == sum(abs(a - threshold) <= 1e-6 for a, _ in pairs)


def test_it_says_what_it_found():
    found = compare([0.2, 0.9], [0.1, 0.9], threshold=0.15)
    said = str(found)
    assert said.startswith("1 decisions change at 0.15 on 2 rows; largest difference 0.1 (row 0); 1 beyond")
    assert "decisions changed" in found._repr_html_()


def test_forest_of_pure_trees_agrees_to_seven_digits_and_decides_otherwise():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3000, 4)), columns=list("abcd"))
    y = (frame["a"] + rng.normal(size=3000) > 0.5).astype(int)
    changed = {}
    for leaf in (1, 5):
        forest = RandomForestClassifier(100, min_samples_leaf=leaf, random_state=0, n_jobs=1)
        forest.fit(frame[:1500], y[:1500])
        values = frame.to_numpy(np.float32)
        graph = skl2onnx.to_onnx(forest, values[:1], options={"zipmap": False})
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        exported = session.run(["probabilities"], {"X": values})[0][1500:, 1]
        rounded = frame.astype(np.float32)  # the same numbers on both sides
        found = compare(forest.predict_proba(rounded[1500:])[:, 1], exported, rounded[1500:], threshold=0.3)
        assert found.largest < 1e-6
        changed[leaf] = found.changed
    assert changed[1] > 0 and changed[5] == 0
