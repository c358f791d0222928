"""From the telecom company's tables to one row per customer, seeing nothing after a given day.

Used by the features stage of the churn pipeline; taught in lesson 3.3 (point-in-time aggregates).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_PROFILE = ["gender", "region", "contract", "payment_method", "internet"]
_ORDER = [
    "customer_id", "signup_date", "age", *_PROFILE, "tenure_months", "monthly_charge", "discount_pct",
    "data_gb", "call_minutes", "late_payments_6m", "days_since_payment", "tickets_90d", "last_ticket_days",
    "satisfaction", "sim_batch",
]  # fmt: skip


def churn_features(
    customers: pd.DataFrame,
    invoices: pd.DataFrame,
    usage: pd.DataFrame,
    tickets: pd.DataFrame,
    *,
    as_of: str | pd.Timestamp,
) -> pd.DataFrame:
    """Compute the 17 features known at the end of one day from the four source tables.

    Taught in lesson 3.3.

    Parameters
    ----------
    customers, invoices, usage, tickets : pandas.DataFrame
        Tables as ``load("churn", table=...)`` returns them.
    as_of : str or pandas.Timestamp
        The day (its end) from which the company looks back. Rows dated later have no influence: a customer
        who signed up later is absent, an invoice paid later counts as open, a month of usage counts once it
        has ended.

    Returns
    -------
    pandas.DataFrame
        One row per customer who had signed up, ordered by ``customer_id``: the identifier, the sign-up date
        and the features of ``load("churn")`` without the label and without ``retention_calls``, which is not
        known then.

    Raises
    ------
    ValueError
        If ``customer_id`` is not unique in `customers`.
    """
    day = pd.Timestamp(as_of).normalize()
    if customers["customer_id"].duplicated().any():
        twice = customers.loc[customers["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise ValueError(f"customers: customer_id {twice!r} occurs twice; remove duplicates before features")
    known = customers[customers["signup_date"] <= day].sort_values("customer_id").set_index("customer_id")
    signup = known["signup_date"]
    out = known[_PROFILE].copy()
    out["signup_date"] = signup
    out["age"] = day.year - known["birth_year"]
    out["tenure_months"] = (
        (day.year - signup.dt.year) * 12 + day.month - signup.dt.month - (signup.dt.day > day.day)
    ).astype("int64")
    for column in ("monthly_charge", "discount_pct", "satisfaction", "sim_batch"):
        out[column] = known[column]

    running = (day + pd.Timedelta(days=1)).to_period("M").start_time  # the month that has not ended
    recent = usage[(usage["month"] < running) & (usage["month"] >= running - pd.DateOffset(months=3))]
    means = recent.groupby("customer_id")[["data_gb", "call_minutes"]].mean()
    out["data_gb"] = means["data_gb"].reindex(out.index).round(2)
    out["call_minutes"] = means["call_minutes"].reindex(out.index).round(1)

    due = invoices[(invoices["due"] <= day) & (invoices["due"] > day - pd.DateOffset(months=6))]
    late = due["paid"].isna() | (due["paid"] > due["due"])
    out["late_payments_6m"] = _count(due.loc[late, "customer_id"], out.index)
    paid = invoices[invoices["paid"] <= day].groupby("customer_id")["paid"].max().reindex(out.index)
    last_paid = paid.fillna(signup)  # the activation fee is paid on sign-up
    out["days_since_payment"] = (day - last_paid).dt.days.astype("int64")

    # An event log has times where the ticket system has days: both count to the end of `as_of`.
    tickets = tickets.assign(opened=tickets["opened"].dt.normalize())
    opened = tickets[tickets["opened"] <= day]
    last_90 = opened.loc[opened["opened"] > day - pd.Timedelta(days=90), "customer_id"]
    out["tickets_90d"] = _count(last_90, out.index)
    last = opened.groupby("customer_id")["opened"].max().reindex(out.index)
    out["last_ticket_days"] = (day - last).dt.days.astype("float64")
    return out.reset_index()[_ORDER]


def churn_labels(
    customers: pd.DataFrame, events: pd.DataFrame, *, as_of: str | pd.Timestamp, horizon_days: int = 30
) -> pd.Series:
    """Label each customer known on a day: 1 if the contract was cancelled within the horizon after it.

    Taught in lesson 3.3; used by the features stage of the churn pipeline.

    Parameters
    ----------
    customers, events : pandas.DataFrame
        Tables as ``load("churn", table=...)`` returns them.
    as_of : str or pandas.Timestamp
        The day (its end) after which the horizon begins.
    horizon_days : int, default=30
        Length of the horizon in days.

    Returns
    -------
    pandas.Series
        int64 column ``churned``, indexed by ``customer_id`` in order.

    Raises
    ------
    ValueError
        If `horizon_days` is not positive.
    """
    found = _events_after(customers, events, "contract_cancelled", as_of, horizon_days)
    return (found > 0).astype("int64").rename("churned")


def retention_calls(
    customers: pd.DataFrame, events: pd.DataFrame, *, as_of: str | pd.Timestamp, horizon_days: int = 30
) -> pd.Series:
    """Count the retention team's calls after a day: the leaking column of ``load("churn")``.

    The calls follow a notice, so at `as_of` the count is always 0. Taught in lesson 5.1.

    Parameters
    ----------
    customers, events : pandas.DataFrame
        Tables as ``load("churn", table=...)`` returns them.
    as_of : str or pandas.Timestamp
        The day (its end) after which calls are counted.
    horizon_days : int, default=30
        Number of days after `as_of` in which calls are counted.

    Returns
    -------
    pandas.Series
        int64 column ``retention_calls``, indexed by ``customer_id`` in order.

    Raises
    ------
    ValueError
        If `horizon_days` is not positive.
    """
    found = _events_after(customers, events, "retention_call", as_of, horizon_days)
    return found.rename("retention_calls")


def _events_after(customers, events, kind, as_of, horizon_days) -> pd.Series:
    if horizon_days < 1:
        raise ValueError(f"horizon_days must be at least 1, got {horizon_days}")
    day = pd.Timestamp(as_of).normalize()
    known = customers.loc[customers["signup_date"] <= day, "customer_id"].sort_values()
    date = events["ts"].dt.normalize()
    inside = (events["type"] == kind) & (date > day) & (date <= day + pd.Timedelta(days=horizon_days))
    return _count(events.loc[inside, "customer_id"], pd.Index(known, name="customer_id"))


def _count(ids: pd.Series, index: pd.Index) -> pd.Series:
    return ids.value_counts().reindex(index, fill_value=0).astype(np.int64)
