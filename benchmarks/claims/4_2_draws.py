"""Claims of lesson 4.2 on eight splits: the popped model type, and a forest without a seed of its own.

For each split: the AUC of the forest less that of the default boosting, its interval, and the share of
customers whose call differs between the two. Then, for forests of 20, 80 and 320 trees without a
`random_state`, the versions of a notebook in which another number of draws stands above the fit (12
versions for 20 trees, 4 for the others): lowest, highest AUC and standard deviation, the mean share of
customers whose call differs between two versions, and the share for whom any version differs from the
first. It takes about three minutes.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from mlhelpers.data import load
from mlhelpers.training import fit, make_boosting
from mlhelpers.validation import delong_difference

OUTPUT = Path(__file__).with_suffix(".csv")
NUMERIC = [
    "tenure_months", "monthly_charge", "late_payments_6m",
    "days_since_payment", "tickets_90d", "satisfaction",
]  # fmt: skip
WORDS = ["contract", "internet", "payment_method"]
VERSIONS = {20: 12, 80: 4, 320: 4}
THRESHOLD = 40 / 440


def main(repeats: int = 8, output: str | Path = OUTPUT, first: int = 0) -> pd.DataFrame:
    """Measure `repeats` splits, from the split `first` on, and write the table."""
    churn = load("churn")
    rows = []
    for split in range(first, first + repeats):
        train, test = train_test_split(churn, test_size=0.25, stratify=churn["churned"], random_state=split)
        encode = make_boosting(NUMERIC, WORDS)[:-1]
        Z, Z_test = encode.fit_transform(train), encode.transform(test)
        y, y_test = train["churned"], test["churned"]
        models = (
            RandomForestClassifier(20, max_depth=8, random_state=7),
            HistGradientBoostingClassifier(max_depth=8, random_state=7),
        )
        forest, boosting = (fit(model, Z, y).predict_proba(Z_test)[:, 1] for model in models)
        gap = delong_difference(y_test, forest, boosting)
        row = {
            "split": split,
            "auc_gap": gap["value"],
            "auc_gap_low": gap["low"],
            "auc_gap_high": gap["high"],
        }
        row["popped_calls_differ"] = np.mean((forest > THRESHOLD) != (boosting > THRESHOLD))
        for trees, versions in VERSIONS.items():
            found = []
            for version in range(versions):
                np.random.seed(7)  # noqa: NPY002
                np.random.random(1000 * version)  # noqa: NPY002
                model = RandomForestClassifier(trees, max_depth=8)
                found.append(fit(model, Z, y).predict_proba(Z_test)[:, 1])
            aucs, calls = [roc_auc_score(y_test, p) for p in found], np.array(found) > THRESHOLD
            row |= {f"auc_min_{trees}": min(aucs), f"auc_max_{trees}": max(aucs)}
            row[f"auc_sd_{trees}"] = np.std(aucs, ddof=1)
            row[f"two_differ_{trees}"] = np.mean([np.mean(a != b) for a, b in combinations(calls, 2)])
            row[f"any_differs_{trees}"] = (calls != calls[0]).any(axis=0).mean()
        rows.append(row)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
