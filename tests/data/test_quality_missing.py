"""Little's test against published figures and by simulation; imputations compared with known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from sklearn.impute import KNNImputer
from sklearn.metrics import roc_auc_score

from mlhelpers.data import load
from mlhelpers.data.missing.fills import fill_gaps
from mlhelpers.data.quality import STRATEGIES, compare_imputations, little_mcar_test

# Daily air quality in New York, May to September 1973: R's data set `airquality`.
AIR = pd.read_csv(Path(__file__).with_name("airquality.csv"))


def gaps_in(frame, column, probability, rng):
    """The frame with values of a column taken out, each with its probability."""
    return frame.assign(**{column: frame[column].mask(rng.random(len(frame)) < probability)})


def normal_frame(rng, n_rows=400):
    a = rng.normal(size=n_rows)
    return pd.DataFrame({"a": a, "b": 0.6 * a + rng.normal(size=n_rows), "c": rng.normal(size=n_rows)})


def test_statistic_is_that_of_the_r_package_naniar():
    result = little_mcar_test(AIR)
    assert result.statistic == pytest.approx(35.1061288689702, rel=1e-4)
    assert result.df == 14
    assert result.pvalue == pytest.approx(0.00141778113856683, rel=1e-3)
    assert len(result.patterns) == 4
    assert result.patterns["contribution"].sum() == pytest.approx(result.statistic)
    assert result.patterns["rows"].sum() == len(AIR)


def test_em_finds_the_means_that_maximize_the_likelihood_of_two_columns_with_gaps_in_one():
    # With gaps in one column, maximum likelihood is the regression on the complete one (Anderson 1957).
    frame = gaps_in(normal_frame(np.random.default_rng(1)), "b", 0.4, np.random.default_rng(2))[["a", "b"]]
    known = frame.dropna()
    slope = known["a"].cov(known["b"]) / known["a"].var()
    expected = known["b"].mean() + slope * (frame["a"].mean() - known["a"].mean())
    assert little_mcar_test(frame).means["b"] == pytest.approx(expected, abs=1e-6)


def test_pvalue_is_uniform_under_mcar():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(200):
        frame = gaps_in(gaps_in(normal_frame(rng), "b", 0.3, rng), "c", 0.2, rng)
        values.append(little_mcar_test(frame).pvalue)
    assert kstest(values, "uniform").pvalue > 0.01
    assert 0.01 < np.mean(np.array(values) < 0.05) < 0.10


def test_test_has_power_under_mar():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(50):
        frame = normal_frame(rng)
        found.append(little_mcar_test(gaps_in(frame, "b", 0.15 + 0.3 * (frame["a"] > 0), rng)).pvalue < 0.05)
    assert np.mean(found) > 0.9


def test_known_mechanisms_of_churn_are_told_apart_from_mcar():
    churn = load("churn")
    complete = ["tenure_months", "monthly_charge", "tickets_90d"]
    assert little_mcar_test(churn[["call_minutes", *complete]]).pvalue > 0.05
    for column in ("age", "satisfaction"):
        assert little_mcar_test(churn[[column, *complete]]).pvalue < 0.0001


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 1000), st.floats(-1e4, 1e4), st.permutations(["Ozone", "Solar.R", "Wind", "Temp"]))
def test_statistic_does_not_depend_on_units_or_order(scale, shift, order):
    base = little_mcar_test(AIR[["Ozone", "Solar.R", "Wind", "Temp"]]).statistic
    assert little_mcar_test(AIR[order] * scale + shift).statistic == pytest.approx(base, rel=1e-3)


def test_rows_without_any_value_are_left_out():
    empty = pd.DataFrame(np.nan, index=range(3), columns=AIR.columns)
    assert little_mcar_test(pd.concat([AIR, empty])).statistic == pytest.approx(
        little_mcar_test(AIR).statistic
    )


def test_result_says_what_it_means():
    result = little_mcar_test(AIR)
    assert "35.1 on 14 degrees of freedom, p = 0.0014: not MCAR" in str(result)
    assert repr(result) == str(result)
    assert "Ozone" in result._repr_html_()
    rng = np.random.default_rng(0)
    assert "nothing speaks against MCAR" in str(little_mcar_test(gaps_in(normal_frame(rng), "b", 0.3, rng)))
    frame = normal_frame(rng, 3000)
    assert "p &lt; 0.0001" in little_mcar_test(gaps_in(frame, "b", frame["a"] > 0, rng))._repr_html_()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1.0, np.nan]}, "at least two"),
        ({"a": [1.0, 2.0], "b": [2.0, 1.0]}, "no value is missing"),
        ({"a": [1.0, 2.0], "b": [np.nan, np.nan]}, "'b' is empty"),
        ({"a": [1.0, 1.0, 1.0], "b": [2.0, 1.0, np.nan]}, "'a' is constant"),
        ({"a": [1.0, np.inf, 1.0], "b": [2.0, 1.0, np.nan]}, "'a' holds infinite"),
        ({"a": [1.0, 2.0, np.nan], "b": [2.0, 1.0, np.nan]}, "nothing to compare"),
        (
            {"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 4.0, 6.0, 8.0], "c": [1, 3, np.nan, 2]},
            "determine each other",
        ),
    ],
)
def test_frame_that_cannot_be_tested_is_refused(frame, message):
    with pytest.raises(ValueError, match=message):
        little_mcar_test(pd.DataFrame(frame))


def test_other_types_and_too_few_rounds_are_refused():
    with pytest.raises(TypeError, match="DataFrame"):
        little_mcar_test([[1, 2]])
    with pytest.raises(TypeError, match="'b' is object, not numeric"):
        little_mcar_test(pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]}))
    with pytest.raises(ValueError, match="not converged after 2 rounds"):
        little_mcar_test(AIR, max_iter=2)


# Imputations


@pytest.fixture(scope="module")
def world():
    """Features, label and complete column: y depends on x, x on the known z, and half of x is gone."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=1500)
    x = 5 + 1.5 * z + rng.normal(size=1500)
    y = (rng.random(1500) < 1 / (1 + np.exp(-(x - 5)))).astype(int)
    frame = pd.DataFrame({"z": z, "word": rng.choice(["a", "b"], 1500), "day": np.arange(1500)})
    mar = x.copy()
    mar[rng.random(1500) < np.where(z > 0, 0.75, 0.1)] = np.nan
    return frame.assign(x=mar), y, x


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


def test_fill_of_a_row_learns_from_the_training_rows_only(world):
    frame, _, _ = world
    settings_ = {"neighbors": 5, "donors": 500, "random_state": 0}
    values = frame["x"].to_numpy()
    others = frame[["z"]].to_numpy()
    when = frame["day"].to_numpy(float)
    train, rows = np.arange(700), np.arange(1500)
    changed = values.copy()
    changed[700:] = np.where(np.isnan(changed[700:]), np.nan, 1e6)
    for name in STRATEGIES:
        if name in ("drop rows", "boosting, NaN"):
            continue
        gap = np.isnan(values)
        first = fill_gaps(name, values, others, when, train, rows, settings_)[gap]
        second = fill_gaps(name, changed, others, when, train, rows, settings_)[gap]
        assert np.allclose(first, second), name


def test_knn_is_that_of_scikit_learn_when_every_row_may_be_a_donor(world):
    frame, _, _ = world
    values, others = frame["x"].to_numpy(), frame[["z", "day"]].to_numpy(float)
    rows = np.arange(len(values))
    ours = fill_gaps(
        "knn", values, others, None, rows, rows, {"neighbors": 7, "donors": 10**6, "random_state": 0}
    )
    both = np.column_stack([others, values])
    assert np.allclose(ours, KNNImputer(n_neighbors=7).fit_transform(both)[:, 2])


def test_ordered_fills_are_those_of_pandas_on_a_series():
    series = pd.Series([np.nan, 1.0, np.nan, np.nan, 4.0, np.nan])
    rows = np.arange(6)
    others = np.zeros((6, 1))
    fill = {
        name: fill_gaps(name, series.to_numpy(), others, rows.astype(float), rows, rows, {})
        for name in ("forward fill", "interpolation")
    }
    assert fill["forward fill"].tolist() == series.ffill().bfill().tolist()
    assert fill["interpolation"].tolist() == series.interpolate().bfill().tolist()


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
