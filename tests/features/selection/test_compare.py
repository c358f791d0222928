"""The correlation filter as a transformer; selectors compared without a leak, in numbers that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    SelectorMixin,
    f_classif,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load
from mlhelpers.features.selection import (
    METHODS,
    compare_selectors,
)

MODEL = make_pipeline(StandardScaler(), LogisticRegression())
CHOOSING = [name for name in METHODS if name not in ("none", "random")]


def classes_with_signal(n_rows=120, n_columns=8, signal=3, seed=0):
    """Two classes that the first `signal` columns separate; the others are noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, n_columns))
    X[:, :signal] += 1.5 * y[:, None]
    return pd.DataFrame(X, columns=[f"c{number}" for number in range(n_columns)]), y


class Spy(SelectorMixin, BaseEstimator):
    """Keeps every column and writes down the rows it was fitted on."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y=None):
        type(self).seen.append((set(X.index), len(y)))
        self.n_features_in_, self.feature_names_in_ = X.shape[1], np.array(X.columns, dtype=object)
        return self

    def _get_support_mask(self):
        return np.ones(self.n_features_in_, dtype=bool)


# The comparison


def test_selector_never_sees_a_held_out_row():
    X, y = classes_with_signal(n_rows=40)
    X.index = X.index + 1000
    Spy.seen = []
    folds = StratifiedKFold(4, shuffle=True, random_state=3)
    compare_selectors(X, y, {"spy": Spy()}, MODEL, cv=folds)
    trains = [set(X.index[train]) for train, _ in folds.split(X, y)]
    assert [rows for rows, _ in Spy.seen] == trains
    assert all(n == len(rows) < len(X) for rows, n in Spy.seen)


def test_noise_labels_score_a_half():
    covered = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(80, 300)), rng.permutation(np.arange(80) % 2)
        table = compare_selectors(X, y, ["correlation"], MODEL, k=10, repeats=2).table
        covered.append(bool(table["low"].iloc[0] < 0.5 < table["high"].iloc[0]))
    assert np.mean(covered) > 0.8


@pytest.mark.parametrize("scoring, least", [("roc_auc", 0), ("accuracy", 0), ("r2", -np.inf)])
def test_interval_of_a_bounded_score_ends_at_its_bound(scoring, least):
    X, y = classes_with_signal(n_rows=60, signal=8)
    model = LinearRegression() if scoring == "r2" else MODEL
    table = compare_selectors(X, y, ["none", "random"], model, k=1, scoring=scoring).table
    plain = compare_selectors(X, y, ["none", "random"], model, k=1, scoring=scoring, level=0.5).table
    assert table["high"].max() <= 1 and table["low"].min() >= least
    assert table["score"].equals(plain["score"]), "the score itself is not moved"


def test_interval_of_a_score_near_one_is_cut_at_one():
    X, y = classes_with_signal(n_rows=60, signal=4)
    row = compare_selectors(X, y, "none", MODEL).table.iloc[0]
    assert row["high"] == 1 and row["score"] < 1


def test_scores_are_those_of_cross_val_score():
    X, y = classes_with_signal()
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = compare_selectors(X, y, ["none", "rfe"], MODEL, k=3, cv=folds)
    assert found.scores.loc[("none", 8)].to_numpy() == pytest.approx(
        cross_val_score(MODEL, X, y, cv=folds, scoring="roc_auc")
    )
    rfe = RFE(LogisticRegression(max_iter=1000), n_features_to_select=3)
    by_hand = make_pipeline(StandardScaler(), rfe, LogisticRegression())
    assert found.scores.loc[("rfe", 3)].to_numpy() == pytest.approx(
        cross_val_score(by_hand, X, y, cv=folds, scoring="roc_auc"), abs=0.01
    )


@pytest.mark.parametrize("method", CHOOSING)
@pytest.mark.parametrize("kind", ["two classes", "three classes", "numbers"])
def test_every_method_finds_a_strong_signal(method, kind):
    X, y = classes_with_signal(n_rows=150, signal=2)
    if kind == "three classes":
        y = np.digitize(X["c0"] + X["c1"], [0.5, 2.5])
    elif kind == "numbers":
        y = X["c0"] + X["c1"]
    model = LinearRegression() if kind == "numbers" else MODEL
    found = compare_selectors(X, y, method, model, k=2, cv=3)
    assert found.scoring == {"two classes": "roc_auc", "three classes": "accuracy", "numbers": "r2"}[kind]
    assert found.chosen.loc[(method, 2), ["c0", "c1"]].tolist() == [1, 1]
    assert found.table["stability"].iloc[0] == pytest.approx(1)


def test_chance_is_the_base_line_and_draws_anew_in_each_fold():
    X, y = classes_with_signal(n_columns=30, signal=2)
    found = compare_selectors(X, y, ["random", "correlation"], MODEL, k=3, repeats=3)
    assert abs(found.table.loc[("random", 3), "stability"]) < 0.2
    assert found.table.loc[("correlation", 3), "change_low"] > 0
    assert found.table.loc[("random", 3), ["change", "change_low", "change_high"]].eq(0).all()


def test_own_selectors_reductions_and_functions_of_k_take_part():
    X, y = classes_with_signal()
    selectors = {
        "best": SelectKBest(f_classif, k=4),
        "pca": lambda k: make_pipeline(StandardScaler(), PCA(k)),
        "alias": "correlation",
    }
    found = compare_selectors(X, y, selectors, MODEL, k=[2, 3], cv=3)
    assert list(found.table.index) == [("best", "own"), ("pca", 2), ("pca", 3), ("alias", 2), ("alias", 3)]
    assert found.table["n_features"].tolist() == [4, 2, 3, 2, 3]
    assert found.table.loc[("pca", 2), "stability"] != found.table.loc[("pca", 2), "stability"]
    assert found.chosen.loc[("pca", 2)].isna().all()
    assert not hasattr(selectors["best"], "scores_")  # the caller's selector stays unfitted


def test_table_is_the_same_for_a_seed_and_another_for_another():
    X, y = classes_with_signal(signal=1)
    names = ["random", "mutual information"]
    a, b, c = (compare_selectors(X, y, names, MODEL, k=2, cv=3, random_state=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(a.scores, b.scores)
    assert not a.scores.equals(c.scores)
    assert str(a) == str(b) and a._repr_html_() == b._repr_html_()
    assert "seconds" not in str(a) and (a.table["seconds"] > 0).all()
    assert "corrected resampled t" in repr(a) and "2" in a._repr_html_()


def test_arrays_callable_scores_and_group_folds_are_taken():
    X, y = classes_with_signal(n_rows=60)

    def hits(model, X, y):
        return float((model.predict(X) == y).mean())

    found = compare_selectors(X.to_numpy(), y, "correlation", MODEL, k=2, cv=3, scoring=hits)
    assert found.scoring == "hits" and found.chosen.columns[0] == "x0"

    class Grouped:
        def split(self, X, y):
            return GroupKFold(3).split(X, y, groups=np.arange(len(y)) // 4)

    assert compare_selectors(X, y, "correlation", MODEL, k=2, cv=Grouped()).scores.shape == (1, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"selectors": "magic"}, "unknown selector 'magic'; there are: none, random"),
        ({"selectors": []}, "selectors is empty"),
        ({"k": 99}, "k=99 must be a whole number from 1 to 8"),
        ({"k": 0}, "k=0 must be"),
        ({"k": [2, 1.5]}, "k=1.5 must be"),
        ({"k": []}, "k is empty"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"cv": 1}, "cv=1 needs between 2 folds and 60"),
        ({"cv": "five"}, "cv must be a number of folds or a splitter"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"scoring": "goodness"}, "scoring='goodness' is no score of scikit-learn"),
        ({"y": np.zeros(120)}, "y holds one class only"),
        ({"y": np.zeros(7)}, "y must have one value for each of the 120 rows"),
        ({"y": np.full(120, np.nan)}, "y has gaps"),
        ({"X": np.zeros(120)}, "X must have two dimensions"),
        ({"X": pd.DataFrame(np.zeros((120, 2)), columns=["a", "a"])}, "column 'a' twice"),
        ({"X": pd.DataFrame(index=range(120))}, "0 columns; nothing to choose from"),
        ({"X": pd.DataFrame({"a": ["x"] * 120}), "k": 1}, "column 'a' is no number; encode it"),
        ({"X": pd.DataFrame({"a": [np.nan] * 120}), "k": 1}, "column 'a' has gaps; impute it"),
    ],
)
def test_errors_name_the_parameter(change, message):
    X, y = classes_with_signal()
    options = {"X": X, "y": y, "selectors": ["correlation"], "model": MODEL, "k": 2, **change}
    four = [options.pop(name) for name in ("X", "y", "selectors", "model")]
    with pytest.raises(ValueError, match=message):
        compare_selectors(*four, **options)


def test_a_single_split_has_no_interval():
    class Once:
        def split(self, X, y):
            yield np.arange(60), np.arange(60, 120)

    X, y = classes_with_signal()
    with pytest.raises(ValueError, match="one split only"):
        compare_selectors(X, y, "none", MODEL, cv=Once())


def test_something_that_cannot_select_is_a_type_error():
    X, y = classes_with_signal()
    with pytest.raises(TypeError, match=r"selectors\['mine'\] must be a name, an estimator or a function"):
        compare_selectors(X, y, {"mine": 3}, MODEL, k=2)


def test_wide_data_is_cut_by_tenths():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 80)), np.arange(60) % 2
    X[:, 5] += 3 * y
    found = compare_selectors(X, y, "rfe", MODEL, k=2, cv=2)
    assert found.chosen["x5"].iloc[0] == 1 and found.table["n_features"].iloc[0] == 2


def test_five_of_thirty_columns_carry_the_diagnosis():
    frame = load("breast_cancer")
    found = compare_selectors(frame.drop(columns="target"), frame["target"], ["none", "rfe"], MODEL, k=5)
    assert found.table.loc[("rfe", 5), "score"] > 0.985
    assert found.table.loc[("rfe", 5), "change_low"] > -0.02


X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.random.default_rng(2).normal(size=60)
NOTHING = SelectFromModel(Lasso(alpha=9))


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


def test_a_fold_without_a_chosen_column_is_scored_with_a_constant():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    noise = X.sample(frac=1, random_state=0).set_axis(X.index)
    found = compare_selectors(noise, y, ["none", "lasso"], LinearRegression(), k=[1], cv=5)
    row = found.table.loc[("lasso", 1)]
    assert row["n_features"] <= 1
    assert row["score"] < 0.05
    real = compare_selectors(X, y, ["lasso"], LinearRegression(), k=[1, 2, 3], cv=10, repeats=10)
    assert real.table["score"].notna().all()
