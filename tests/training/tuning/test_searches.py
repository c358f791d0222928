import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

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


def trees(rows, **options):
    space = {"max_depth": ("int", 1, 8)}
    return tune(DecisionTreeClassifier(random_state=0), *rows, space, **({"budget": 12} | options))


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


def test_without_a_resource_the_budget_counts_fits(rows):
    search = trees((rows[0].to_numpy(), rows[1]), search="random")
    assert len(search.trials) == 4 and search.used == 12 and search.full_cost == 3


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search": "genetic"}, "search must be one of grid, random"),
        ({"reports": "often"}, "reports must be"),
        ({"budget": 26}, "budget 26 is too small: one complete trial costs 27"),
        ({"search": "halving", "budget": 60}, "too small for halving from 1 to 9"),
        ({"search": "grid", "budget": 81}, "has 4 points, the budget pays for 3"),
        ({"resource": "max_iters"}, "did you mean 'max_iter'"),
        ({"resource": "learning_rate"}, "cannot be searched as well"),
        ({"resource": None}, "needs the name of a resource"),
        ({"max_resource": 0}, "at least 1"),
        ({"resource": None, "max_resource": 1, "search": "hyperband"}, "needs a resource"),
        ({"search": "halving", "min_resource": 2}, "such as 18"),
        ({"search": "hyperband", "min_resource": 9}, "times a power of 3"),
        ({"search": "hyperband", "min_resource": 0}, "times a power of 3"),
    ],
)
def test_a_wrong_argument_is_named(rows, options, message):
    with pytest.raises(ValueError, match=message):
        tune(boosting(), *rows, SPACE, **(BOOSTING | {"budget": BUDGET} | options))


def test_labels_of_another_length_are_refused(rows):
    with pytest.raises(ValueError, match="X has 240 rows and y has 239"):
        trees((rows[0], rows[1][:-1]))


def test_a_model_that_cannot_go_on_from_a_rung_is_refused(rows):
    options = {"search": "hyperband", "budget": 270, "max_resource": 9}
    space = {"alpha": ("float", 1e-5, 1e-2, "log")}
    with pytest.raises(ValueError, match="counts anew at each warm fit"):
        tune(SGDClassifier(), *rows, space, resource="max_iter", **options)
    with pytest.raises(ValueError, match="no warm_start"):
        tune(Ridge(), rows[0], rows[1], {"alpha": ("float", 1, 2)}, resource="max_iter", **options)


def test_default_first_rung_is_a_ninth(rows):
    options = {"resource": "max_iter", "max_resource": 18}
    search = tune(boosting(), *rows, SPACE, search="halving", budget=54 * 12, **options)
    assert sorted(set(search.trials["resource"])) == [2, 6, 18]
