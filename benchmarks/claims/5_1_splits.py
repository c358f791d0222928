"""Claims of lesson 5.1 on eight seeds: what each careless split adds to a score.

The seed draws the folds, the honest payments and customers, and the weights of the models. Each row holds the
score as split, the repaired one and their difference: `time`, payments judged on the last 30 days and on 30
days before the thieves change (`calm`); `weeks`, the weekly churn scores of eight weeks before and after week
36, and `rate`, observed less predicted churn there; `copies`, with a forest of full trees and a logistic
regression; `months` of 1,500 customers with all columns, those that change within a customer and those that
do not; `owners`, payments by device with and without the device's fraud rate; and `before`, steps fitted
before the split (the encoding for 500, 120 and 30 batches of 6,000 customers). It takes about five minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from mlhelpers.data import load
from mlhelpers.validation.splits import GroupFolds, TimeFolds

OUTPUT = Path(__file__).with_suffix(".csv")
NUMERIC = ["tenure_months", "monthly_charge", "discount_pct", "data_gb", "late_payments_6m"]
NUMERIC += ["days_since_payment", "tickets_90d", "last_ticket_days", "satisfaction"]
BEHAVIOR = ["amount", "amount_ratio", "distance_km", "hour", "seconds_since_last", "tx_24h"]
BEHAVIOR += ["device_age_days", "card_age_days"]


def out_of_fold(model, X, y, cv, groups=None):
    """Probabilities of the rows outside of each fold's training rows."""
    return cross_val_predict(model, X, y, cv=cv, groups=groups, method="predict_proba")[:, 1]


def forward(model, X, y, folds):
    """Probabilities of the test periods, each from the rows before it."""
    p = np.full(len(y), np.nan)
    for train, test in folds.split(X):
        p[test] = model.fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])[:, 1]
    return p


def of_payments(seed: int, folds, boosting) -> dict:
    """Random folds against folds by time and by device, average precision."""
    fraud, found = load("fraud"), {}
    keep = (fraud["is_fraud"] == 1) | fraud.index.isin(fraud.sample(20_000, random_state=seed).index)
    fraud = fraud[keep].reset_index(drop=True)
    X, y, day = fraud[BEHAVIOR], fraud["is_fraud"].to_numpy(), (fraud["ts"] - fraud["ts"].min()).dt.days
    for name, until in (("changed", day.max()), ("calm", 58)):
        rows = (day <= until).to_numpy()
        part, labels = fraud[rows], y[rows]
        p_random = out_of_fold(boosting, part[BEHAVIOR], labels, folds)
        p_forward = forward(boosting, part[BEHAVIOR], labels, TimeFolds(3, time=part["ts"], test_days=10))
        last = ~np.isnan(p_forward)
        found[f"time, {name}"] = [
            average_precision_score(labels[last], p[last]) for p in (p_random, p_forward)
        ]
    inner = StratifiedKFold(5, shuffle=True, random_state=seed)
    encoder = make_column_transformer((TargetEncoder(cv=inner), ["device_id"]), remainder="passthrough")
    with_rate = (make_pipeline(encoder, boosting), fraud[[*BEHAVIOR, "device_id"]])
    groups = GroupFolds(5, random_state=seed)
    for name, (model, columns) in {"behavior": (boosting, X), "device rate": with_rate}.items():
        p_random = out_of_fold(model, columns, y, folds)
        p_grouped = out_of_fold(model, columns, y, groups, fraud["device_id"])
        found[f"owners, {name}"] = [average_precision_score(y, p) for p in (p_random, p_grouped)]
    return found


def of_weeks(folds, boosting) -> dict:
    """Random and forward splits of the weekly churn batches against forward with a gap, AUC."""
    found = {}
    for name, first, until in (("competitor", 36, 43), ("before", 28, 35)):
        stream = load("churn_stream").query(f"week <= {until}").reset_index(drop=True)
        X = stream[NUMERIC].assign(
            fiber=(stream["internet"] == "fiber").astype(int),
            monthly=(stream["contract"] == "monthly").astype(int),
        )
        y, weekly = stream["churned"].to_numpy(), {"time": stream["batch_date"], "test_days": 7}
        ways = {
            "random": out_of_fold(boosting, X, y, folds),
            "forward": forward(boosting, X, y, TimeFolds(8, **weekly)),
            "gap": forward(boosting, X, y, TimeFolds(8, **weekly, gap_days=30)),
        }
        rows = ~np.isnan(ways["forward"])
        assert stream["week"][rows].min() == first
        scores = {way: roc_auc_score(y[rows], p[rows]) for way, p in ways.items()}
        missed = {way: y[rows].mean() - p[rows].mean() for way, p in ways.items()}
        found |= {f"weeks, {name}, {way}": [scores[way], scores["gap"]] for way in ("random", "forward")}
        found |= {f"rate, {name}, {way}": [missed[way], missed["gap"]] for way in ("random", "forward")}
    return found


def of_customers(seed: int, folds, forest) -> dict:
    """Copies and months of one customer on both sides, AUC."""
    raw, churn, found = load("churn", raw=True), load("churn"), {}
    table = raw[[*NUMERIC, "age", "call_minutes", "sim_batch"]].replace(["", "N/A", "-999"], np.nan)
    table = table.apply(pd.to_numeric, errors="coerce").fillna(-1)
    y, customer = raw["churned"].astype(int).to_numpy(), raw["customer_id"].to_numpy()
    twins = raw["customer_id"].duplicated(keep=False).to_numpy()
    logistic, groups = (
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        GroupFolds(5, random_state=seed),
    )
    for name, model in (("forest", forest), ("logistic", logistic)):
        pair = [out_of_fold(model, table, y, folds), out_of_fold(model, table, y, groups, customer)]
        found[f"copies, {name}, all"] = [roc_auc_score(y, p) for p in pair]
        found[f"copies, {name}, twins"] = [roc_auc_score(y[twins], p[twins]) for p in pair]
    usage = load("churn", table="usage").query("month <= '2025-06-01'")
    chosen = churn.drop(columns=["data_gb", "call_minutes"]).sample(1500, random_state=seed)
    months = usage.merge(chosen, on="customer_id")
    moving = ["data_gb", "call_minutes"]
    still = ["age", "tenure_months", "monthly_charge", "discount_pct", "tickets_90d"]
    y = months["churned"].to_numpy()
    for name, columns in (
        ("all columns", moving + still),
        ("changing columns", moving),
        ("fixed columns", still),
    ):
        X = months[columns].fillna(-1)
        pair = [out_of_fold(forest, X, y, folds), out_of_fold(forest, X, y, groups, months["customer_id"])]
        found[f"months, {name}"] = [roc_auc_score(y, p) for p in pair]
    return found


def of_steps(seed: int, forest) -> dict:
    """Scaling, target encoding and oversampling before and inside the split, AUC."""
    sample, found = load("churn").sample(6000, random_state=seed).reset_index(drop=True), {}
    A = sample[[name for name in NUMERIC if sample[name].notna().all()]].to_numpy(dtype=float)
    y, n = sample["churned"].to_numpy(), len(sample)
    test = np.random.default_rng(seed).random(n) < 1 / 3

    def scored(features):
        model = LogisticRegression().fit(features[~test], y[~test])
        return roc_auc_score(y[test], model.predict_proba(features[test])[:, 1])

    scale = StandardScaler()
    found["before, scaling"] = [scored(scale.fit_transform(A)), scored(scale.fit(A[~test]).transform(A))]
    for n_batches in (500, 120, 30):
        batch = pd.DataFrame(
            {"batch": sample["sim_batch"].rank(method="dense").astype(int) % n_batches}
        ).astype(str)
        of_all = sample.groupby(batch["batch"])["churned"].transform("mean")
        encoder = TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=seed))
        inside = np.empty(n)
        inside[~test] = encoder.fit_transform(batch[~test], y[~test]).ravel()
        inside[test] = encoder.transform(batch[test]).ravel()
        pair = [scored(scale.fit_transform(np.c_[A, rate])) for rate in (of_all, inside)]
        found[f"before, encoding of {n_batches} batches"] = pair

    def balanced(rows):
        churners = rows[y[rows] == 1]
        more = np.random.default_rng(seed).choice(churners, len(rows) - 2 * len(churners))
        return np.concatenate([rows, more])

    everybody = balanced(np.arange(n))
    held = np.random.default_rng(seed + 1).random(len(everybody)) < 1 / 3
    ways = [(everybody[~held], everybody[held]), (balanced(np.flatnonzero(~test)), np.flatnonzero(test))]
    for name, model in (
        ("forest", forest),
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
    ):
        found[f"before, oversampling, {name}"] = [
            roc_auc_score(y[judged], model.fit(A[rows], y[rows]).predict_proba(A[judged])[:, 1])
            for rows, judged in ways
        ]
    return found


def of_seed(seed: int) -> list[dict]:
    """Rows of one seed."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    boosting = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
    forest = ExtraTreesClassifier(40, random_state=seed)
    found = of_payments(seed, folds, boosting) | of_weeks(folds, boosting)
    found |= of_customers(seed, folds, forest) | of_steps(seed, forest)
    return [
        {"seed": seed, "split": name, "as_split": a, "repaired": b, "inflation": a - b}
        for name, (a, b) in found.items()
    ]


def main(repeats: int = 8, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` seeds and write the table."""
    table = pd.DataFrame([row for seed in range(repeats) for row in of_seed(seed)]).round(4)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
