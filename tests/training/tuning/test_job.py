import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.training.tuning import (
    tune,
)

SPACE = {"learning_rate": ("float", 0.01, 1.0, "log"), "max_leaf_nodes": ("int", 2, 16, "log")}
BOOSTING = {"resource": "max_iter", "max_resource": 9, "min_resource": 1}
BUDGET = 8 * 9 * 3


def boosting():
    return HistGradientBoostingClassifier(early_stopping=False, max_bins=16, random_state=0)


def trees(rows, **options):
    space = {"max_depth": ("int", 1, 8)}
    return tune(DecisionTreeClassifier(random_state=0), *rows, space, **({"budget": 12} | options))


def test_without_a_resource_the_budget_counts_fits(rows):
    search = trees((rows[0].to_numpy(), rows[1]), search="random")
    assert len(search.trials) == 4 and search.used == 12 and search.full_cost == 3


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
