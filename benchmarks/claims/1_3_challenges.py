"""Claims of lesson 1.3: what each challenge costs, on twelve splits of the churn table.

For each split the model of the lesson is trained, broken in each way, and judged by the same 3,522 live
customers (weeks 44 to 52 of `churn_stream`, with the right units unless the unit is the experiment).
Columns: AUC on the split's own test customers and on the live ones, USD per live customer at the
probability from which a call pays, USD if as many are called as by the unbroken model, and the share who
are called. It takes about two minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from mlhelpers.data import load, truth
from mlhelpers.training import fit, make_boosting

OUTPUT = Path(__file__).with_suffix(".csv")
GAIN, CALL, LOST = 200, 40, 200
PAYS = CALL / (GAIN + LOST + CALL)
LEFT_OUT = ["customer_id", "signup_date", "sim_batch", "retention_calls", "churned"]


def usd(y: np.ndarray, called: np.ndarray) -> float:
    """Net benefit per customer of calling these."""
    return float(np.where(called, np.where(y == 1, GAIN, -CALL), np.where(y == 1, -LOST, 0)).mean())


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write the table."""
    churn = load("churn")
    features = churn.columns.drop(LEFT_OUT)
    numeric = [name for name in features if churn[name].dtype.kind in "if"]
    categorical = [name for name in features if name not in numeric]
    arrived = load("churn_stream").query("week >= 44")
    right = load("churn_stream", table="truth").set_index("customer_id")["data_gb"]
    live = arrived.assign(data_gb=arrived["customer_id"].map(right))
    y_live = live["churned"].to_numpy()
    event = truth("churn_stream")["events"]["competitor"]
    courted = np.all([live[name] == value for name, value in event["segment"].items()], axis=0)

    def train(rows, labels, *, extra=(), without=()):
        numbers = [name for name in [*numeric, *extra] if name not in without]
        words = [name for name in categorical if name not in without]
        return fit(make_boosting(numbers, words, max_iter=100), rows, labels)

    rows = []
    for split in range(repeats):
        known, test = train_test_split(churn, test_size=1 / 3, stratify=churn["churned"], random_state=split)
        labels = known["churned"].to_numpy()
        reference = train(known, labels)
        n_called = int((reference.predict_proba(live)[:, 1] >= PAYS).sum())

        def judge(experiment, dose, model, judged, shift=0.0, *, split=split, test=test, n_called=n_called):
            p = model.predict_proba(judged)[:, 1]
            p = 1 / (1 + (1 - p) / p * np.exp(-shift))
            first = np.zeros(len(p), bool)
            first[np.argsort(-p, kind="stable")[:n_called]] = True
            rows.append(
                {
                    "split": split,
                    "experiment": experiment,
                    "dose": dose,
                    "auc_test": roc_auc_score(test["churned"], model.predict_proba(test)[:, 1]),
                    "auc_live": roc_auc_score(y_live, p),
                    "usd": usd(y_live, p >= PAYS),
                    "usd_same_number": usd(y_live, first),
                    "called": (p >= PAYS).mean(),
                }
            )

        judge("reference", 0, reference, live)
        wrong = np.random.default_rng(split).random(len(known))
        for share in (0.02, 0.05, 0.1, 0.2):
            flipped = np.where(wrong < share, 1 - labels, labels)
            judge("flipped labels", share, train(known, flipped), live)
        few = known.sample(1000, random_state=split)
        judge("few rows", 1000, train(few, few["churned"]), live)
        judge("leak", 0, train(known, labels, extra=["retention_calls"]), live)
        judge("unit", 0, reference, arrived)
        judge("competitor known", 0, reference, live, event["log_odds"] * courted)
        judge("no age and gender", 0, train(known, labels, without=["age", "gender"]), live)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
