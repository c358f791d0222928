"""Claims of lesson 4.4 on two models and 120 patients: twelve draws of patients.

One row per draw: contests of five folds won, tied and lost by the logistic model over the nearest neighbors,
lowest and highest lead, patients that only one of them judges rightly, and the lead on the 449 others.
Fifty contests a draw; it takes about a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OUTPUT = Path(__file__).with_suffix(".csv")


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` draws and write the table."""
    X, y = load_breast_cancer(return_X_y=True)
    a = make_pipeline(StandardScaler(), LogisticRegression())
    b = make_pipeline(StandardScaler(), KNeighborsClassifier(9))
    rows = []
    for draw in range(repeats):
        order = np.random.default_rng(draw).permutation(len(y))
        mine, others = order[:120], order[120:]
        lead = []
        for seed in range(50):
            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            lead.append(np.subtract(*[cross_val_score(m, X[mine], y[mine], cv=folds).mean() for m in (a, b)]))
        lead = np.round(lead, 9) + 0.0  # equal means differ in the last bit; no negative zero
        folds = StratifiedKFold(10, shuffle=True, random_state=0)
        right_a, right_b = (cross_val_predict(m, X[mine], y[mine], cv=folds) == y[mine] for m in (a, b))
        truth = np.subtract(*[m.fit(X[mine], y[mine]).score(X[others], y[others]) for m in (a, b)])
        rows.append(
            {
                "draw": draw,
                "won": int((lead > 0).sum()),
                "tied": int((lead == 0).sum()),
                "lost": int((lead < 0).sum()),
                "lowest": lead.min(),
                "highest": lead.max(),
                "only_logistic": int((right_a & ~right_b).sum()),
                "only_neighbors": int((right_b & ~right_a).sum()),
                "others": truth,
            }
        )
    return save(rows, output)


if __name__ == "__main__":
    command(main)
