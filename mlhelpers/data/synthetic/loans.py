"""The `loans` set: a sensitive attribute, a proxy for it, a biased record and the unbiased outcome.

Used in lessons 3.3, 5.3, 5.4 and 10.4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.synthetic.common import Generated, bernoulli, pick, sigmoid, stream, table_of, whole

SEED = 20240101
N = 20_000
SHARE_B = 0.35
DISTRICTS = [f"D{i:02d}" for i in range(1, 13)]
# Weights of the twelve districts: where one lives says much about the group.
DISTRICT_WEIGHTS = {"A": (9, 9, 8, 8, 7, 6, 4, 3, 2, 1.5, 1, 1), "B": (1, 1, 1.5, 2, 3, 4, 6, 7, 8, 8, 9, 9)}
COEFFICIENTS = {
    "intercept": 2.2,
    "debt_to_income_per_0.1": -0.3,
    "loan_to_income_per_0.1": -0.22,
    "log_income_from_38000": 0.6,
    "previous_defaults_each": -1.1,
    "credit_history_years_each_up_to_15": 0.07,
    "employment_years_each_up_to_10": 0.06,
    "savings_per_10000_up_to_50000": 0.3,
    "purpose_business": -0.45,
    "group": 0.0,
    "district": 0.0,
}
BIAS = {
    "repaid_recorded_as_default_in_A": 0.02,
    "repaid_recorded_as_default_in_B": 0.18,
    "officer_log_odds_against_B": -0.9,
}


def generate(seed: int = SEED) -> Generated:
    """Draw the applications and the truth behind them."""
    rng = stream(seed, 1)
    group = np.where(bernoulli(rng, np.full(N, SHARE_B)), "B", "A").astype(object)
    in_b = group == "B"
    age = whole(rng.normal(40, 12, N), 18, 80)
    employed = whole(rng.gamma(1.4, 4.5, N), 0, 45)
    employment_years = np.minimum(employed, age - 17)
    income = np.exp(rng.normal(np.where(in_b, 10.48, 10.58), 0.45)) * (
        1 + 0.012 * np.minimum(employment_years, 20)
    )
    income = np.round(income, -2)
    income[rng.random(N) < 0.008] = 0.0  # students and people between jobs
    debt = np.round(np.maximum(income, 9000) * rng.gamma(1.3, 0.22, N), -2)
    loan = np.round(np.exp(rng.normal(9.2, 0.65, N)), -2)
    frame = pd.DataFrame(
        {
            "application_id": [f"L{i:06d}" for i in range(1, N + 1)],
            "application_date": pd.DatetimeIndex(
                pd.Timestamp("2023-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 730, N)), unit="D")
            ).as_unit("ns"),
            "group": group,
            "district": pick(rng, DISTRICTS, table_of(DISTRICT_WEIGHTS, group)),
            "age": age,
            "employment_years": employment_years,
            "income": income,
            "debt": debt,
            "savings": np.round(rng.gamma(0.7, 14_000, N), -2),
            "credit_history_years": np.minimum(whole(rng.gamma(2.0, 4.5, N), 0, 50), age - 17),
            "previous_defaults": np.minimum(rng.poisson(0.28, N), 4),
            "loan_amount": loan,
            "term_months": pick(rng, np.array([12, 24, 36, 48, 60]), np.tile([2, 3, 3, 1.5, 1.5], (N, 1))),
            "purpose": pick(
                rng,
                ["car", "home", "education", "business", "other"],
                np.tile([3, 2.5, 1.5, 1.5, 1.5], (N, 1)),
            ),
        }
    )
    probability = sigmoid(_logit(frame))
    would_repay = bernoulli(stream(seed, 2), probability)
    wronged = bernoulli(
        stream(seed, 3),
        np.where(in_b, BIAS["repaid_recorded_as_default_in_B"], BIAS["repaid_recorded_as_default_in_A"]),
    )
    officer = sigmoid(_logit(frame) - 0.6 + BIAS["officer_log_odds_against_B"] * in_b)
    frame["approved"] = bernoulli(stream(seed, 4), officer).astype(np.int64)
    frame["repaid_label"] = (would_repay & ~wronged).astype(np.int64)
    truth = pd.DataFrame(
        {
            "application_id": frame["application_id"],
            "would_repay": would_repay.astype(np.int64),
            "repay_probability": probability,
            "label_is_wrong": (would_repay & wronged).astype(np.int64),
        }
    )
    by_group = {
        g: {
            "would_repay": round(float(would_repay[group == g].mean()), 4),
            "repaid_label": round(float(frame["repaid_label"].to_numpy()[group == g].mean()), 4),
            "approved": round(float(frame["approved"].to_numpy()[group == g].mean()), 4),
        }
        for g in ("A", "B")
    }
    numbers = {
        "coefficients": COEFFICIENTS,
        "bias": BIAS,
        "sensitive": "group",
        "proxy": "district",
        "rates": by_group,
    }
    return Generated({"loans": frame, "truth": truth}, numbers, seed)


def _logit(frame: pd.DataFrame) -> np.ndarray:
    c = COEFFICIENTS
    base = np.maximum(frame["income"].to_numpy(), 6000.0)
    logit = (
        c["intercept"]
        + c["debt_to_income_per_0.1"] * np.minimum(frame["debt"].to_numpy() / base, 2.0) * 10
        + c["loan_to_income_per_0.1"] * np.minimum(frame["loan_amount"].to_numpy() / base, 2.0) * 10
        + c["log_income_from_38000"] * np.log(base / 38_000)
        + c["previous_defaults_each"] * frame["previous_defaults"].to_numpy()
        + c["credit_history_years_each_up_to_15"] * np.minimum(frame["credit_history_years"].to_numpy(), 15)
        + c["employment_years_each_up_to_10"] * np.minimum(frame["employment_years"].to_numpy(), 10)
        + c["savings_per_10000_up_to_50000"] * np.minimum(frame["savings"].to_numpy(), 50_000) / 10_000
        + c["purpose_business"] * (frame["purpose"] == "business").to_numpy()
    )
    return np.round(logit, 6)
