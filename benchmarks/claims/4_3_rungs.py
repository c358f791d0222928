"""Claims of lesson 4.3 on Hyperband: twelve draws of 400 customers, first rung at 3 and at 9 iterations.

For each draw Hyperband and random search get a budget of eight complete trials of 27 iterations on two
folds, with the draw as the seed. One row per draw and first rung: the share saved, the settings seen,
the best score less that of random search, the rank correlation of the scores of random search's settings
at the first rung with those at 27 iterations, and what became of random search's winner (state, iterations,
leaves). It takes about a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from mlhelpers.data import load
from mlhelpers.training.tuning import tune

OUTPUT = Path(__file__).with_suffix(".csv")
SETTINGS = {"max_iter": 27, "max_bins": 32, "early_stopping": False, "random_state": 0}
SPACE = {
    "learning_rate": ("float", 0.005, 1.0, "log"),
    "max_leaf_nodes": ("int", 2, 32, "log"),
    "min_samples_leaf": ("int", 2, 200, "log"),
}
OPTIONS = {"budget": 8 * 2 * 27, "cv": 2, "resource": "max_iter", "max_resource": 27}


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` draws and write the table."""
    model, rows = HistGradientBoostingClassifier(**SETTINGS), []
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    for draw in range(repeats):
        churn = load("churn").sample(frac=1, random_state=draw)
        numbers = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"])
        columns = numbers.join(pd.get_dummies(churn["contract"], dtype=float))
        X, y = columns.to_numpy(dtype=float)[:400], churn["churned"].to_numpy()[:400]
        options = {"random_state": draw, **OPTIONS}
        plain = tune(model, X, y, SPACE, search="random", **options)
        points = plain.trials[list(SPACE)].to_dict("records")
        for first in (3, 9):
            band = tune(model, X, y, SPACE, search="hyperband", min_resource=first, **options)
            early = [
                cross_val_score(
                    HistGradientBoostingClassifier(**SETTINGS | point | {"max_iter": first}),
                    X, y, cv=folds, scoring="roc_auc",
                ).mean()
                for point in points
            ]  # fmt: skip
            row = {"draw": draw, "first": first, "saved": band.saved, "settings": len(band.trials)}
            row["gain"] = band.best_score - plain.best_score
            row["rank"] = pd.Series(np.array(early)).corr(plain.trials["score"], method="spearman")
            seen = band.trials.loc[plain.best_trial]
            row["winner_stopped_at"], row["winner_leaves"] = seen["resource"], seen["max_leaf_nodes"]
            rows.append(row)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
