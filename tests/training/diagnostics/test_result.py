import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.training.diagnostics import (
    learning_curve,
    validation_curve,
)


def bend(X):
    return np.asarray(X)[:, 0] ** 2


def draw(rng, n=30, sd=0.3):
    X = rng.uniform(-1, 1, (n, 1))
    return X, bend(X) + sd * rng.standard_normal(n)


@pytest.fixture(scope="module")
def regression():
    return draw(np.random.default_rng(1), n=200)


@pytest.fixture(scope="module")
def depths(rows):
    return validation_curve(
        DecisionTreeClassifier(random_state=0), *rows, param="max_depth", values=[1, 3, None], cv=4
    )


@pytest.fixture(scope="module")
def tree_curve(rows):
    model = DecisionTreeClassifier(random_state=0)
    return learning_curve(model, *rows, train_sizes=[40, 0.5, 240], cv=5, scoring="accuracy")


def test_gap_is_the_difference_of_the_two_scores(tree_curve):
    table = tree_curve.table
    assert np.allclose(table["gap"], table["train"] - table["validation"])
    assert (table["gap_low"] <= table["gap"]).all() and (table["gap"] <= table["gap_high"]).all()
    assert np.allclose(table["validation_sd"], tree_curve.validation.std(axis=1))


def test_change_is_paired_by_fold_and_zero_to_itself(tree_curve):
    assert tree_curve.change(40, 40) == (0.0, 0.0, 0.0)
    value, low, high = tree_curve.change(40, 240)
    means = tree_curve.validation.mean(axis=1)
    assert value == pytest.approx(means[240] - means[40]) and low < value < high


def test_unknown_point_is_named(tree_curve):
    with pytest.raises(ValueError, match="no point 41"):
        tree_curve.change(41, 240)


def test_higher_level_gives_a_wider_interval(rows):
    model = DecisionTreeClassifier(max_depth=2, random_state=0)
    narrow, wide = (
        learning_curve(model, *rows, train_sizes=[0.5, 1.0], cv=3, level=level).table for level in (0.8, 0.99)
    )
    assert (wide["gap_high"] - wide["gap_low"] > narrow["gap_high"] - narrow["gap_low"]).all()


def test_best_is_the_highest_mean(depths):
    assert depths.best == depths.table["validation"].idxmax()


def test_plots_return_the_axes_they_were_given(tree_curve, depths, regression):
    _, ax = plt.subplots()
    assert tree_curve.plot(ax) is ax and ax.get_xlabel() == "training rows"
    ticks = [label.get_text() for label in depths.plot().get_xticklabels()]
    assert ticks == ["1", "3", "None"]
    wide = validation_curve(Ridge(), *regression, param="alpha", values=[0.01, 1.0, 100.0])
    assert wide.plot().get_xscale() == "log"
    assert tree_curve.plot().get_xscale() == "linear"
    plt.close("all")
