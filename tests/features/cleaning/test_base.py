"""What the cleaners share: codes of different values, measures, and parameters by column."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.features.cleaning.base import (
    by_column,
    check_choice,
    check_missing,
    is_blank,
    levels,
    measures,
    stack,
)

FRAME = pd.DataFrame({"n": [1, 2], "day": pd.to_datetime(["2024-01-01", None])})


def test_levels_come_in_the_order_of_their_first_row():
    codes, found = levels(pd.Series(["b", None, "a", "b"]), "x")
    assert codes.tolist() == [0, -1, 1, 0]
    assert found == ["b", "a"]


def test_texts_that_differ_behind_a_nul_are_two_levels():
    codes, found = levels(pd.Series(["a\0x", "a\0y", None]), "x")
    assert codes.tolist() == [0, 1, -1]
    assert found == ["a\0x", "a\0y"]


def test_a_container_is_refused_by_name():
    with pytest.raises(TypeError, match="column 'x': argument must be a string or a number"):
        levels(pd.Series([[1], [2]]), "x")


def test_a_missing_date_is_a_missing_measure():
    assert measures(FRAME, 0).tolist() == [1.0, 2.0]
    found = measures(FRAME, 1)
    assert found[0] == pd.Timestamp("2024-01-01").value
    assert np.isnan(found[1])


def test_spellings_of_a_gap_are_compared_without_spaces():
    assert check_missing([" ? ", ""]) == ("?", "")
    assert is_blank(" ? ", ("?",))
    assert not is_blank("??", ("?",))
    for wrong in ("?", [1]):
        with pytest.raises(TypeError, match="give a list of texts"):
            check_missing(wrong)


def test_a_choice_is_one_of_its_values():
    check_choice("clip", ("clip", "drop"), "action")
    with pytest.raises(ValueError, match="action must be one of 'clip', 'drop', got 'cut'"):
        check_choice("cut", ("clip", "drop"), "action")


def test_parameters_by_column_are_keyed_by_its_place():
    assert by_column(None, FRAME, "limits") == {}
    assert by_column({"day": 3}, FRAME, "limits") == {1: 3}
    with pytest.raises(TypeError, match="limits: give a mapping by column, got list"):
        by_column([3], FRAME, "limits")
    with pytest.raises(ValueError, match="limits"):
        by_column({"dya": 3}, FRAME, "limits")


def test_columns_stand_side_by_side_in_one_type():
    found = stack([np.array([1, 2]), np.array([3, 4])], 2, float)
    assert found.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert stack([], 2, float).shape == (2, 0)
