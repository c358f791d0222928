"""Claims of lesson 4.5 on a price chosen on the test set: four times a hundred splits of 442 patients.

A lasso with squares and products is trained on 80 patients. Its price is chosen on 20, 40 or 160 test
patients, or inside the training rows, fitting on 60 and choosing on 20. One row per hundred splits and number
of test patients: the mean squared error promised on the test patients and delivered on all others, both ways,
and their ratios less 1. It takes about ten seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command
from sklearn.linear_model import lasso_path
from sklearn.preprocessing import PolynomialFeatures

from mlhelpers.data import load

OUTPUT = Path(__file__).with_suffix(".csv")
GRID = np.logspace(1.5, -0.5, 10)
SIZES = (20, 40, 160)


def errors_on_path(X, target, fit, *parts):
    """Mean squared error of each price on each part."""
    center, scale, level = X[fit].mean(axis=0), X[fit].std(axis=0), target[fit].mean()
    path = lasso_path((X[fit] - center) / scale, target[fit] - level, alphas=GRID, tol=1e-2)[1]
    forecasts = [(X[rows] - center) / scale @ path + level for rows in parts]
    return [np.mean((q - target[rows, None]) ** 2, axis=0) for q, rows in zip(forecasts, parts, strict=True)]


def main(repeats: int = 4, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` times a hundred splits and write the table."""
    patients, trials = load("diabetes"), []
    X = PolynomialFeatures(2, include_bias=False).fit_transform(patients.drop(columns="target").to_numpy())
    target = patients["target"].to_numpy()
    for seed in range(100 * repeats):
        order = np.random.default_rng(seed).permutation(len(target))
        inside = errors_on_path(X, target, order[:60], order[60:80])[0].argmin()
        parts = [part for n in SIZES for part in np.split(order[80:], [n])]
        errors = errors_on_path(X, target, order[:80], *parts)
        for n, promised, delivered in zip(SIZES, errors[::2], errors[1::2], strict=True):
            chosen = promised.argmin()
            scores = [promised[chosen], delivered[chosen], promised[inside], delivered[inside]]
            trials.append([seed // 100, n, *scores])
    columns = ["draw", "test_patients", "promised_on_test", "delivered_on_test"]
    columns += ["promised_inside", "delivered_inside"]
    table = pd.DataFrame(trials, columns=columns).groupby(["draw", "test_patients"]).mean().reset_index()
    table["above_on_test"] = table["delivered_on_test"] / table["promised_on_test"] - 1
    table["above_inside"] = table["delivered_inside"] / table["promised_inside"] - 1
    table["inside_over_on_test"] = table["delivered_inside"] / table["delivered_on_test"] - 1
    table = table.round(4)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
