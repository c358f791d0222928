import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mlhelpers.validation import regression_intervals, regression_metrics

RNG = np.random.default_rng(2)
Y = RNG.normal(50, 10, 800)
F = Y + RNG.normal(1, 5, 800)

numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
rows = st.lists(st.tuples(numbers, numbers, st.integers(0, 3)), min_size=3, max_size=40)


@given(rows)
@settings(deadline=None)
def test_figures_agree_with_scikit_learn(data):
    y, f, w = (np.array(column, dtype=float) for column in zip(*data, strict=True))
    w[0] = 1
    found, weighted = regression_metrics(y, f), regression_metrics(y, f, sample_weight=w)
    for figures, weights in ((found, None), (weighted, w)):
        for name, rule in {
            "mae": reference.mean_absolute_error,
            "mse": reference.mean_squared_error,
            "rmse": reference.root_mean_squared_error,
        }.items():
            assert figures[name] == pytest.approx(rule(y, f, sample_weight=weights), rel=1e-12, abs=1e-12)
        used = y if weights is None else y[weights > 0]
        if np.ptp(used) == 0:
            assert np.isnan(figures["r2"])
        elif np.ptp(used) > 1e-3 * np.abs(used).max():
            assert figures["r2"] == pytest.approx(reference.r2_score(y, f, sample_weight=weights), rel=1e-9)
    assert found["median_ae"] == pytest.approx(reference.median_absolute_error(y, f))
    assert found["max_error"] == pytest.approx(reference.max_error(y, f))
    assert np.isnan(weighted["median_ae"])


def test_worked_case_of_the_lesson():
    found = regression_metrics([3, -0.5, 2, 7], [2.5, 0, 2, 8], n_features=1)
    assert (found["mae"], found["mse"], round(found["rmse"], 3)) == (0.5, 0.375, 0.612)
    assert found["adjusted_r2"] == pytest.approx(1 - (1 - found["r2"]) * 3 / 2)
    assert (found["bias"], found["wape"]) == (0.25, pytest.approx(2 / 12.5))


def test_a_constant_truth_has_no_r2_and_zeros_have_no_wape():
    found = regression_metrics([0, 0, 0], [1, 2, 3])
    assert np.isnan(found["r2"]) and np.isnan(found["wape"])


def test_intervals_hold_the_values_and_narrow_with_rows():
    table = regression_intervals(Y, F, metrics=["mae", "mse", "rmse", "bias", "wape", "r2"])
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    few = regression_intervals(Y[:100], F[:100]).set_index("metric")
    many = table.set_index("metric")
    assert few.loc["mae", "high"] - few.loc["mae", "low"] > many.loc["mae", "high"] - many.loc["mae", "low"]
    whole = regression_metrics(Y, F)
    assert all(whole[name] == pytest.approx(many.loc[name, "value"]) for name in many.index)


def test_interval_of_the_bias_covers_the_truth():
    row = regression_intervals(Y, F, metrics=["bias"]).iloc[0]
    assert row["low"] < 1 < row["high"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1]), "equally long"),
        (([], []), "not empty"),
        (([1, np.nan], [1, 2]), "y must be finite; row 1 is nan"),
        (([1, 2], [np.inf, 2]), "prediction must be finite; row 0 is inf"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        regression_metrics(*arguments)


@pytest.mark.parametrize("n_features", [-1, 2, 5])
def test_too_many_features_are_refused(n_features):
    with pytest.raises(ValueError, match="n_features must be from 0 to 1 for 3 rows"):
        regression_metrics([1, 2, 4], [1, 2, 3], n_features=n_features)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], "one for each row"),
        ([1, -1, 1], "row 1 is -1"),
        ([1, np.nan, 1], "row 1 is nan"),
        ([0, 0, 0], "0 for every row"),
    ],
)
def test_bad_weights_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        regression_metrics([1, 2, 4], [1, 2, 3], sample_weight=weights)


def test_unknown_metrics_are_named():
    with pytest.raises(ValueError, match=r"unknown metrics \['mape'\]"):
        regression_intervals(Y, F, metrics=["mape"])
