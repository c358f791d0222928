"""What a shift that a p-value sees does to the scores of the churn model (lesson 7.5).

Every numeric column of the test customers is moved by a share of its standard deviation, for eight splits.
Measured: the mean change of a customer's probability, the change of the mean probability, the share of
decisions at 0.3 that change, and the AUC that is lost. It takes about 15 s.
"""

from pathlib import Path

import numpy as np
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from mlhelpers.data import load

OUTPUT = Path(__file__).with_suffix(".csv")


def main(repeats: int = 8, output: Path = OUTPUT):
    churn = load("churn")
    X = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"]).astype(float)
    y, rows = churn["churned"], []
    for seed in range(repeats):
        parts = train_test_split(X, y, test_size=4000, random_state=seed, stratify=y)
        X_train, X_test, y_train, y_test = parts
        model = HistGradientBoostingClassifier(random_state=0).fit(X_train, y_train)
        right = model.predict_proba(X_test)[:, 1]
        for shift in (0.005, 0.05, 0.2, 0.5):
            moved = model.predict_proba(X_test + shift * X_train.std())[:, 1]
            rows.append(
                {
                    "split": seed,
                    "shift_in_sd": str(shift),
                    "score_change": np.mean(np.abs(moved - right)),
                    "mean_change": moved.mean() - right.mean(),
                    "decisions_changed": np.mean((moved >= 0.3) != (right >= 0.3)),
                    "auc_lost": roc_auc_score(y_test, right) - roc_auc_score(y_test, moved),
                }
            )
    return save(rows, output)


if __name__ == "__main__":
    command(main)
