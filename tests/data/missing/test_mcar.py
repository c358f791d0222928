from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from mlhelpers.data import load
from mlhelpers.data.quality import little_mcar_test

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
