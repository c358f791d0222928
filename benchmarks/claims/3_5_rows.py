"""Claims of lesson 3.5 on twelve splits: rows that are made in another way in serving than in training.

For each split the logistic regressions of the lesson are trained on half of the customers and judged on the
other half. `lost_*` is the AUC when each customer is encoded alone minus the AUC in one batch, for
`get_dummies` with `drop_first=True`, without it, and with the levels of training declared, always with
`reindex` on the columns of training; `wrong_*` is the share of customers with another row if they come in
batches of so many, and `mean_*` the mean probability, for `drop_first=True`. Then the ticket features from
times of day instead of days: the change of the AUC of the pipeline, the number of test customers with a
ticket on the last day, and the mean absolute change of their probability and of everybody else's. It takes
about four minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlhelpers.data import load

OUTPUT = Path(__file__).with_suffix(".csv")
CATEGORICAL = ["gender", "region", "contract", "payment_method", "internet"]
LEFT_OUT = ["customer_id", "signup_date", "sim_batch", "retention_calls", "churned"]
DAY = pd.Timestamp("2025-06-30")


def from_log(customers: pd.Series) -> pd.DataFrame:
    """Ticket features as the lesson's function makes them from times of day."""
    log = load("churn", table="events").query("type == 'ticket_opened'").rename(columns={"ts": "opened"})
    opened = log[log["opened"] <= DAY]
    recent = opened[opened["opened"] > DAY - pd.Timedelta(days=90)]
    last = opened.groupby("customer_id")["opened"].max()
    made = pd.DataFrame({"last_ticket_days": (DAY - last).dt.days}, index=customers)
    made["tickets_90d"] = recent["customer_id"].value_counts().reindex(made.index, fill_value=0)
    return made.reset_index(drop=True)


def in_batches(rows: pd.DataFrame, size: int, layout: pd.Index, *, drop_first: bool) -> pd.DataFrame:
    """Dummies made batch by batch, in the columns of training."""
    parts = [rows.iloc[start : start + size] for start in range(0, len(rows), size)]
    made = [pd.get_dummies(part, columns=CATEGORICAL, drop_first=drop_first, dtype=float) for part in parts]
    return pd.concat([part.reindex(columns=layout, fill_value=0.0) for part in made])


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write the table."""
    churn = load("churn")
    numeric = [name for name in churn if name not in [*CATEGORICAL, *LEFT_OUT]]
    X, y = churn[numeric + CATEGORICAL], churn["churned"]
    skewed = X.assign(**from_log(churn["customer_id"]))
    last_day = X["last_ticket_days"] == 0
    rows = []
    for split in range(repeats):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.5, stratify=y, random_state=split
        )
        filled = X_train[numeric].median()
        declared = {name: pd.CategoricalDtype(sorted(X_train[name].unique())) for name in CATEGORICAL}
        row = {"split": split}
        for name, drop_first in (("drop_first", True), ("all_levels", False), ("declared", True)):
            types = declared if name == "declared" else {}
            train, test = (part.fillna(filled).astype(types) for part in (X_train, X_test))
            encoded = pd.get_dummies(train, columns=CATEGORICAL, drop_first=drop_first, dtype=float)
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(encoded, y_train)
            layout = encoded.columns
            batch = in_batches(test, len(test), layout, drop_first=drop_first)
            combined = ~test.duplicated(CATEGORICAL)  # one customer for each combination of levels is enough
            of_one = in_batches(test[combined], 1, layout, drop_first=drop_first).drop(columns=numeric)
            alone = test.merge(test.loc[combined, CATEGORICAL].join(of_one), on=CATEGORICAL, how="left")
            p_batch, p_alone = (model.predict_proba(part[layout])[:, 1] for part in (batch, alone))
            row[f"lost_{name}"] = roc_auc_score(y_test, p_alone) - roc_auc_score(y_test, p_batch)
            if name == "drop_first":
                for size in (10, 100):
                    made = in_batches(test, size, layout, drop_first=True)
                    row[f"wrong_{size}"] = (made != batch).any(axis=1).mean()
                row["mean_batch"], row["mean_alone"] = p_batch.mean(), p_alone.mean()
        number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        one_hot = OneHotEncoder(handle_unknown="ignore")
        encode = ColumnTransformer([("number", number, numeric), ("category", one_hot, CATEGORICAL)])
        model = make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(X_train, y_train)
        p_days, p_times = (model.predict_proba(part.loc[X_test.index])[:, 1] for part in (X, skewed))
        change, there = np.abs(p_times - p_days), last_day[X_test.index].to_numpy()
        row["auc_change"] = roc_auc_score(y_test, p_times) - roc_auc_score(y_test, p_days)
        row["last_day"], row["shift"], row["shift_others"] = (
            there.sum(),
            change[there].mean(),
            change[~there].mean(),
        )
        rows.append(row)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
