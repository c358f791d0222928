import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlhelpers.features.selection import (
    CorrelationFilter,
    ablation_table,
    compare_selectors,
    permutation_importance_intervals,
)
from mlhelpers.features.selection.methods import LassoPath

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.random.default_rng(2).normal(size=60)
TWIN = pd.DataFrame(X[:, :2], columns=["twin", "twin"])


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
