"""The `churn_stream` set: 52 weekly batches after the snapshot, with three events of known date.

Used in chapter 9 and in the monitor stage of the churn pipeline.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.synthetic.churn import complete_world
from mlhelpers.data.synthetic.churn_model import MISSING, SNAPSHOT, churn_logit, missing_masks
from mlhelpers.data.synthetic.common import Generated, bernoulli, sigmoid, stream

SEED = 20250707
FIRST_BATCH = "2025-07-07"
N_WEEKS, N_POOL = 52, 26_000
EVENTS = {
    "price_change": {
        "week": 20,
        "kind": "covariate drift",
        "columns": ["monthly_charge", "contract"],
        "monthly_charge_factor_of_monthly_contracts": 1.12,
        "monthly_contracts_that_stay_away": 0.3,
        "changes_p_of_y_given_x": False,
    },
    "competitor": {
        "week": 36,
        "kind": "concept drift",
        "columns": [],
        "segment": {"internet": "fiber", "contract": "monthly"},
        "log_odds": 1.9,
        "changes_p_of_y_given_x": True,
    },
    "broken_unit": {
        "week": 44,
        "kind": "broken upstream unit",
        "columns": ["data_gb"],
        "factor": 1024,
        "share_of_rows": 0.85,
        "changes_p_of_y_given_x": False,
    },
}


def generate(seed: int = SEED) -> Generated:
    """Draw the batches and the truth behind them."""
    complete = complete_world(N_POOL, seed)[1]
    week = _weeks(complete, seed)
    complete = complete[week > 0].reset_index(drop=True)
    week = week[week > 0]
    price, rival, unit = EVENTS["price_change"], EVENTS["competitor"], EVENTS["broken_unit"]

    raised = (week >= price["week"]) & (complete["contract"] == "monthly").to_numpy()
    factor = np.where(raised, price["monthly_charge_factor_of_monthly_contracts"], 1.0)
    complete["monthly_charge"] = np.round(complete["monthly_charge"] * factor, 2)
    logit = churn_logit(complete)
    segment = np.logical_and.reduce([(complete[c] == v).to_numpy() for c, v in rival["segment"].items()])
    logit = logit + rival["log_odds"] * (segment & (week >= rival["week"]))
    probability = sigmoid(logit)
    churned = bernoulli(stream(seed, 6), probability).astype(np.int64)

    batch = complete.copy()
    for column, mask in missing_masks(complete, stream(seed, 7)).items():
        batch.loc[mask, column] = np.nan
    wrong = (week >= unit["week"]) & bernoulli(stream(seed, 8), np.full(len(batch), unit["share_of_rows"]))
    batch["data_gb"] = np.round(np.where(wrong, batch["data_gb"] * unit["factor"], batch["data_gb"]), 2)
    batch_date = pd.DatetimeIndex(pd.Timestamp(FIRST_BATCH) + pd.to_timedelta(7 * (week - 1), unit="D"))
    batch["signup_date"] = (batch_date - (pd.Timestamp(SNAPSHOT) - batch["signup_date"])).astype(
        "datetime64[ns]"
    )
    batch["customer_id"] = [f"C{i:06d}" for i in range(100_001, 100_001 + len(batch))]
    batch.insert(0, "week", week)
    batch.insert(1, "batch_date", batch_date.as_unit("ns"))
    batch["retention_calls"] = np.int64(0)  # at scoring time nobody has called yet
    batch["churned"] = churned
    truth = pd.DataFrame(
        {
            "customer_id": batch["customer_id"],
            "week": week,
            "churn_probability": probability,
            "data_gb": complete["data_gb"],
            "unit_broken": wrong,
            "in_competitor_segment": segment,
            "age": complete["age"],
            "call_minutes": complete["call_minutes"],
            "satisfaction": complete["satisfaction"],
        }
    )
    weekly = batch.groupby("week")["churned"].mean()
    numbers = {
        "events": EVENTS,
        "first_batch": FIRST_BATCH,
        "missing": MISSING,
        "quiet_weeks": [1, price["week"] - 1],
        "churn_rate_by_period": {
            "weeks_1_19": round(float(churned[week < 20].mean()), 4),
            "weeks_20_35": round(float(churned[(week >= 20) & (week < 36)].mean()), 4),
            "weeks_36_52": round(float(churned[week >= 36].mean()), 4),
        },
        "churn_rate_by_week": {str(k): round(float(v), 4) for k, v in weekly.items()},
    }
    return Generated({"churn_stream": batch, "truth": truth}, numbers, seed)


def _weeks(pool: pd.DataFrame, seed: int) -> np.ndarray:
    """Give each customer of the pool a week (0: none): about 400 a week, fewer monthly contracts later."""
    size = [400 + int(np.rint(np.round(20 * np.sin(2 * np.pi * w / 52), 6))) for w in range(1, N_WEEKS + 1)]
    away = EVENTS["price_change"]["monthly_contracts_that_stay_away"]
    leaves = bernoulli(stream(seed, 20), np.where(pool["contract"] == "monthly", away, 0.0))
    quiet = sum(size[: EVENTS["price_change"]["week"] - 1])
    week = np.zeros(len(pool), dtype=np.int64)
    later = np.flatnonzero(~leaves)
    later = later[later >= quiet]
    rows = np.concatenate([np.arange(quiet), later])[: sum(size)]
    week[rows] = np.repeat(np.arange(1, N_WEEKS + 1), size)
    return week
