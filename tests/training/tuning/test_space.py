import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.training.tuning import (
    check_space,
    grid_points,
    random_points,
)

SPACE = {"learning_rate": ("float", 0.01, 1.0, "log"), "max_leaf_nodes": ("int", 2, 16, "log")}


def boosting():
    return HistGradientBoostingClassifier(early_stopping=False, max_bins=16, random_state=0)


@given(
    low=st.floats(1e-6, 1e3),
    factor=st.floats(1.5, 1e4),
    log=st.booleans(),
    kind=st.sampled_from(["float", "int"]),
)
@settings(max_examples=60, deadline=None)
def test_points_never_leave_their_range(low, factor, log, kind):
    low, high = (low, low * factor) if kind == "float" else (int(low) + 1, int(low * factor) + 3)
    space = {"p": (kind, low, high, "log" if log else "linear")}
    stream = random_points(space, random_state=0)
    drawn = [next(stream)["p"] for _ in range(20)]
    grid = grid_points(space, 4)["p"]
    for value in (*drawn, *grid):
        assert low <= value <= high and isinstance(value, float if kind == "float" else int)
    assert grid[0] == low and grid[-1] == high and len(grid) <= 4


def test_log_scale_gives_each_decade_the_same_share():
    stream = random_points({"p": ("float", 1e-3, 1.0, "log")}, random_state=0)
    drawn = np.log10([next(stream)["p"] for _ in range(3000)])
    assert np.allclose(np.histogram(drawn, bins=[-3, -2, -1, 0])[0] / 3000, 1 / 3, atol=0.03)


def test_whole_numbers_are_equally_likely_in_linear_scale():
    stream = random_points({"p": ("int", 1, 4)}, random_state=0)
    shares = pd.Series([next(stream)["p"] for _ in range(4000)]).value_counts(normalize=True)
    assert set(shares.index) == {1, 2, 3, 4} and np.allclose(shares, 0.25, atol=0.03)


def test_grid_stays_below_the_number_of_points():
    space = {"a": ("float", 0.1, 10, "log"), "b": ("int", 1, 3), "c": ("choice", ["x", "y"])}
    grid = grid_points(space, 30)
    assert grid["a"][0] == 0.1 and grid["a"][-1] == 10 and grid["b"] == [1, 2, 3] and grid["c"] == ["x", "y"]
    assert np.prod([len(values) for values in grid.values()]) <= 30
    assert np.isclose(grid["a"][1] / grid["a"][0], grid["a"][2] / grid["a"][1])


def test_a_checked_space_can_be_checked_again():
    checked = check_space(SPACE | {"x": ("choice", [1, 2])})
    assert check_space(checked) == checked


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("float", 1, 1), "low 1 must be below high 1"),
        (("float", 0, 1, "log"), "log scale needs low above 0"),
        (("int", 1, 2.5), "no finite number of kind int"),
        (("float", 0, float("inf")), "no finite number"),
        (("float", False, 1), "no finite number"),
        (("float", 1), "is no entry"),
        (("float", 1, 2, "ln"), "is no entry"),
        (("real", 1, 2), "is no entry"),
        ([1, 2, 3], "is no entry"),
        (("choice", []), "at least one value"),
        (("choice", "auto"), "at least one value"),
    ],
)
def test_a_wrong_entry_is_named(entry, message):
    with pytest.raises(ValueError, match=message) as error:
        check_space({"C": entry})
    assert str(error.value).startswith("C: ")


def test_an_unknown_parameter_is_named_with_the_nearest_one(rows):
    with pytest.raises(ValueError, match="did you mean 'learning_rate'"):
        check_space({"learnin_rate": ("float", 0.1, 1)}, boosting())
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    with pytest.raises(ValueError, match="did you mean 'logisticregression__C'"):
        check_space({"C": ("float", 0.1, 1)}, pipeline)
    with pytest.raises(ValueError, match="it has alpha, "):
        check_space({"zzz": ("float", 0.1, 1)}, Ridge())
    with pytest.raises(ValueError, match="empty"):
        check_space({})
