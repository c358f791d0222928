"""Two models of one quality decide differently: what "latest" changes for customers (lesson 6.3).

For eight splits a model is trained again on fewer rows, with another seed, or with the same rows and seed.
Measured: the difference in AUC on the customers held out, and the share of them whose decision at 0.3
changes. It takes about 60 s.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load

OUTPUT = Path(__file__).with_suffix(".csv")


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    churn = load("churn")
    X = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"])
    y, rows = churn["churned"], []
    for seed in range(repeats):
        parts = train_test_split(X, y, test_size=4000, random_state=seed, stratify=y)
        X_train, X_test, y_train, y_test = parts
        filled, X_filled = (part.fillna({"last_ticket_days": 730}).fillna(X.median()) for part in parts[:2])
        kept = np.random.default_rng(seed).permutation(len(X_train))[: len(X_train) * 9 // 10]

        def boosting(rows, number=0, X_train=X_train, X_test=X_test, y_train=y_train):
            model = HistGradientBoostingClassifier(random_state=number)
            return model.fit(X_train.iloc[rows], y_train.iloc[rows]).predict_proba(X_test)[:, 1]

        def forest(number, filled=filled, X_filled=X_filled, y_train=y_train):
            model = RandomForestClassifier(random_state=number).fit(filled, y_train)
            return model.predict_proba(X_filled)[:, 1]

        def logistic(rows, filled=filled, X_filled=X_filled, y_train=y_train):
            model = make_pipeline(StandardScaler(), LogisticRegression())
            return model.fit(filled.iloc[rows], y_train.iloc[rows]).predict_proba(X_filled)[:, 1]

        everybody, tenth_less = np.arange(len(X_train)), np.sort(kept)
        whole = boosting(everybody)
        cases = {
            "boosting, a tenth of the rows less": (whole, boosting(tenth_less)),
            "boosting, one row less": (whole, boosting(np.delete(everybody, seed))),
            "logistic regression, a tenth less": (logistic(everybody), logistic(tenth_less)),
            "forest, another seed": (forest(0), forest(1)),
            "boosting, another seed": (whole, boosting(everybody, 1)),
            "boosting, same rows and seed": (whole, boosting(everybody)),
        }
        for case, (old, new) in cases.items():
            apart = roc_auc_score(y_test, new) - roc_auc_score(y_test, old)
            rows.append((case, seed, apart, np.mean((old >= 0.3) != (new >= 0.3))))
    table = pd.DataFrame(rows, columns=["case", "split", "auc_difference", "changed"])
    return save(table, output, digits=6)


if __name__ == "__main__":
    command(main)
