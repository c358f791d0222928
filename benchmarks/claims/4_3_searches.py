"""Claims of lesson 4.3 on twelve draws of the 800 customers: six searches, ties, halving, nested evaluation.

For each draw 800 customers are taken for tuning and the other 11,200 come later; the draw is also the seed
of every search, so draw 0 is the lesson. One row per search and draw: the best cross-validated AUC, the AUC
of its winner on later customers, the same for the library's defaults, and how many settings were tried. The
row of random search holds what the lesson asks of its 18 settings: rank correlation of both AUCs, the
settings tied with the winner by three folds and by thirty, the half-width of the middle interval, the ties
within 0.01 of the winner on later customers, the AUC of the tie with the fewest leaves, of that within 0.01
of the winner's score, and of the best of the 18. The row of halving holds whether a field of 18 with a
third of the budget ends at the winner of random search. The row "nested" holds the best score and the
nested score of six random settings, with its interval. It takes about ten minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

from mlhelpers.data import load
from mlhelpers.features.selection import corrected_interval
from mlhelpers.training.tuning import SEARCHES, nested_cv, tune

OUTPUT = Path(__file__).with_suffix(".csv")
SETTINGS = {"max_iter": 27, "max_bins": 32, "early_stopping": False, "random_state": 0}
SPACE = {
    "learning_rate": ("float", 0.005, 1.0, "log"),
    "max_leaf_nodes": ("int", 2, 32, "log"),
    "min_samples_leaf": ("int", 2, 200, "log"),
}
COST = {"resource": "max_iter", "max_resource": 27}
NAMES = list(SPACE)


def sample(draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels, shuffled; the first 800 are for tuning."""
    churn = load("churn").sample(frac=1, random_state=draw)
    numbers = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"])
    columns = numbers.join(pd.get_dummies(churn["contract"], dtype=float))
    return columns.to_numpy(dtype=float), churn["churned"].to_numpy()


def fewest_leaves(trials: pd.DataFrame, numbers: list[int]) -> int:
    """The setting with the fewest leaves, then the largest leaf size, then the smallest learning rate."""
    key = trials.loc[numbers].assign(min_samples_leaf=-trials["min_samples_leaf"])
    return key.sort_values(["max_leaf_nodes", "min_samples_leaf", "learning_rate"], kind="stable").index[0]


def ask(search, X, y, later_auc) -> dict[str, float]:
    """What the lesson asks of the settings of random search."""
    trials, chosen, ties = search.trials, search.best_trial, search.ties()
    later = np.array([later_auc(point) for point in trials[NAMES].to_dict("records")])
    tied = ties.index[ties["tied"]].tolist()
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=10, random_state=0)
    scores = np.array(
        [
            cross_val_score(
                HistGradientBoostingClassifier(**SETTINGS | point), X, y, cv=cv, scoring="roc_auc"
            )
            for point in trials[NAMES].to_dict("records")
        ]
    )
    top = int(scores.mean(axis=1).argmax())
    lows = [corrected_interval(scores[top] - scores[n], 0.5, 0.95)[1] for n in range(len(scores)) if n != top]
    close = trials.index[trials["score"] >= trials["score"][chosen] - 0.01].tolist()
    return {
        "rank": pd.Series(later).corr(trials["score"], method="spearman"),
        "tied": len(tied),
        "half_width": ((ties["high"] - ties["low"]) / 2).median(),
        "tied_thirty_folds": sum(low <= 0 for low in lows),
        "near": int((later[tied] > later[chosen] - 0.01).sum()),
        "fewest_leaves": later[fewest_leaves(trials, [chosen, *tied])],
        "fewest_leaves_close": later[fewest_leaves(trials, close)],
        "thirty_folds": later[top],
        "best_of_18": later.max(),
    }


def main(repeats: int = 12, output: str | Path = OUTPUT, searches: tuple[str, ...] = tuple(SEARCHES)):
    """Measure `repeats` draws and write the table."""
    rows = []
    for draw in range(repeats):
        rows_of, labels = sample(draw)
        X, y, X_later, y_later = rows_of[:800], labels[:800], rows_of[800:], labels[800:]
        model = HistGradientBoostingClassifier(**SETTINGS)

        def later_auc(point, X=X, y=y, X_later=X_later, y_later=y_later):
            fitted = HistGradientBoostingClassifier(**SETTINGS | point).fit(X, y)
            return roc_auc_score(y_later, fitted.predict_proba(X_later)[:, 1])

        seeded = {"random_state": draw, **COST}
        defaults, found = later_auc({}), {}
        for name in searches:
            search = found[name] = tune(model, X, y, SPACE, search=name, budget=1458, **seeded)
            row = {"draw": draw, "search": name, "best": search.best_score}
            row |= {"later": later_auc(search.best_params), "defaults": defaults}
            row |= {"tried": len(search.trials[NAMES].drop_duplicates()), "saved": search.saved}
            if name == "random":
                row |= ask(search, X, y, later_auc)
            if name == "halving":
                third = tune(model, X, y, SPACE, search="halving", budget=486, **seeded)
                row["same_winner"] = int(third.best_params == found["random"].best_params)
                row["third_best"], row["third_later"] = third.best_score, later_auc(third.best_params)
            rows.append(row)
        own = nested_cv(model, X, y, SPACE, search="random", budget=6 * 3 * 27, outer=5, **seeded)
        six = tune(model, X, y, SPACE, search="random", budget=6 * 3 * 27, **seeded)
        row = {"draw": draw, "search": "nested", "best": own.table.loc["best_cv", "value"]}
        row |= {"later": later_auc(six.best_params), "defaults": defaults, "six_best": six.best_score}
        row |= own.table.loc["nested"].rename(lambda name: f"nested_{name}").to_dict()
        row |= dict(zip(["optimism", "optimism_low", "optimism_high"], own.optimism, strict=True))
        rows.append(row)
        print(draw, flush=True)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
