"""The rules of a verdict on curves whose scores are written down, edges of the intervals included."""

import pandas as pd
import pytest

from mlhelpers.training.diagnostics import verdict
from mlhelpers.training.diagnostics.result import Curve


def curve(train, validation, *, kind="learning", sd=0.0, points=(1000, 2000, 3000)):
    """Three folds a point, `sd` apart; without `sd` every interval is one number."""
    index = pd.Index(points[: len(train)], name="depth")
    frames = (
        pd.DataFrame([[x - sd, x, x + sd] for x in scores], index=index) for scores in (train, validation)
    )
    return Curve(kind, *frames, scoring="score", ratio=0.5, level=0.95)


def test_gain_without_a_gap_is_more_data_helps():
    found = verdict(curve([0.75, 0.75], [0.5, 0.75]))
    assert found.words == ("more data helps",)
    assert found.text == "more data helps (score 0.750 at 2,000 training rows)"
    assert found.table.index.tolist() == ["train - validation", "gain from 1,000 to 2,000 rows"]
    assert found.table.iloc[0].tolist() == [0, 0, 0, ""]
    assert found.table.iloc[1].tolist() == [0.25, 0.25, 0.25, "more data helps"]


def test_gain_is_that_of_the_last_step():
    assert verdict(curve([0.75] * 3, [0.25, 0.5, 0.5])).words == ("overfitting",)
    assert verdict(curve([0.5] * 3, [0.75, 0.25, 0.5])).words == ("more data helps",)


def test_flat_curve_without_a_gap_is_undecided():
    found = verdict(curve([0.5, 0.5], [0.5, 0.5]))
    assert found.words == ("undecided",)
    assert found.table["verdict"].tolist() == ["", ""]


def test_interval_that_holds_zero_says_nothing():
    assert verdict(curve([0.75, 0.75], [0.5, 0.5], sd=0.0)).words == ("overfitting",)
    wide = curve([0.75, 0.75], [0.5, 0.5])
    spread = Curve("learning", wide.train.add([-0.5, 0, 0.5]), wide.validation, "score", 0.5, 0.95)
    assert verdict(spread).words == ("undecided",)


@pytest.mark.parametrize(
    ("train", "words"), [(0.625, ("underfitting", "overfitting")), (0.875, ("overfitting", "underfitting"))]
)
def test_larger_of_shortfall_and_gap_comes_first(train, words):
    found = verdict(curve([train] * 2, [0.5, 0.5]), reference=1.0)
    assert found.words == words
    assert found.table.loc["reference - train"].tolist() == [1 - train] * 3 + ["underfitting"]
    assert found.table.loc["reference - validation"].tolist() == [0.5] * 3 + [""]


def test_training_score_that_reaches_the_reference_is_no_underfitting():
    assert verdict(curve([1.0, 1.0], [0.5, 0.5]), reference=1.0).words == ("overfitting",)


def test_at_the_floor_nothing_is_said_but_that_more_data_helps():
    found = verdict(curve([0.75, 0.75], [0.25, 0.5]), reference=0.5)
    assert found.words == ("at the noise floor", "more data helps")
    assert found.table["verdict"].tolist() == ["", "more data helps", "", "at the noise floor"]
    below = verdict(curve([0.25, 0.25], [0.5, 0.5]), reference=0.5)
    assert below.words == ("at the noise floor",)


def test_intervals_against_the_reference_are_those_of_the_scores_turned_around():
    given = curve([0.75, 0.75], [0.5, 0.5], sd=0.01)
    table, last = verdict(given, reference=1.0).table, given.table.iloc[-1]
    for name, score in (("reference - train", "train"), ("reference - validation", "validation")):
        low, high = 1 - last[f"{score}_high"], 1 - last[f"{score}_low"]
        assert table.loc[name, ["value", "low", "high"]].tolist() == [1 - last[score], low, high]
        assert low < 1 - last[score] < high


@pytest.mark.parametrize("reference", [float("nan"), float("inf"), float("-inf")])
def test_reference_must_be_finite_and_may_be_negative(reference):
    assert verdict(curve([-1.0, -1.0], [-1.0, -1.0]), reference=-0.5).words == ("underfitting",)
    with pytest.raises(ValueError, match=f"reference must be a finite score, got {reference}"):
        verdict(curve([0.5, 0.5], [0.5, 0.5]), reference=reference)


def test_points_are_judged_by_their_difference_to_the_best_and_by_training():
    given = curve([0.5, 0.75, 0.875], [0.25, 0.75, 0.5], kind="validation", points=(1, 2, 3))
    found = verdict(given)
    assert found.words == ("underfitting", "as good as the best", "overfitting")
    assert found.text == "best depth 2 (score 0.750); underfitting: 1; overfitting: 3"
    assert found.table["change"].tolist() == [-0.5, 0, -0.25]
    assert found.table["train_change"].tolist() == [-0.25, 0, 0.125]
    assert found.table.columns.tolist() == ["change", "low", "high", "train_change", "verdict"]


def test_equal_training_score_is_overfitting_and_equal_validation_as_good():
    given = curve([0.5, 0.5, 0.5], [0.75, 0.75, 0.5], kind="complexity", points=("a", "b", "c"))
    found = verdict(given)
    assert found.words == ("as good as the best", "as good as the best", "overfitting")
    assert found.text == "best depth a (score 0.750); as good as the best: b; overfitting: c"


def test_verdict_shows_its_text_and_three_digits():
    found = verdict(curve([0.75, 0.75], [0.5, 0.62345]))
    assert str(found).startswith(f"{found.text}\n")
    assert repr(found) == str(found)
    assert "0.127" in str(found) and "0.12655" not in str(found)
    assert found._repr_html_().startswith(f"<p>{found.text}</p><table")
    assert "0.127" in found._repr_html_() and "0.12655" not in found._repr_html_()


@pytest.mark.parametrize("wide", ["train", "validation"])
def test_a_gain_or_a_shortfall_whose_interval_holds_zero_is_none(wide):
    given = curve([0.75, 0.75], [0.5, 0.625])
    scores = {"train": given.train.copy(), "validation": given.validation.copy()}
    scores[wide].iloc[1] += [-0.5, 0, 0.5]
    found = verdict(Curve("learning", **scores, scoring="score", ratio=0.5, level=0.95), reference=1.0)
    name = "reference - train" if wide == "train" else "gain from 1,000 to 2,000 rows"
    row = found.table.loc[name]
    assert row["low"] < 0 < row["value"] < row["high"]
    assert row["verdict"] == ""


def test_a_point_whose_interval_reaches_the_best_is_as_good():
    index = pd.Index([1, 2], name="depth")
    validation = pd.DataFrame([[0.75, 0.75, 0.75], [0.0, 0.5, 1.0]], index=index)
    found = verdict(Curve("validation", validation, validation, "score", 0.5, 0.95))
    assert found.table["change"].tolist() == [0, -0.25]
    assert found.table["low"][2] < 0 < found.table["high"][2]
    assert found.words == ("as good as the best", "as good as the best")
