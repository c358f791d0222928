import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.metrics import regression_metrics
from mlhelpers.validation.report import validation_report

RNG = np.random.default_rng(5)
N = 600
GROUPS = pd.DataFrame({"region": np.where(np.arange(N) % 3 == 0, "north", "south"), "band": ["x"] * N})
COSTS = {"gain_tp": 200.0, "cost_fp": 40.0, "cost_fn": 200.0}
TEXTS = {
    "name": "churn",
    "version": "1.0",
    "purpose": "Choose <calls>.",
    "not_for": "Prices.",
    "limitations": ["One | provider."],
}
QUICK = {"n_resamples": 60}
TRUE = RNG.normal(100, 20, N)
FORECAST = TRUE + RNG.normal(2, 10, N)


@pytest.fixture(scope="module")
def regression():
    return validation_report(
        TRUE, FORECAST, task="regression", groups=GROUPS, gates={"mae_high": {"max": 1.0}},
        reference=np.full(N, 100.0), **QUICK, **TEXTS,
    )  # fmt: skip


def test_regression_figures_are_those_of_the_metrics(regression):
    found = regression_metrics(TRUE, FORECAST)
    for name in ("mae", "rmse", "bias", "r2", "max_error"):
        assert regression.figures[name] == pytest.approx(found[name])
    saved = np.abs(TRUE - 100).mean() - found["mae"]
    assert regression.figures["gain_over_reference"] == pytest.approx(saved)
    assert set(regression.plots) == {"True against predicted", "Residual plot", "Error by group"}


def test_residuals_are_the_true_value_less_the_forecast(regression):
    table = regression.tables["residuals"]
    assert (table["n"] * table["residual"]).sum() / N == pytest.approx((TRUE - FORECAST).mean())
    assert (table["low"] < table["residual"]).all()
    assert (table["residual"] < table["high"]).all()


def test_constant_forecast_has_one_bin_of_residuals():
    made = validation_report(TRUE, np.full(N, 100.0), task="regression", **QUICK, **TEXTS)
    assert len(made.tables["residuals"]) == 1


def test_small_group_of_a_regression_is_not_judged():
    made = validation_report(
        TRUE, FORECAST, task="regression", groups=GROUPS, min_group=N + 1, **QUICK, **TEXTS
    )
    assert made.tables["fairness"]["mae"].isna().all()
    assert "Error by group" not in made.plots


def test_wrong_input_of_a_regression_is_named():
    with pytest.raises(ValueError, match="costs belong to decisions"):
        validation_report(TRUE, FORECAST, task="regression", costs=COSTS, **TEXTS)
    with pytest.raises(ValueError, match="reference has 3 rows"):
        validation_report(TRUE, FORECAST, task="regression", reference=[1.0, 2.0, 3.0], **QUICK, **TEXTS)


def test_residuals_of_three_distinct_predictions_are_three_rows():
    prediction = np.repeat([1.0, 2.0, 3.0], 100)
    report = validation_report(
        prediction + np.repeat([0.0, 1.0, -1.0], 100), prediction, name="m", version="1", purpose="a",
        not_for="b", limitations=["c"], task="regression", n_resamples=20,
    )  # fmt: skip
    assert report.tables["residuals"]["predicted"].tolist() == [1, 2, 3]
    assert report.tables["residuals"]["residual"].tolist() == [0, 1, -1]
