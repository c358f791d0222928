import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.model_selection import validation_curve as sklearn_validation_curve
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.training.diagnostics import (
    complexity_curve,
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


def test_learning_curve_has_the_sizes_asked_for_in_rows(tree_curve):
    assert tree_curve.validation.index.tolist() == [40, 120, 240]
    assert tree_curve.name == "train_size" and tree_curve.scoring == "accuracy"


def test_a_deep_tree_learns_every_training_row(tree_curve):
    assert (tree_curve.train == 1.0).all(axis=None)


def test_scores_agree_with_scikit_learn_on_the_same_folds(regression):
    X, y = regression
    folds = list(KFold(4, shuffle=True, random_state=3).split(X))
    ours = validation_curve(
        Ridge(), X, y, param="alpha", values=[0.1, 10.0], cv=KFold(4, shuffle=True, random_state=3)
    )
    train, test = sklearn_validation_curve(
        Ridge(), X, y, param_name="alpha", param_range=[0.1, 10.0], cv=folds
    )
    assert np.allclose(ours.train, train) and np.allclose(ours.validation, test)


def test_complexity_curve_equals_the_validation_curve_of_the_same_models(rows, depths):
    models = {depth: DecisionTreeClassifier(max_depth=depth, random_state=0) for depth in (1, 3)}
    curve = complexity_curve(models, *rows, name="depth", cv=4)
    assert np.allclose(curve.validation, depths.validation.iloc[:2])
    assert curve.name == "depth" and curve.kind == "complexity"


def test_values_that_are_no_numbers_are_named_by_their_text(depths):
    assert depths.validation.index.tolist() == ["1", "3", "None"]


def test_same_seed_same_curve(rows):
    model = LogisticRegression()
    first, again, other = (
        learning_curve(model, *rows, train_sizes=[30, 60], cv=3, random_state=seed) for seed in (0, 0, 1)
    )
    assert first.validation.equals(again.validation) and not first.validation.equals(other.validation)


@pytest.mark.parametrize("sizes", [[50], [100, 50], [50, 50], [0, 10], [10, 1000], [0.5, 1.5], [True, 20]])
def test_training_sizes_that_do_not_fit_are_named(rows, sizes):
    with pytest.raises(ValueError, match="train_sizes"):
        learning_curve(LogisticRegression(), *rows, train_sizes=sizes)


def test_unknown_parameter_is_named(rows):
    with pytest.raises(ValueError, match="param='depth'"):
        validation_curve(DecisionTreeClassifier(), *rows, param="depth", values=[1, 2])


@pytest.mark.parametrize("values", [[1], [2, 2]])
def test_too_few_values_are_refused(rows, values):
    with pytest.raises(ValueError, match="values must hold"):
        validation_curve(DecisionTreeClassifier(), *rows, param="max_depth", values=values)


def test_a_single_model_is_refused(rows):
    with pytest.raises(ValueError, match="models must hold"):
        complexity_curve({"one": LogisticRegression()}, *rows)


def test_a_fit_that_fails_is_not_hidden(rows):
    with pytest.raises(ValueError):
        validation_curve(LogisticRegression(), *rows, param="C", values=[1.0, -1.0], cv=3)
