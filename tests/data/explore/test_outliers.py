import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import median_abs_deviation

from mlhelpers.data import load
from mlhelpers.data.explore import (
    outlier_table,
)

mpl.use("Agg")


@pytest.fixture(scope="module")
def churn():
    return load("churn")


# outlier_table


def test_iqr_fences_are_tukeys():
    table = outlier_table(pd.DataFrame({"x": [*range(1, 10), 100]}, index=list("abcdefghij")))
    low, high = np.quantile([*range(1, 10), 100], [0.25, 0.75])
    assert table.loc["x", "upper"] == high + 1.5 * (high - low)
    assert tuple(table.loc["x", ["n_low", "n_high", "share", "extreme", "at"]]) == (0, 1, 0.1, 100, "j")


def test_robust_z_agrees_with_scipy():
    x = np.random.default_rng(0).normal(size=500) ** 3
    table = outlier_table(pd.DataFrame({"x": x}), method="robust_z")
    z = (x - np.median(x)) / median_abs_deviation(x, scale="normal")
    assert table.loc["x", "n_low"] == (z < -3.5).sum()
    assert table.loc["x", "n_high"] == (z > 3.5).sum()


@settings(max_examples=80, deadline=None)
@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6)), st.floats(0.5, 5))
def test_counts_are_those_beyond_the_fences(x, reach):
    for method in ("iqr", "robust_z"):
        row = outlier_table(pd.DataFrame({"x": x}), method=method, reach=reach).loc["x"]
        assert row["n_low"] == (x < row["lower"]).sum()
        assert row["n_high"] == (x > row["upper"]).sum()
        assert row["share"] * len(x) == pytest.approx(row["n_low"] + row["n_high"])
        if row["share"] > 0:
            assert x[row["at"]] == row["extreme"]


def test_wider_reach_never_finds_more(churn):
    near, far = (outlier_table(churn, reach=reach)["share"] for reach in (1.5, 3))
    assert (far <= near).all()


def test_gaps_are_no_outliers():
    table = outlier_table(pd.DataFrame({"x": [1.0, 2, 3, 4, np.nan, 99]}))
    assert tuple(table.loc["x", ["share", "at"]]) == (0.2, 5)


def test_column_without_spread_has_no_fences(churn):
    row = outlier_table(churn, method="robust_z").loc["late_payments_6m"]
    assert np.isnan(row["lower"])
    assert row["n_high"] == 0
    assert np.isnan(outlier_table(pd.DataFrame({"x": [np.nan]})).loc["x", "share"])


def test_only_numbers_have_fences(churn):
    assert "contract" not in outlier_table(churn).index
    with pytest.raises(ValueError, match="column 'contract' is no number"):
        outlier_table(churn, columns=["age", "contract"])


def test_outlier_options_are_checked(churn):
    with pytest.raises(ValueError, match="method must be 'iqr' or 'robust_z', got 'z'"):
        outlier_table(churn, method="z")
    with pytest.raises(ValueError, match="reach must be positive, got 0"):
        outlier_table(churn, reach=0)
