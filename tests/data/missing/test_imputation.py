"""Little's test against published figures and by simulation; imputations compared with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mlhelpers.data.quality import STRATEGIES, compare_imputations


@pytest.fixture(scope="module")
def compared(world):
    frame, y, x = world
    return compare_imputations(frame, y, column="x", truth=x, order=frame["day"], cv=3)


def test_all_strategies_are_compared_behind_the_truth_of_their_model(compared):
    assert set(STRATEGIES) < set(compared.table.index)
    assert compared.table.index[0] == "no gaps (truth)"
    assert compared.table.loc[["no gaps (truth)", "boosting, no gaps (truth)"], "auc_change"].tolist() == [
        0,
        0,
    ]
    assert compared.n_rows == 1500
    assert 0.3 < compared.share_missing < 0.5


def test_bias_is_that_of_the_filled_column(compared, world):
    frame, _, x = world
    known = frame["x"].dropna()
    table = compared.table
    assert table.loc["mean", "mean_bias"] == pytest.approx(known.mean() - x.mean())
    assert table.loc["drop rows", "sd_ratio"] == pytest.approx(known.std(ddof=0) / x.std())
    filled = frame["x"].fillna(known.median())
    assert table.loc["median", "mean_bias"] == pytest.approx(filled.mean() - x.mean())
    assert np.isnan(table.loc["boosting, NaN", "mean_bias"])


def test_regression_repairs_the_mean_under_mar_and_draws_repair_the_spread(compared):
    table = compared.table
    assert table.loc["mean", "mean_bias"] < -0.3
    assert abs(table.loc["iterative", "mean_bias"]) < 0.15
    assert table.loc["mean", "sd_ratio"] < table.loc["iterative", "sd_ratio"] < 1
    assert table.loc["iterative, drawn", "sd_ratio"] == pytest.approx(1, abs=0.08)


def test_interval_holds_the_auc_and_the_auc_is_that_of_scikit_learn(compared):
    from mlhelpers.data.missing.imputation import _interval, _placements

    rng = np.random.default_rng(0)
    y, scores = rng.integers(0, 2, 300), rng.integers(0, 20, 300)
    assert _interval(_placements(y, scores))[0] == pytest.approx(roc_auc_score(y, scores))
    table = compared.table
    assert (table["auc_low"] < table["auc"]).all()
    assert (table["auc"] < table["auc_high"]).all()
    assert (table.drop(index="no gaps (truth)")["change_low"] <= table["auc_change"][1:]).all()


def test_delong_interval_covers_the_true_auc_as_often_as_it_says():
    from scipy.stats import norm

    from mlhelpers.data.missing.imputation import _interval, _placements

    rng = np.random.default_rng(0)
    true, hits = norm.cdf(1 / np.sqrt(2)), []
    for _ in range(400):
        y = np.repeat([0, 1], [150, 100])
        _, low, high = _interval(_placements(y, rng.normal(size=250) + y))
        hits.append(low < true < high)
    assert 0.92 < np.mean(hits) < 0.98


def test_strategies_without_order_or_truth(world):
    frame, y, _ = world
    result = compare_imputations(frame.drop(columns="day"), y, column="x", strategies=["mean", "mode"], cv=3)
    assert result.table.index.tolist() == ["mean", "mode"]
    assert result.table["mean_bias"].isna().all()
    assert "x: " in str(result)
    assert repr(result) == str(result)
    assert "missing" in result._repr_html_()
    default = compare_imputations(frame.head(300), y[:300], column="x", cv=2, donors=50)
    assert "forward fill" not in default.table.index


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "w"}, "no column 'w'"),
        ({"column": "z"}, "'z' has 0 gaps"),
        ({"truth": [1.0]}, "truth has 1 values for 1500 rows"),
        ({"strategies": ["magic"]}, "unknown strategy 'magic'"),
        ({"strategies": ["forward fill"]}, "'forward fill' needs order"),
        ({"order": [np.nan] * 1500}, "order has gaps"),
        ({"target": np.full(1500, 2)}, "must hold 0 and 1"),
    ],
)
def test_wrong_argument_is_named(world, changes, message):
    frame, y, _ = world
    arguments = {"target": y, "column": "x", **changes}
    with pytest.raises(ValueError, match=message):
        compare_imputations(frame, arguments.pop("target"), **arguments)


def test_gaps_in_another_column_are_refused(world):
    frame, y, _ = world
    other = frame.assign(z=frame["z"].where(frame["z"] > -2))
    with pytest.raises(ValueError, match="'z' has gaps too"):
        compare_imputations(other, y, column="x")
