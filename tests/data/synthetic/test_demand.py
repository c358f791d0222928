import numpy as np
import pandas as pd
import pytest

from mlhelpers.data import load, truth


@pytest.fixture(scope="module")
def demand():
    return load("demand").merge(load("demand", table="truth"), on=["week_start", "store", "product"])


def test_demand_is_a_full_grid(demand):
    assert len(demand) == 104 * 20 * 5
    assert not demand.duplicated(["week_start", "store", "product"]).any()


def test_demand_multipliers_are_found_again_by_regression(demand):
    import scipy.linalg

    rows = demand[demand["product"] == "power_bank"]
    effects, prices = truth("demand")["effects"], truth("demand")["products"]
    week = (rows["week_start"] - rows["week_start"].min()).dt.days / 364
    year = rows["week_start"].dt.isocalendar().week.astype(float)
    phase = 2 * np.pi * (year - effects["season_peak_week"]) / 52
    price = rows["price"] / prices["power_bank"]["list_price"] / np.where(rows["promotion"] == 1, 0.8, 1)
    weather = np.log1p(0.018 * (rows["temperature"] - 12))
    season = np.log1p(effects["season_amplitude"] * np.cos(phase))
    days = [rows["holiday"] == name for name in effects["holiday"]]
    parts = [week, season, rows["promotion"], np.log(price), weather, *days]
    stores = pd.get_dummies(rows["store"]).to_numpy(float)
    design = np.column_stack([*(np.asarray(p, float) for p in parts), stores])
    slope = scipy.linalg.lstsq(design, np.log(rows["true_demand"] + 0.5))[0]
    assert np.exp(slope[0]) == pytest.approx(effects["trend_per_52_weeks"], abs=0.05)
    assert np.exp(slope[2]) == pytest.approx(effects["promotion"]["power_bank"], abs=0.12)
    assert slope[1] == pytest.approx(1, abs=0.3) and slope[4] == pytest.approx(1, abs=0.3)
    assert slope[3] == pytest.approx(effects["price_elasticity"], abs=0.5)
    assert np.exp(slope[8]) == pytest.approx(effects["holiday"]["christmas"], abs=0.3)


def test_demand_is_censored_in_the_documented_weeks_only(demand):
    out = demand["stock_out"] == 1
    numbers = truth("demand")["stock_out"]
    assert out.sum() == len(numbers["weeks"])
    assert set(demand.loc[out, "store"]) == {numbers["store"]}
    assert (demand.loc[out, "units_sold"] < 0.2 * demand.loc[out, "true_demand"]).all()
    assert (demand.loc[~out, "units_sold"] == demand.loc[~out, "true_demand"]).all()


def test_demand_holidays_fall_where_the_calendar_has_them(demand):
    weeks = demand.drop_duplicates("week_start").set_index("week_start")["holiday"]
    assert weeks[weeks == "black_friday"].index.strftime("%Y-%m-%d").tolist() == ["2023-11-20", "2024-11-25"]
    assert weeks[weeks == "new_year"].index.strftime("%Y-%m-%d").tolist() == ["2024-01-01", "2024-12-30"]
    assert weeks.value_counts().to_dict() == {
        "none": 96, "black_friday": 2, "christmas": 2, "new_year": 2, "spring_festival": 2,
    }  # fmt: skip
