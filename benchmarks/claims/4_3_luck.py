"""Claims of lesson 4.3 on the luck in a best score: shuffled labels, twelve draws of customers.

For each draw 1,600 customers get shuffled labels. One row per draw, number of rows and number of random
settings of a decision tree: the best score of two-fold cross-validation, and, for 400 rows and 60 settings,
the mean of two outer folds of the best score and of the nested score. It takes about two minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.data import load
from mlhelpers.training.tuning import nested_cv, tune

OUTPUT = Path(__file__).with_suffix(".csv")
TREES = {
    "max_depth": ("int", 1, 12),
    "min_samples_leaf": ("int", 1, 40, "log"),
    "max_features": ("float", 0.1, 1.0),
}


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` draws and write the table."""
    tree, rows = DecisionTreeClassifier(random_state=0), []
    for draw in range(repeats):
        churn = load("churn").sample(frac=1, random_state=draw)
        numbers = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"])
        columns = numbers.join(pd.get_dummies(churn["contract"], dtype=float))
        X = columns.to_numpy(dtype=float)[:1600]
        y = np.random.default_rng(draw).permutation(churn["churned"].to_numpy()[:1600])
        for size in (200, 400, 1600):
            options = {"search": "random", "budget": 60 * 2, "cv": 2, "random_state": draw}
            best = tune(tree, X[:size], y[:size], TREES, **options).trials["score"].cummax()
            for settings in (1, 5, 20, 60):
                row = {"draw": draw, "rows": size, "settings": settings, "best": best[settings - 1]}
                if (size, settings) == (400, 60):
                    nested = nested_cv(tree, X[:size], y[:size], TREES, outer=2, **options).scores.mean()
                    row |= nested.to_dict()
                rows.append(row)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
