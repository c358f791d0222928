"""The correlation filter as a transformer; selectors compared without a leak, in numbers that are known."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import RFE, SelectKBest, SelectorMixin, f_classif, f_regression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlhelpers.data import load
from mlhelpers.features.selection import (
    METHODS,
    CorrelationFilter,
    compare_selectors,
    corrected_interval,
    selection_stability,
)
from mlhelpers.features.selection.methods import LassoPath, correlation_score

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


# The filter


@parametrize_with_checks([CorrelationFilter(), CorrelationFilter(threshold=0.5)])
def test_filter_is_a_transformer_of_scikit_learn(estimator, check):
    check(estimator)


def test_later_of_two_alike_columns_is_dropped():
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(2, 50))
    X = pd.DataFrame({"a": a, "b": -2 * a + 1, "c": c, "d": c + 0.01 * a})
    fitted = CorrelationFilter(threshold=0.9).fit(X)
    assert fitted.get_feature_names_out().tolist() == ["a", "c"]
    assert fitted.partner_.tolist() == [-1, 0, -1, 2]
    assert fitted.correlation_[1] == pytest.approx(1)


def test_column_that_repeats_a_dropped_one_only_is_kept():
    rng = np.random.default_rng(1)
    a, noise, more = rng.normal(size=(3, 4000))
    b = a + 0.6 * noise  # correlates with a at 0.86
    c = b + 0.6 * more  # with b at 0.89, with a at 0.76
    fitted = CorrelationFilter(threshold=0.8).fit(np.column_stack([a, b, c]))
    assert fitted.get_support().tolist() == [True, False, True]


def test_constant_column_is_kept_and_warns_of_nothing(recwarn):
    X = np.column_stack([np.full(5, 0.1), np.arange(5.0), np.full(5, 0.1)])
    assert CorrelationFilter().fit(X).get_support().all()
    assert not recwarn


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_filter_does_not_depend_on_the_unit(scale):
    X = np.random.default_rng(2).normal(size=(30, 3))
    X[:, 2] = X[:, 0] + 0.1 * X[:, 1]
    assert CorrelationFilter().fit(X * scale).partner_.tolist() == [-1, -1, 0]


@settings(max_examples=60, deadline=None)
@given(
    X=arrays(np.float64, (12, 5), elements=st.integers(-5, 5).map(float)),
    threshold=st.sampled_from([0.3, 0.6, 0.9]),
)
def test_kept_columns_never_correlate_above_the_threshold_and_dropped_ones_do(X, threshold):
    fitted = CorrelationFilter(threshold=threshold).fit(X)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.nan_to_num(np.abs(np.corrcoef(X.T)))
    keep = fitted.get_support()
    assert (between[np.ix_(keep, keep)] - np.eye(keep.sum()) <= threshold + 1e-9).all()
    for column in np.flatnonzero(~keep):
        partner = fitted.partner_[column]
        assert partner < column and keep[partner]
        assert between[column, partner] == pytest.approx(fitted.correlation_[column])
        assert between[column, partner] > threshold - 1e-9


def test_filter_survives_clone_pickle_and_skops():
    X, y = classes_with_signal()
    fitted = CorrelationFilter(threshold=0.2).fit(X, y)
    assert clone(fitted).get_params() == {"threshold": 0.2}
    stored = skops.io.dumps(fitted)
    trusted = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("mlhelpers.features.selection") for name in trusted)
    for copy in (pickle.loads(pickle.dumps(fitted)), skops.io.loads(stored, trusted=trusted)):
        pd.testing.assert_frame_equal(pd.DataFrame(copy.transform(X)), pd.DataFrame(fitted.transform(X)))


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "high", None, True, float("nan")])
def test_filter_names_a_wrong_threshold(threshold):
    with pytest.raises(ValueError, match="threshold must be a number from 0 to 1"):
        CorrelationFilter(threshold=threshold).fit(np.eye(3))


# The methods


def test_correlation_score_is_that_of_scikit_learn():
    X, y = classes_with_signal()
    n, f = len(y), f_classif(X, y)[0]
    assert correlation_score(X, y, classify=True) == pytest.approx(f / (f + n - 2))
    values = X["c0"] + np.arange(n)
    f = f_regression(X, values)[0]
    assert correlation_score(X, values) == pytest.approx(f / (f + n - 2))


def test_constant_column_scores_zero():
    X = np.column_stack([np.ones(6), np.arange(6)])
    assert correlation_score(X, np.arange(6))[0] == 0
    assert correlation_score(X, np.arange(6) % 2, classify=True)[0] == 0


@pytest.mark.parametrize("kind", ["numbers", "two classes", "three classes"])
def test_lasso_path_keeps_at_most_k_and_the_signal_first(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10)) * 10.0 ** np.arange(10)  # units differ by a factor of 1e9
    signal = X[:, 2] / 1e2 + X[:, 7] / 1e7
    y = {"numbers": signal, "two classes": signal > 0, "three classes": np.digitize(signal, [-1, 1])}[kind]
    for k in (2, 5):
        chosen = np.flatnonzero(LassoPath(k, classify=kind != "numbers").fit(X, y).get_support())
        assert len(chosen) <= k and {2, 7} <= set(chosen)


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


def test_interval_is_wider_than_the_plain_one_by_the_known_factor():
    values = np.array([0.7, 0.8, 0.75, 0.9, 0.85])
    mean, low, high = corrected_interval(values, 0.25, 0.95)
    plain = 2.776445 * values.std(ddof=1) / np.sqrt(5)
    assert mean == pytest.approx(0.8)
    assert high - mean == mean - low == pytest.approx(plain * np.sqrt(1 + 5 * 0.25), rel=1e-5)


def test_stability_is_one_for_equal_sets_and_zero_by_chance():
    assert selection_stability([[1, 1, 0, 0]] * 5) == pytest.approx(1)
    rng = np.random.default_rng(0)
    assert abs(selection_stability([rng.permutation([1] * 5 + [0] * 45) for _ in range(400)])) < 0.02
    assert np.isnan(selection_stability(np.ones((3, 4)))) and np.isnan(selection_stability(np.zeros((3, 4))))


def test_stability_needs_two_sets():
    with pytest.raises(ValueError, match="masks must hold at least two sets of columns"):
        selection_stability([[True, False]])


def test_stability_of_two_sets_of_one_size_is_kunchevas_index():
    # Kuncheva 2007: (r d - k^2) / (k (d - k)); sets of 3 of 10 columns that share 2.
    masks = np.zeros((2, 10))
    masks[0, [0, 1, 2]] = masks[1, [1, 2, 3]] = 1
    assert selection_stability(masks) == pytest.approx((2 * 10 - 9) / (3 * 7))


@settings(max_examples=50, deadline=None)
@given(masks=arrays(bool, st.tuples(st.integers(2, 6), st.integers(1, 8))))
def test_stability_never_exceeds_one_and_ignores_the_order_of_columns(masks):
    value = selection_stability(masks)
    if not np.isnan(value):
        assert value <= 1 + 1e-12
        assert selection_stability(masks[:, ::-1]) == pytest.approx(value)


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
