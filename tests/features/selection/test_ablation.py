from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from mlhelpers.features.selection import ablation_table


def twins(n_rows=400, seed=0):
    """Two columns that say the same, one that adds to them, one of noise; a label and a value."""
    rng = np.random.default_rng(seed)
    a, c, noise = rng.normal(size=(3, n_rows))
    X = pd.DataFrame({"a": a, "copy": a + 0.05 * rng.normal(size=n_rows), "c": c, "noise": noise})
    value = 2 * a + c + rng.normal(size=n_rows)
    return X, (value > 0).astype(int), value


# Ablation


def test_full_and_differences_are_those_of_cross_val_score():
    X, y, _ = twins()
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    found = ablation_table(LogisticRegression(), X, y, {"c": ["c"], "noise": ["noise"]}, cv=folds)
    score = lambda names: cross_val_score(LogisticRegression(), X[names], y, cv=folds, scoring="roc_auc")  # noqa: E731
    assert found.base_columns == ("a", "copy")
    assert found.full[0] == pytest.approx(score(list(X)).mean())
    assert found.base[0] == pytest.approx(score(["a", "copy"]).mean())
    loss = score(list(X)) - score(["a", "copy", "noise"])
    assert found.table.loc["c", "loss"] == pytest.approx(loss.mean())
    gain = score(["a", "copy", "c"]) - score(["a", "copy"])
    assert found.table.loc["c", "gain"] == pytest.approx(gain.mean())
    assert found.table.loc["c", ["loss", "gain"]].between(0.01, 0.1).all()
    assert found.table.loc["noise", "loss_low"] < 0.002


def test_a_copy_loses_nothing_and_gains_much():
    X, y, _ = twins()
    table = ablation_table(LogisticRegression(), X, y, {"a": ["a"], "copy": ["copy"]}, repeats=2).table
    assert (table["loss"].abs() < 0.01).all() and (table["gain_low"] > 0.05).all()


def test_without_a_base_the_gain_is_measured_from_chance():
    X, y, value = twins()
    groups = {"signal": ["a", "copy", "c"], "noise": ["noise"]}
    found = ablation_table(LogisticRegression(), X, y, groups)
    assert found.base == (0.5, 0.5, 0.5) and found.base_columns == ()
    assert found.table.loc["signal", "gain"] == pytest.approx(found.table.loc["signal", "loss"], abs=0.1)
    numbers = ablation_table(LinearRegression(), X, value, groups)
    assert numbers.scoring == "r2" and numbers.base[0] == pytest.approx(0, abs=0.05)


def test_model_may_be_a_function_of_the_columns():
    X, y, _ = twins(n_rows=60)
    asked = []

    def make(columns):
        asked.append(tuple(columns))
        return LogisticRegression()

    ablation_table(make, X, y, {"c": ["c"]}, cv=2)
    assert set(asked) == {("a", "copy", "c", "noise"), ("a", "copy", "noise")}


def test_ablation_fits_on_training_rows_only():
    X, y, _ = twins(n_rows=60)
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y):
            seen.append(set(X.index))
            return super().fit(X, y)

    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    ablation_table(Spy(), X, y, {"c": ["c"]}, cv=folds)
    trains = [set(train) for train, _ in folds.split(X, y)]
    assert seen == trains * 4


def test_ablation_renders_as_text_and_html():
    X, y, _ = twins(n_rows=100)
    found = ablation_table(LogisticRegression(), X, y, {"c": ["c"]})
    assert "base of 3 columns" in str(found) == repr(found) and "<table" in found._repr_html_()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({}, "groups is empty"),
        ({"g": []}, r"groups\['g'\] must list its columns"),
        ({"g": ["zip"]}, "column 'zip', which X has not"),
        ({"g": ["a"], "h": ["c", "a"]}, "column 'a' is in 'g' and in 'h'"),
    ],
)
def test_ablation_names_a_wrong_group(groups, message):
    X, y, _ = twins(n_rows=60)
    with pytest.raises(ValueError, match=message):
        ablation_table(LogisticRegression(), X, y, groups)
