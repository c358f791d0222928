"""Small inputs of selection: nothing chosen, names that are doubled or hold signs."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.features.selection import (
    CorrelationFilter,
    ablation_table,
    compare_selectors,
    permutation_importance_intervals,
)
from mlhelpers.features.selection.methods import LassoPath

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.random.default_rng(2).normal(size=60)
NOTHING = SelectFromModel(Lasso(alpha=9))
TWIN = pd.DataFrame(X[:, :2], columns=["twin", "twin"])


def test_the_lasso_of_few_columns_has_a_row_for_each_number():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    found = compare_selectors(X, y, ["lasso"], LinearRegression(), k=[1, 2, 3], cv=10, repeats=10)
    assert found.table.index.tolist() == [("lasso", 1), ("lasso", 2), ("lasso", 3)]
    assert found.table["score"].notna().all()


@pytest.mark.filterwarnings("ignore:No features were selected:UserWarning")
@pytest.mark.parametrize("selector", [NOTHING, make_pipeline(StandardScaler(), NOTHING)])
def test_a_selector_that_keeps_nothing_has_the_score_of_a_constant(selector):
    found = compare_selectors(X, Y, {"own": selector}, LinearRegression(), cv=5)
    row = found.table.loc[("own", "own")]
    assert row["n_features"] == 0
    assert -0.5 < row["score"] <= 0  # r2 of the training mean


def test_a_selector_that_fails_shows_its_own_error():
    def score(X, y):
        raise ValueError("the score is undefined")

    with pytest.raises(ValueError, match="the score is undefined"):
        compare_selectors(X, Y, {"own": SelectKBest(score, k=1)}, LinearRegression())


@pytest.mark.parametrize(
    "call",
    [
        lambda: CorrelationFilter().fit(TWIN),
        lambda: LassoPath(1).fit(TWIN, Y),
        lambda: compare_selectors(TWIN, Y, ["lasso"], LinearRegression(), k=1),
        lambda: ablation_table(LinearRegression(), TWIN, Y, {"a": ["twin"]}),
        lambda: permutation_importance_intervals(LinearRegression().fit(X, Y), TWIN, Y),
    ],
)
def test_a_doubled_column_name_is_refused_by_name(call):
    with pytest.raises(ValueError, match="column 'twin'"):
        call()


def test_names_with_signs_of_html_are_shown_as_text():
    frame = pd.DataFrame(X, columns=["<b>a</b>", "b", "c"])
    options = {"scoring": lambda model, X, y: model.score(X, y), "cv": 3}  # its name is <lambda>
    compared = compare_selectors(frame, Y, {"<i>all</i>": "none"}, LinearRegression(), **options)
    ablated = ablation_table(LinearRegression(), frame, Y, {"<i>all</i>": ["<b>a</b>"]}, **options)
    for shown in (compared._repr_html_(), ablated._repr_html_()):
        assert "&lt;lambda&gt;" in shown and "&lt;i&gt;all" in shown
        assert "<lambda>" not in shown and "<i>" not in shown
