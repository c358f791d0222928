"""Claims of lesson 1.1 on twenty draws: the model of five columns in three periods of the stream.

Draw 0 is the stored data; for the others both generators get the next seeds. One row per draw. `weight` is
what the model gives to one standard deviation of `data_gb`. `lead_early`, `lead_rival` and `lead_unit` are
the accuracy minus that of saying "stays" to everybody in weeks 1 to 35, 36 to 43 and 44 to 52, `auc_...` the
areas under the curve there. `accuracy_unit` is the accuracy of weeks 44 to 52, `accuracy_repaired` and
`lead_repaired` are those after the values above 80 are divided by 1,024. It takes about a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data.synthetic import churn, churn_stream
from mlhelpers.data.synthetic.registry import generate

OUTPUT = Path(__file__).with_suffix(".csv")
FEATURES = ["days_since_payment", "tenure_months", "late_payments_6m", "tickets_90d", "data_gb"]
PERIODS = {"early": (1, 35), "rival": (36, 43), "unit": (44, 52)}


def measure(table: pd.DataFrame, stream: pd.DataFrame) -> dict[str, float]:
    """Fit on the table, measure each period of the stream."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table[FEATURES], table["churned"])
    row = {"weight": model[-1].coef_[0][-1]}
    for name, weeks in PERIODS.items():
        rows = stream[stream["week"].between(*weeks)]
        p, left = model.predict_proba(rows[FEATURES])[:, 1], rows["churned"]
        row[f"lead_{name}"] = np.mean((p > 0.5) == left) - np.mean(left == 0)
        row[f"auc_{name}"] = roc_auc_score(left, p)
    gb = rows["data_gb"].where(rows["data_gb"] <= 80, rows["data_gb"] / 1024)
    right = model.predict(rows[FEATURES].assign(data_gb=gb)) == left
    row["accuracy_unit"] = np.mean((p > 0.5) == left)
    return row | {"accuracy_repaired": right.mean(), "lead_repaired": right.mean() - np.mean(left == 0)}


def main(repeats: int = 20, output: str | Path = OUTPUT, first: int = 0) -> pd.DataFrame:
    """Measure `repeats` draws from number `first` on and write the table."""
    rows = []
    for draw in range(first, first + repeats):
        table = generate("churn", seed=churn.SEED + draw).frames["churn"]
        stream = generate("churn_stream", seed=churn_stream.SEED + draw).frames["churn_stream"]
        rows.append({"draw": draw, **measure(table, stream)})
    return save(rows, output)


if __name__ == "__main__":
    command(main)
