"""Claims of lesson 1.3: how much of a search's optimism is selection, on twelve draws of the rows.

Forty settings are trained on 2,700 rows and compared on 300; 4,000 other customers say what each was worth.
The promise of the winner exceeds what it delivers by the luck of the 300 rows, which all forty share (the
mean over the forty), and by the selection (the rest). `auc_live` and `usd` are the
winner less the helper's default settings, on the 3,522 live customers of lesson 1.3, with USD per customer.
It takes about three minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from mlhelpers.data import load
from mlhelpers.training import fit, make_boosting

OUTPUT = Path(__file__).with_suffix(".csv")
GAIN, CALL, LOST = 200, 40, 200
PAYS = CALL / (GAIN + LOST + CALL)
LEFT_OUT = ["customer_id", "signup_date", "sim_batch", "retention_calls", "churned"]


def usd(y: np.ndarray, called: np.ndarray) -> float:
    """Net benefit per customer of calling these."""
    return float(np.where(called, np.where(y == 1, GAIN, -CALL), np.where(y == 1, -LOST, 0)).mean())


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` draws and write the table."""
    churn = load("churn")
    features = churn.columns.drop(LEFT_OUT)
    numeric = [name for name in features if churn[name].dtype.kind in "if"]
    categorical = [name for name in features if name not in numeric]
    arrived = load("churn_stream").query("week >= 44")
    right = load("churn_stream", table="truth").set_index("customer_id")["data_gb"]
    live = arrived.assign(data_gb=arrived["customer_id"].map(right))
    y_live = live["churned"].to_numpy()
    rows = []
    for split in range(repeats):
        train, test = train_test_split(churn, test_size=1 / 3, stratify=churn["churned"], random_state=split)
        small = train.sample(3000, random_state=split)
        judge, learn = small.head(300), small.tail(2700)
        rng = np.random.default_rng(split)
        promised, delivered, models = [], [], []
        for _ in range(40):
            setting = {
                "learning_rate": float(rng.uniform(0.02, 0.4)),
                "max_depth": int(rng.integers(2, 9)),
                "min_samples_leaf": int(rng.integers(5, 100)),
            }
            model = make_boosting(numeric, categorical, max_iter=60, **setting)
            model = fit(model, learn, learn["churned"])
            models.append(model)
            promised.append(roc_auc_score(judge["churned"], model.predict_proba(judge)[:, 1]))
            delivered.append(roc_auc_score(test["churned"], model.predict_proba(test)[:, 1]))
        promised, delivered = np.array(promised), np.array(delivered)
        best = promised.argmax()
        luck = (promised - delivered).mean()
        default = fit(make_boosting(numeric, categorical), learn, learn["churned"])
        p_best, p_default = (model.predict_proba(live)[:, 1] for model in (models[best], default))
        rows.append(
            {
                "split": split,
                "optimism": promised[best] - delivered[best],
                "luck": luck,
                "selection": promised[best] - delivered[best] - luck,
                "rank": 1 + int((delivered > delivered[best]).sum()),
                "auc_live": roc_auc_score(y_live, p_best) - roc_auc_score(y_live, p_default),
                "usd": usd(y_live, p_best >= PAYS) - usd(y_live, p_default >= PAYS),
            }
        )
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
