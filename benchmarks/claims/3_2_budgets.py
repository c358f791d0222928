"""AUC of 2, 5 and 10 chosen columns of the breast cancer data, on 12 cuts into five folds.

Run it with `python benchmarks/claims/3_2_budgets.py`; it writes 3_2_budgets.csv beside it, with one row for
each cut and fold and one column for each method and number of columns. Every selector is fitted in the
training folds, as in lesson 3.2. It takes about two minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from shared.script import command
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load
from mlhelpers.features.selection import compare_selectors

OUTPUT = Path(__file__).with_suffix(".csv")
METHODS = ["none", "random", "correlation", "mutual information", "rfe", "lasso"]


def main(repeats: int = 12, output: Path | str = OUTPUT) -> pd.DataFrame:
    """Score every method on `repeats` cuts and write the folds to `output`."""
    cancer = load("breast_cancer")
    X, y = cancer.drop(columns="target"), cancer["target"]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    cuts = []
    for seed in range(repeats):  # fold f draws the random columns with state 100 * seed + f, each once
        scores = compare_selectors(X, y, METHODS, model, k=[2, 5, 10], random_state=100 * seed).scores.T
        scores.columns = [f"{method} {k}" for method, k in scores.columns]
        cuts.append(scores.reset_index(drop=True).rename_axis("fold").reset_index().assign(seed=seed))
    table = pd.concat(cuts).set_index(["seed", "fold"]).round(4).reset_index()
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
