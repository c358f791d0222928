"""Claims of lesson 2.1 on twelve splits of the churn table: thresholds, prices, weights, base rates.

For each split the models of the lesson, plain and with balanced class weights, are trained on 6,000
customers; thresholds are measured on 3,000 and judged on 3,000 others. Money is in USD per customer. `low`,
`threshold`, `high` are measured, and `usd_*` says what a threshold earns on the judged rows: the measured
one, the ends of its interval, the break-even of the prices (`formula`), 0.5, everybody, nobody. `inside`
counts the prices (of six) whose break-even lies in the measured interval. `weighted_*` are earned by the
weighted model: with the formula, with a measured threshold, and with the formula after its odds are divided
by the ratio of the weights. `prices_x*` is the change if the prices of hit and miss are assumed at that
multiple of the true ones. `optimism_*` is how much so many rows promise too much if they choose and judge,
and `fixed_*` the same for the formula, which chooses nothing (mean of 100 draws); `spread_*` is the standard
deviation of `optimism_*` over the draws, `too_little_*` the share of draws that promise too little. `seen_*`
is `fixed_*` for the rows that so many rows' model was trained on. `promised` is what the 6,000 rows promise
for their best threshold, and `own_threshold` what that threshold earns on the judged rows. `crossing` is the
base rate below which calls lose money at the formula's threshold; `fixed_rate_*` and `shifted_*` are earned
by calls per 1,000 customers at other base rates, without and with a shifted threshold; `two_year*` do the
same for the real customers with a two-year contract, per customer. It takes about a minute and a half.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.model_selection import train_test_split

from mlhelpers.data import load
from mlhelpers.training import fit, make_boosting
from mlhelpers.validation import (
    best_threshold,
    bootstrap_intervals,
    classification_metrics,
    expected_calibration_error,
    net_benefit,
    net_benefit_curve,
)  # fmt: skip

OUTPUT = Path(__file__).with_suffix(".csv")
COSTS = {"gain_tp": 200, "cost_fp": 40, "cost_fn": 200}
FORMULA = 40 / 440
LEFT_OUT = ["customer_id", "signup_date", "sim_batch", "retention_calls"]


def earned(y, p, threshold, **costs) -> float:
    """Net benefit per customer."""
    return net_benefit(y, p, threshold, **(COSTS | costs)) / len(y)


def measured(y, p) -> pd.Series:
    """The row of the curve with the highest net benefit."""
    curve = net_benefit_curve(y, p, **COSTS)
    return curve.loc[curve["net_benefit"].idxmax()]


def shifted(rate: float, other: float) -> float:
    """The formula's threshold for another base rate."""
    odds = FORMULA / (1 - FORMULA) * rate / (1 - rate) * (1 - other) / other
    return odds / (1 + odds)


def per_thousand(y, p, rate: float, threshold: float) -> float:
    recall, alarms = (p[y == 1] >= threshold).mean(), (p[y == 0] >= threshold).mean()
    return 1000 * (400 * rate * recall - 40 * (1 - rate) * alarms)


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write the table."""
    X = load("churn").drop(columns=LEFT_OUT)
    y = X.pop("churned")
    numeric = list(X.select_dtypes("number"))
    plain = make_boosting(numeric, [name for name in X if name not in numeric])
    rows = []
    for split in range(repeats):
        X_fit, X_rest, y_fit, y_rest = train_test_split(X, y, test_size=0.5, stratify=y, random_state=split)
        X_choose, X_judge, y_choose, y_judge = train_test_split(
            X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=split
        )
        y_c, y_j = y_choose.to_numpy(), y_judge.to_numpy()
        fit(plain, X_fit, y_fit)
        p_fit, p_c, p_j = (plain.predict_proba(part)[:, 1] for part in (X_fit, X_choose, X_judge))
        row = {"split": split} | judged(y_c, p_c, y_j, p_j)
        row |= optimism(np.r_[y_c, y_j], np.r_[p_c, p_j], np.random.default_rng(split))
        peak = measured(y_fit, p_fit)
        row["promised"] = peak["net_benefit"] / len(y_fit)
        row["own_threshold"] = earned(y_j, p_j, peak["threshold"])
        row["seen_6000"] = earned(y_fit, p_fit, FORMULA) - row["usd_formula"]
        row |= other_rates(y_j, p_j, y_fit.mean(), (X_judge["contract"] == "two_year").to_numpy())
        plain.set_params(model__class_weight="balanced")
        fit(plain, X_fit, y_fit)
        row |= weighted(y_c, plain.predict_proba(X_choose)[:, 1], y_j, plain.predict_proba(X_judge)[:, 1])
        plain.set_params(model__class_weight=None)
        few, y_few = X_fit.iloc[:1000], y_fit.iloc[:1000]
        fit(plain, few, y_few)
        promised = earned(y_few, plain.predict_proba(few)[:, 1], FORMULA)
        row["seen_1000"] = promised - earned(y_j, plain.predict_proba(X_judge)[:, 1], FORMULA)
        rows.append(row)
    return save(rows, output, digits=5)


def judged(y_c, p_c, y_j, p_j) -> dict[str, float]:
    """What the thresholds earn, and what the criteria ask for."""
    best = best_threshold(y_c, p_c, **COSTS)
    auc = bootstrap_intervals(y_j, p_j, metrics=["roc_auc"]).iloc[0]
    row = {
        "auc": auc["value"],
        "auc_low": auc["low"],
        "calibration_error": expected_calibration_error(y_j, p_j),
    }
    row |= {"low": best.threshold_low, "threshold": best.threshold, "high": best.threshold_high}
    places = {"measured": best.threshold, "low": best.threshold_low, "high": best.threshold_high}
    places |= {"formula": FORMULA, "half": 0.5, "everybody": 0, "nobody": np.inf}
    row |= {f"usd_{name}": earned(y_j, p_j, threshold) for name, threshold in places.items()}
    for name in ("measured", "formula"):
        row[f"recall_{name}"] = classification_metrics(y_j, p_j, threshold=places[name])["recall"]
    row["inside"] = 0
    for cost_fp in (5, 20, 40, 100, 200, 400):
        other = best_threshold(y_c, p_c, **(COSTS | {"cost_fp": cost_fp}), n_resamples=200)
        row["inside"] += int(other.threshold_low <= cost_fp / (cost_fp + 400) <= other.threshold_high)
    for factor in (0.5, 2, 4):
        row[f"prices_x{factor}"] = earned(y_j, p_j, 40 / (40 + 400 * factor)) - row["usd_formula"]
    return row


def weighted(y_c, q_c, y_j, q_j) -> dict[str, float]:
    """The same for the probabilities of a model with balanced weights."""
    odds = q_j / (1 - q_j) * y_c.mean() / (1 - y_c.mean())
    auc = classification_metrics(y_j, q_j)["roc_auc"]
    return {
        "weighted_auc": auc,
        "weighted_mean_p": q_j.mean(),
        "weighted_formula": earned(y_j, q_j, FORMULA),
        "weighted_measured": earned(y_j, q_j, measured(y_c, q_c)["threshold"]),
        "weighted_corrected": earned(y_j, odds / (1 + odds), FORMULA),
    }


def optimism(y, p, rng) -> dict[str, float]:
    """How much rows promise too much that choose a threshold and judge it, and if none is chosen."""
    row = {}
    for n in (100, 200, 500, 1000, 3000):
        gaps = []
        for _ in range(100):
            order = rng.permutation(len(y))
            own, other = order[:n], order[n:]
            peak = measured(y[own], p[own])
            chosen = peak["net_benefit"] / n - earned(y[other], p[other], peak["threshold"])
            fixed = earned(y[own], p[own], FORMULA) - earned(y[other], p[other], FORMULA)
            gaps.append((chosen, fixed))
        row[f"optimism_{n}"], row[f"fixed_{n}"] = np.mean(gaps, axis=0)
        alone = np.array(gaps)[:, 0]
        row |= {f"spread_{n}": alone.std(), f"too_little_{n}": (alone < 0).mean()}
    return row


def other_rates(y, p, rate, two_year) -> dict[str, float]:
    """Calls at other base rates, and in a segment that has another one."""
    grid = np.arange(5, 200) / 1000
    pays = [per_thousand(y, p, other, FORMULA) > 0 for other in grid]
    row = {"crossing": grid[np.argmax(pays)]}
    for other in (0.10, 0.05, 0.03, 0.01):
        row[f"fixed_rate_{other}"] = per_thousand(y, p, other, FORMULA)
        row[f"shifted_{other}"] = per_thousand(y, p, other, shifted(rate, other))
    y, p = y[two_year], p[two_year]
    row |= {"two_year": y.mean(), "two_year_mean_p": p.mean(), "two_year_formula": earned(y, p, FORMULA)}
    row["two_year_shifted"] = earned(y, p, shifted(rate, y.mean()))
    return row


if __name__ == "__main__":
    command(main)
