"""The figures of lesson 1.4 on the stored sales and on 15 other seeds of their generator.

Run it with `python benchmarks/claims/1_4_lifecycle.py`; it writes 1_4_lifecycle.csv beside it. Rows of the
three candidates hold the two estimates and what 26 later weeks delivered; all rows hold the weeks after the
first possible alarm ("late"). It takes about six minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from mlhelpers.data import load
from mlhelpers.data.synthetic import demand as generator
from mlhelpers.data.synthetic.registry import generate

OUTPUT = Path(__file__).with_suffix(".csv")
STORED = generator.SEED
PLANNED = ["store", "product", "holiday", "promotion", "price"]
CANDIDATES = {
    "week number": [*PLANNED, "week"],
    "week of the year": [*PLANNED, "week_of_year"],
    "both": [*PLANNED, "week", "week_of_year"],
}
SPLIT, LATE = 78, 82


def make_model():
    """The lesson's model."""
    codes = make_column_transformer((OrdinalEncoder(), PLANNED[:3]), remainder="passthrough")
    trees = HistGradientBoostingRegressor(
        loss="poisson", max_iter=150, min_samples_leaf=10, categorical_features=[0, 1, 2], random_state=0
    )
    return make_pipeline(codes, trees)


def wape(rows: pd.DataFrame, forecast: np.ndarray) -> float:
    return float((rows["units_sold"] - forecast).abs().sum() / rows["units_sold"].sum())


def bias(rows: pd.DataFrame, forecast: np.ndarray) -> float:
    return float(np.sum(forecast) / rows["units_sold"].sum() - 1)


def prepared(seed: int) -> pd.DataFrame:
    """The table of the lesson, with the expected demand and the mean of the last 13 weeks."""
    if seed == STORED:
        demand, truth = load("demand"), load("demand", table="truth")
    else:
        demand, truth = generate("demand", seed=seed).frames.values()
    demand = demand.assign(expected=truth["expected_demand"].to_numpy())
    demand["week"] = (demand["week_start"] - demand["week_start"].min()).dt.days // 7
    demand["week_of_year"] = demand["week_start"].dt.isocalendar().week.astype(int)
    demand = demand.sort_values(["week", "store", "product"], ignore_index=True)
    series = demand.groupby(["store", "product"])["units_sold"]
    demand["recent"] = series.transform(lambda units: units.shift(1).rolling(13, min_periods=1).mean())
    return demand


def yearly_growth(history: pd.DataFrame) -> float:
    """Units of ordinary rows against the same weeks a year before, less 1."""
    ordinary = history[(history["holiday"] == "none") & (history["promotion"] == 0)]
    later = ordinary["week_of_year"].isin(ordinary.loc[ordinary["week"] >= 52, "week_of_year"])
    by_year = ordinary[later].groupby(ordinary["week"] // 52)["units_sold"].mean()
    return by_year[1] / by_year[0] - 1


def fitted(rows: pd.DataFrame, columns: list[str], growth: float = 0.0):
    """Forecast function of a model that was trained on units without the growth."""
    model = make_model().fit(rows[columns], rows["units_sold"] / (1 + growth) ** (rows["week"] / 52))
    return lambda ahead: model.predict(ahead[columns]) * (1 + growth) ** (ahead["week"].to_numpy() / 52)


def backtest(history: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    parts = []
    for start in (54, 62, 70):
        ahead = history[history["week"].between(start, start + 7)]
        parts.append(ahead.assign(forecast=fitted(history[history["week"] < start], columns)(ahead)))
    return pd.concat(parts)


def limit_of(rows: pd.DataFrame) -> float:
    sums = rows.groupby("week")[["forecast", "units_sold"]].sum()
    return float(3 * (sums["forecast"] / sums["units_sold"] - 1).std() / np.sqrt(4))


def replay(demand: pd.DataFrame, columns: list[str], limit: float) -> tuple[pd.DataFrame, int]:
    """Forecast week by week and train again on alarm; the rows with forecasts, and how many trainings."""
    predict, window, parts, trainings = fitted(demand[demand["week"] < SPLIT], columns), [], [], 0
    for week in range(SPLIT, 104):
        rows = demand[demand["week"] == week]
        parts.append(rows.assign(forecast=predict(rows)))
        window = [*window, bias(rows, parts[-1]["forecast"])][-4:]
        if len(window) == 4 and abs(np.mean(window)) > limit:
            predict, window, trainings = fitted(demand[demand["week"] <= week], columns), [], trainings + 1
    return pd.concat(parts), trainings


def measured(seed: int) -> list[dict]:
    """All rows of one seed."""
    demand = prepared(seed)
    history, future = demand[demand["week"] < SPLIT], demand[demand["week"] >= SPLIT]
    chance = {
        "chance_history": wape(history, history["expected"]),
        "chance_live": wape(future, future["expected"]),
    }
    folds, rows, year = KFold(5, shuffle=True, random_state=0), [], CANDIDATES["week of the year"]
    for name, columns in CANDIDATES.items():
        forecast = cross_val_predict(make_model(), history[columns], history["units_sold"], cv=folds)
        tested = backtest(history, columns)
        live = future.assign(forecast=fitted(history, columns)(future))
        if name == "week of the year":
            limit = limit_of(tested)
        rows.append({
            "name": name, "shuffled": wape(history, forecast), "tested": wape(tested, tested["forecast"]),
            "test_bias": bias(tested, tested["forecast"]), "live": wape(live, live["forecast"]),
            "live_bias": bias(live, live["forecast"]), **chance, "trainings": 0, "rows": live,
        })  # fmt: skip
    growth = yearly_growth(history)
    arms = {
        "retrained on alarm": replay(demand, year, limit),
        "new feature": replay(demand, [*year, "recent"], np.inf),
        "new feature, retrained on alarm": replay(demand, [*year, "recent"], limit),
        "growth divided out": (future.assign(forecast=fitted(history, year, growth)(future)), 0),
    }
    rows += [{"name": name, "trainings": count, "rows": live} for name, (live, count) in arms.items()]
    for row in rows:
        late = row.pop("rows").query("week >= @LATE")
        row |= {"seed": seed, "late": wape(late, late["forecast"]), "late_bias": bias(late, late["forecast"])}
    return rows


def main(repeats: int = 16, output: Path | str = OUTPUT) -> pd.DataFrame:
    """Measure the stored sales and `repeats` - 1 other seeds, and write them to `output`."""
    table = pd.DataFrame([row for seed in (STORED, *range(1, repeats)) for row in measured(seed)])
    table.insert(0, "seed", table.pop("seed"))
    table = table.round(4)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
