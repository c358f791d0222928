import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.training.tuning import (
    SEARCHES,
    check_space,
    compare_searches,
    grid_points,
    nested_cv,
    plot_best_so_far,
    random_points,
    tune,
)

SPACE = {"learning_rate": ("float", 0.01, 1.0, "log"), "max_leaf_nodes": ("int", 2, 16, "log")}
BOOSTING = {"resource": "max_iter", "max_resource": 9, "min_resource": 1}
BUDGET = 8 * 9 * 3


def boosting():
    return HistGradientBoostingClassifier(early_stopping=False, max_bins=16, random_state=0)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((240, 3)), columns=list("abc"))
    y = (X["a"] * X["b"] + 0.3 * rng.standard_normal(240) > 0).astype(int)
    return X, y


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


def test_best_so_far_counts_complete_trials_only_and_never_falls(found):
    for search in found.values():
        curve = search.curve
        assert curve["budget"].iloc[-1] == search.used and curve["budget"].is_monotonic_increasing
        assert curve["best"].dropna().is_monotonic_increasing and curve["best"].iloc[-1] == search.best_score
    assert found["halving"].curve["best"].isna().sum() == (found["halving"].trials["state"] == "pruned").sum()


def test_ties_are_the_leads_of_the_winner(found):
    ties = found["random"].ties()
    assert len(ties) == 7 and (ties["lead"] >= 0).all() and ties["lead"].is_monotonic_increasing
    assert ((ties["low"] <= 0) == ties["tied"]).all()
    narrow = found["random"].ties(level=0.5)
    assert narrow["tied"].sum() <= ties["tied"].sum()


def test_comparison_has_a_row_for_each_search(found):
    table = compare_searches(found)
    assert list(table.index) == list(SEARCHES)
    assert (table["found_at"] <= table["budget"]).all() and (table["tried"] <= table["trials"]).all()
    assert table.loc["random", "pruned"] == 0 and table.loc["hyperband", "pruned"] > 0


@pytest.mark.parametrize("by", ["budget", "seconds"])
def test_plot_draws_each_search_on_the_axes_given(found, by):
    ax = plt.subplots()[1]
    assert plot_best_so_far(found, by=by, ax=ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(SEARCHES)
    assert plot_best_so_far({"one": found["grid"]}) is not ax
    plt.close("all")


def test_results_read_as_text_and_as_a_table(found):
    assert "8 trials (0 pruned), 216 of 216 budget" in str(found["random"])
    assert repr(found["random"]) == str(found["random"])
    assert "<table" in found["random"]._repr_html_()


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


def test_nested_scores_are_those_of_a_loop_around_the_search(rows):
    X, y = rows
    space, model = {"max_depth": ("int", 1, 8)}, DecisionTreeClassifier(random_state=0)
    nested = nested_cv(model, X, y, space, outer=3, budget=12, random_state=4)
    for number, (train, test) in enumerate(StratifiedKFold(3, shuffle=True, random_state=4).split(X, y)):
        inner = tune(model, X.iloc[train], y.iloc[train], space, budget=12, random_state=4)
        fitted = DecisionTreeClassifier(random_state=0, **inner.best_params).fit(X.iloc[train], y.iloc[train])
        auc = roc_auc_score(y.iloc[test], fitted.predict_proba(X.iloc[test])[:, 1])
        assert np.allclose(nested.scores.loc[(0, number)], [inner.best_score, auc])
        assert nested.params[number] == inner.best_params
    assert nested.ratio == 0.5


def test_noise_labels_show_the_optimism_and_nested_scores_do_not(rows):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 4)), rng.permutation(np.arange(200) % 2)
    space = {"max_depth": ("int", 1, 10), "max_features": ("float", 0.1, 1.0)}
    model = DecisionTreeClassifier(random_state=0)
    nested = nested_cv(model, X, y, space, outer=4, repeats=2, budget=60, cv=2)
    assert len(nested.scores) == 8 and nested.scores["best_cv"].mean() > 0.53
    value, low, high = nested.optimism
    assert low < value < high and value > 0.03 and abs(nested.scores["nested"].mean() - 0.5) < 0.08


def test_nested_evaluation_refits_the_winner_at_the_full_resource(rows):
    X, y = rows[0].to_numpy(), rows[1]
    nested = nested_cv(boosting(), X, y, SPACE, outer=2, search="random", budget=54, **BOOSTING)
    train, test = next(StratifiedKFold(2, shuffle=True, random_state=0).split(X, y))
    fitted = boosting().set_params(max_iter=9, **nested.params[0]).fit(X[train], y.iloc[train])
    auc = roc_auc_score(y.iloc[test], fitted.predict_proba(X[test])[:, 1])
    assert np.isclose(nested.scores["nested"].iloc[0], auc)


def test_nested_regression_and_its_text(rows):
    X, y = rows
    nested = nested_cv(Ridge(), X, X["a"] + y, {"alpha": ("float", 0.1, 10)}, outer=3, scoring="r2", budget=6)
    assert list(nested.table.index) == ["best_cv", "nested", "optimism"]
    assert "r2, 3 outer folds, 95% intervals" in str(nested) and repr(nested) == str(nested)
    assert "<table" in nested._repr_html_()


@pytest.mark.parametrize("options", [{"outer": 1}, {"repeats": 0}, {"level": 1.0}])
def test_nested_evaluation_refuses_nonsense(rows, options):
    with pytest.raises(ValueError, match=r"outer folds|level"):
        nested_cv(Ridge(), *rows, {"alpha": ("float", 1, 2)}, budget=6, **options)


def test_empty_comparisons_and_unknown_axes_are_refused(found):
    with pytest.raises(ValueError, match="empty"):
        compare_searches({})
    with pytest.raises(ValueError, match="empty"):
        plot_best_so_far({})
    with pytest.raises(ValueError, match="'budget' or 'seconds'"):
        plot_best_so_far(found, by="trials")
