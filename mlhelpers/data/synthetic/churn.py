"""The `churn` set: 12,000 telecom customers at a snapshot, their tables, their label, the truth behind both.

Used in every lesson.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from mlhelpers.data.churn_tables import churn_features, churn_labels, retention_calls
from mlhelpers.data.synthetic import churn_population as population
from mlhelpers.data.synthetic.churn_model import (
    COEFFICIENTS,
    HORIZON_DAYS,
    MISSING,
    SNAPSHOT,
    churn_logit,
    missing_masks,
)
from mlhelpers.data.synthetic.churn_raw import dirty_export, draw_source_errors
from mlhelpers.data.synthetic.common import Generated, bernoulli, days, pick, sigmoid, stream

SEED = 20250630
N_CUSTOMERS = 12_000
CALLS_AFTER_NOTICE = 1.6  # mean number of retention calls to a customer who leaves
CALLED_WITHOUT_LEAVING = 0.05  # threatened to leave and stayed
CUSTOMER_COLUMNS = [
    "customer_id", "signup_date", "birth_year", "gender", "region", "contract", "payment_method", "internet",
    "monthly_charge", "discount_pct", "sim_batch", "satisfaction",
]  # fmt: skip


def complete_world(n: int, seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Draw the source tables without gaps and the complete features at the snapshot.

    Returns
    -------
    tables : dict of str to pandas.DataFrame
        customers (with the hidden segment), invoices, usage and tickets.
    features : pandas.DataFrame
        The 17 features of each customer, complete.
    """
    customers = population.draw_customers(n, seed, SNAPSHOT)
    customers["satisfaction"] = np.nan
    tables = {
        "customers": customers,
        "invoices": population.draw_invoices(customers, seed),
        "usage": population.draw_usage(customers, seed),
        "tickets": population.draw_tickets(customers, seed, SNAPSHOT),
    }
    features = churn_features(**tables, as_of=SNAPSHOT)
    answer = population.draw_satisfaction(features, customers["segment"].to_numpy(), seed)
    customers["satisfaction"] = answer
    features["satisfaction"] = answer
    return tables, features


def generate(seed: int = SEED) -> Generated:
    """Draw the whole set: flat table, relational tables, raw export, truth."""
    tables, complete = complete_world(N_CUSTOMERS, seed)
    probability = sigmoid(churn_logit(complete))
    leaves = bernoulli(stream(seed, 6), probability)
    masks = missing_masks(complete, stream(seed, 7))
    events, leave_day = _events(tables, leaves, seed)

    customers = tables["customers"].copy()
    segment = customers["segment"].to_numpy()
    customers = customers[CUSTOMER_COLUMNS]
    customers.loc[masks["age"], "birth_year"] = np.nan
    customers.loc[masks["satisfaction"], "satisfaction"] = np.nan
    usage = _after_notice_usage(tables["usage"], customers["customer_id"], leave_day)
    lost = usage["customer_id"].isin(customers.loc[masks["call_minutes"], "customer_id"])
    usage.loc[lost, "call_minutes"] = np.nan
    invoices = _unpaid_by_leavers(tables["invoices"], customers.loc[leaves, "customer_id"], seed)

    flat = churn_features(customers, invoices, usage, tables["tickets"], as_of=SNAPSHOT)
    asked = {"as_of": SNAPSHOT, "horizon_days": HORIZON_DAYS}
    flat["retention_calls"] = retention_calls(customers, events, **asked).to_numpy()
    flat["churned"] = churn_labels(customers, events, **asked).to_numpy()

    truth = complete[["customer_id", "age", "call_minutes", "satisfaction"]].copy()
    truth["segment"] = segment
    truth["churn_probability"] = probability
    raw, raw_truth = dirty_export(flat, stream(seed, 9))
    frames = {
        "churn": flat,
        "customers": customers,
        "invoices": invoices,
        "usage": usage,
        "tickets": tables["tickets"],
        "events": events,
        "truth": truth,
        "raw": raw,
        "raw_truth": raw_truth,
        "source_errors": draw_source_errors(customers, usage, stream(seed, 10)),
    }
    return Generated(frames, _truth_numbers(frames), seed, frozenset({"raw"}))


def _events(tables, leaves, seed) -> tuple[pd.DataFrame, np.ndarray]:
    """Write the event log; also return on which day after the snapshot each customer leaves (0: stays)."""
    rng, customers = stream(seed, 8), tables["customers"]
    ids, n = customers["customer_id"].to_numpy(), len(customers)
    leave_day = np.where(leaves, rng.integers(2, HORIZON_DAYS + 1, n), 0)
    topic = tables["tickets"]
    opened = pd.DataFrame(
        {
            "ts": topic["opened"] + pd.to_timedelta(rng.integers(8 * 3600, 20 * 3600, len(topic)), unit="s"),
            "type": "ticket_opened",
            "customer_id": topic["customer_id"],
            "payload": [
                json.dumps({"ticket_id": t, "topic": s, "resolved_hours": h})
                for t, s, h in zip(topic["ticket_id"], topic["topic"], topic["resolved_hours"], strict=True)
            ],
        }
    )
    calls = np.where(
        leaves, rng.poisson(CALLS_AFTER_NOTICE, n), bernoulli(rng, np.full(n, CALLED_WITHOUT_LEAVING))
    ).astype(int)
    called = np.repeat(np.arange(n), calls)
    latest = np.where(leaves, leave_day, HORIZON_DAYS)[called]
    call_day = 1 + np.floor(np.round(rng.random(len(called)) * latest, 6)).astype(int)
    call = pd.DataFrame(
        {
            "ts": days(SNAPSHOT, call_day)
            + pd.to_timedelta(rng.integers(9 * 3600, 17 * 3600, len(called)), unit="s"),
            "type": "retention_call",
            "customer_id": ids[called],
            "payload": [json.dumps({"minutes": int(m)}) for m in rng.integers(2, 26, len(called))],
        }
    )
    gone = np.flatnonzero(leaves)
    reason = pick(
        rng, ["price", "network", "moving", "competitor", "unknown"], np.tile([3, 2, 1, 2, 2], (len(gone), 1))
    )
    cancelled = pd.DataFrame(
        {
            # the evening: after the last call of the day
            "ts": days(SNAPSHOT, leave_day[gone])
            + pd.to_timedelta(rng.integers(17 * 3600, 21 * 3600, len(gone)), unit="s"),
            "type": "contract_cancelled",
            "customer_id": ids[gone],
            "payload": [json.dumps({"reason": r}) for r in reason],
        }
    )
    events = pd.concat([opened, call, cancelled]).sort_values(["ts", "customer_id", "type"], kind="stable")
    events = events.reset_index(drop=True)
    events["ts"] = events["ts"].astype("datetime64[ns]")
    events.insert(0, "event_id", [f"E{i:07d}" for i in range(1, len(events) + 1)])
    return events, leave_day


def _after_notice_usage(usage, ids, leave_day) -> pd.DataFrame:
    """Cut the usage of the month after the snapshot where a customer leaves during it."""
    share = pd.Series(np.where(leave_day > 0, leave_day / 31, 1.0), index=ids.to_numpy())
    after = usage["month"] > SNAPSHOT
    factor = np.where(after, usage["customer_id"].map(share), 1.0)
    out = usage.copy()
    out["data_gb"] = np.round(out["data_gb"] * factor, 1)
    out["call_minutes"] = np.round(out["call_minutes"] * factor, 0)
    return out


def _unpaid_by_leavers(invoices, leaver_ids, seed) -> pd.DataFrame:
    """Leave most of the last invoices open where the customer left."""
    out = invoices.copy()
    last = (out["issued"] > SNAPSHOT) & out["customer_id"].isin(leaver_ids)
    drawn = stream(seed, 11).random(len(out)) < 0.7
    out.loc[last & drawn, "paid"] = pd.NaT
    return out


def _truth_numbers(frames) -> dict:
    flat, truth = frames["churn"], frames["truth"]
    p, errors = truth["churn_probability"], frames["source_errors"]
    rates = flat.groupby("contract")["churned"].mean().round(4)
    return {
        "snapshot": SNAPSHOT,
        "horizon_days": HORIZON_DAYS,
        "coefficients": COEFFICIENTS,
        "missing": MISSING,
        "useless_columns": ["sim_batch"],
        "leaking_columns": ["retention_calls"],
        "structural_missing": {"last_ticket_days": "no ticket in the 24 months before the snapshot"},
        "interaction": "tickets_90d raises churn only while tenure_months < 12",
        "u_shape": "data_gb",
        "simpson": {"feature": "discount_pct", "group": "contract"},
        "retention_calls": {
            "mean_if_leaving": CALLS_AFTER_NOTICE,
            "called_without_leaving": CALLED_WITHOUT_LEAVING,
        },
        "churn_rate": round(float(flat["churned"].mean()), 4),
        "mean_probability": round(float(p.mean()), 4),
        "churn_rate_by_contract": {k: float(v) for k, v in rates.items()},
        "auc_of_true_probability": _auc(flat["churned"].to_numpy(), p.to_numpy()),
        "broken_sources": {
            source: sorted(group["key"].unique()) for source, group in errors.groupby("source")
        },
    }


def _auc(label: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve by ranks, rounded to 4 decimals."""
    rank = pd.Series(score).rank().to_numpy()
    positives = label.sum()
    area = (rank[label == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(label) - positives))
    return round(float(area), 4)
