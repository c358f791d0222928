import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.training.tuning import (
    SEARCHES,
    random_points,
    tune,
)

SPACE = {"learning_rate": ("float", 0.01, 1.0, "log"), "max_leaf_nodes": ("int", 2, 16, "log")}
BOOSTING = {"resource": "max_iter", "max_resource": 9, "min_resource": 1}
BUDGET = 8 * 9 * 3


def boosting():
    return HistGradientBoostingClassifier(early_stopping=False, max_bins=16, random_state=0)


@pytest.fixture(scope="module")
def found(rows):
    return {name: tune(boosting(), *rows, SPACE, search=name, budget=BUDGET, **BOOSTING) for name in SEARCHES}


@pytest.mark.parametrize("name", SEARCHES)
def test_no_search_spends_more_than_its_budget(found, name):
    search = found[name]
    assert 0 < search.used <= BUDGET == search.budget
    if name in ("random", "bayes", "tpe"):
        assert search.used == BUDGET and len(search.trials) == 8


@pytest.mark.parametrize("name", SEARCHES)
def test_every_point_lies_in_the_space_and_has_plain_types(found, name):
    trials = found[name].trials
    assert trials["learning_rate"].between(0.01, 1.0).all() and trials["max_leaf_nodes"].between(2, 16).all()
    best = found[name].best_params
    assert type(best["learning_rate"]) is float and type(best["max_leaf_nodes"]) is int
    assert (trials["search"] == name).all() and (trials["seconds"] > 0).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_best_score_is_the_cross_validation_of_the_best_params(rows, found, name):
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    winner = boosting().set_params(max_iter=9, **found[name].best_params)
    expected = cross_val_score(winner, *rows, cv=folds, scoring="roc_auc")
    assert np.allclose(found[name].fold_scores.loc[found[name].best_trial], expected)
    assert np.isclose(found[name].best_score, expected.mean())


@pytest.mark.parametrize("name", ["bayes", "tpe", "halving", "hyperband"])
def test_the_same_seed_gives_the_same_trials(rows, found, name):
    again = tune(boosting(), *rows, SPACE, search=name, budget=BUDGET, **BOOSTING)
    assert again.trials.drop(columns="seconds").equals(found[name].trials.drop(columns="seconds"))


def test_another_seed_gives_other_points_on_the_same_folds(rows, found):
    other = tune(boosting(), *rows, SPACE, search="random", budget=BUDGET, random_state=1, **BOOSTING)
    assert not np.isclose(other.trials["learning_rate"], found["random"].trials["learning_rate"]).any()


def test_random_search_visits_the_stream_of_random_points(found):
    stream = random_points(SPACE, random_state=0)
    expected = [next(stream) for _ in range(8)]
    assert found["random"].trials[["learning_rate", "max_leaf_nodes"]].to_dict("records") == expected


def test_hyperband_that_reports_once_is_random_search(rows, found):
    once = tune(boosting(), *rows, SPACE, search="hyperband", reports="once", budget=BUDGET, **BOOSTING)
    same = ["learning_rate", "max_leaf_nodes", "score", "state", "budget"]
    assert once.trials[same].equals(found["random"].trials[same])
    assert once.saved == 0 and once.fold_scores.equals(found["random"].fold_scores)


def test_hyperband_with_rungs_prunes_and_saves(found):
    search = found["hyperband"]
    pruned = search.trials[search.trials["state"] == "pruned"]
    assert len(pruned) and set(pruned["resource"]) <= {1, 3} and 0 < search.saved < 1
    assert (search.trials["budget"] == search.trials["resource"] * 3).all()
    assert (search.complete["resource"] == 9).all() and len(search.trials) > 8


def test_halving_keeps_a_third_in_each_round(found):
    sizes = found["halving"].trials["resource"].value_counts()
    assert list(sizes.index.sort_values()) == [1, 3, 9]
    assert sizes[3] == -(-sizes[1] // 3) and sizes[9] == -(-sizes[3] // 3)
    assert found["halving"].complete["resource"].eq(9).all()


def test_rungs_inside_a_pipeline_go_on_from_the_model_step(rows):
    pipeline = make_pipeline(StandardScaler(), boosting())
    step = "histgradientboostingclassifier__"
    space = {step + name: entry for name, entry in SPACE.items()}
    options = BOOSTING | {"resource": step + "max_iter"}
    search = tune(pipeline, *rows, space, search="hyperband", budget=4 * 27, **options)
    assert search.saved > 0 and len(search.complete)


def test_regression_gets_folds_that_are_not_stratified(rows):
    X, y = rows
    search = tune(Ridge(), X, X["a"] + y, {"alpha": ("float", 0.1, 10, "log")}, budget=6, scoring="r2")
    model = Ridge(alpha=search.best_params["alpha"])
    expected = cross_val_score(model, X, X["a"] + y, cv=KFold(3, shuffle=True, random_state=0), scoring="r2")
    assert np.isclose(search.best_score, expected.mean())


@pytest.mark.parametrize("name", ["grid", "random", "bayes", "tpe"])
def test_a_choice_reaches_the_model_as_it_was_written(rows, name):
    space = {"class_weight": ("choice", [None, "balanced", {0: 1.0, 1: 3.0}]), "C": ("float", 0.1, 1)}
    search = tune(LogisticRegression(), *rows, space, search=name, budget=18)
    assert all(value in space["class_weight"][1] for value in search.trials["class_weight"])


def test_a_choice_survives_hyperband(rows):
    space = SPACE | {"max_features": ("choice", [0.5, 1.0])}
    search = tune(boosting(), *rows, space, search="hyperband", budget=BUDGET, **BOOSTING)
    assert set(search.trials["max_features"]) == {0.5, 1.0}
