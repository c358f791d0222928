"""What a column with coerced cells costs three churn models in lesson 2.2, on 12 splits of the customers.

Run it with `python benchmarks/claims/2_2_coercion.py`; it writes 2_2_coercion.csv beside it, with one row for
each split, model and dose: months with at least `dose` GB are lost (80 is the limit of the plan), then the
mean of April to June is made from the months that are left. `hit` counts the test customers whose mean is no
longer the same. It takes about a minute on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlhelpers.data import load

OUTPUT = Path(__file__).with_suffix(".csv")
DOSES = (80, 50, 30)


def models(numeric: list[str], words: list[str]) -> dict[str, Pipeline]:
    """Two linear models, which differ in a flag for gaps, and boosting, which takes gaps as they are."""
    one_hot = (OneHotEncoder(handle_unknown="ignore", sparse_output=False), words)
    made = {}
    for name, flag in (("logistic regression", False), ("logistic regression, gaps flagged", True)):
        filled = make_pipeline(SimpleImputer(strategy="median", add_indicator=flag), StandardScaler())
        made[name] = make_pipeline(
            make_column_transformer((filled, numeric), one_hot), LogisticRegression(max_iter=2000)
        )
    boosting = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    made["boosting"] = make_pipeline(make_column_transformer(("passthrough", numeric), one_hot), boosting)
    return made


def spring_mean(usage: pd.DataFrame, customers: pd.Series, below: float = np.inf) -> np.ndarray:
    """Mean data volume of April to June from the months below a limit."""
    spring = usage[pd.to_datetime(usage["month"]).between("2025-04-01", "2025-06-30")]
    left = spring["data_gb"].where(spring["data_gb"] < below)
    return left.groupby(spring["customer_id"]).mean().reindex(customers).to_numpy()


def main(repeats: int = 12, output: Path | str = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write them to `output`."""
    churn, usage = load("churn"), load("churn", table="usage")
    y = churn["churned"].to_numpy()
    X = churn.drop(columns=["signup_date", "sim_batch", "retention_calls", "churned"])
    customers = X.pop("customer_id")
    numeric = [name for name in X if X[name].dtype.kind in "if"]
    words = [name for name in X if name not in numeric]
    whole = spring_mean(usage, customers)
    volumes = {dose: spring_mean(usage, customers, dose) for dose in DOSES}
    rows = []
    for seed in range(repeats):
        train, test = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=seed)
        for name, model in models(numeric, words).items():
            predicted = {}
            for dose, volume in {0: whole, **volumes}.items():
                columns = X.assign(data_gb=volume)
                model.fit(columns.iloc[train], y[train])
                predicted[dose] = model.predict_proba(columns.iloc[test])[:, 1]
            for dose, volume in volumes.items():
                hit = ~np.isclose(volume[test], whole[test])  # a gap is close to nothing
                rows.append({
                    "seed": seed, "model": name, "dose": dose, "hit": hit.sum(), "left": y[test][hit].mean(),
                    "auc": roc_auc_score(y[test], predicted[0]),
                    "auc_coerced": roc_auc_score(y[test], predicted[dose]),
                    "mean_hit": predicted[0][hit].mean(), "mean_hit_coerced": predicted[dose][hit].mean(),
                })  # fmt: skip
    return save(rows, output)


if __name__ == "__main__":
    command(main)
