import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.training.tuning import (
    nested_cv,
    tune,
)

SPACE = {"learning_rate": ("float", 0.01, 1.0, "log"), "max_leaf_nodes": ("int", 2, 16, "log")}
BOOSTING = {"resource": "max_iter", "max_resource": 9, "min_resource": 1}


def boosting():
    return HistGradientBoostingClassifier(early_stopping=False, max_bins=16, random_state=0)


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
