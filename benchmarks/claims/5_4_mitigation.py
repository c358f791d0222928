"""What each repair of lesson 5.4 costs and gains, on 20 splits of the stored loans and on 10 new populations.

Run it with `python benchmarks/claims/5_4_mitigation.py`; it writes 5_4_mitigation.csv beside it, with one row
for each split or population and method: splits are the stored applications in another order, populations come
from another seed of their generator. It takes about two and a half minutes on one core, most of it for the
reductions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load
from mlhelpers.data.synthetic.registry import generate
from mlhelpers.validation.fairness import compare_mitigations

OUTPUT = Path(__file__).with_suffix(".csv")
N_TRAIN, N_POPULATIONS = 8000, 10
WEIGHTS = "logisticregression__sample_weight"
REPAIRS = ("reweighing", "reduction_dp", "reduction_eo", "threshold_dp", "threshold_eo")


def features(loans: pd.DataFrame) -> pd.DataFrame:
    """The columns of the lesson's model: money, districts, group."""
    income = loans["income"].clip(lower=6000)
    money = pd.DataFrame({
        "debt_ratio": (loans["debt"] / income).clip(upper=5),
        "loan_ratio": (loans["loan_amount"] / income).clip(upper=5),
        "log_income": np.log(income), "savings": loans["savings"].clip(upper=50_000),
        "defaults": loans["previous_defaults"], "history": loans["credit_history_years"].clip(upper=15),
        "employment": loans["employment_years"].clip(upper=10), "business": loans["purpose"] == "business",
    }).astype(float)  # fmt: skip
    is_b = (loans["group"] == "B").astype(float).rename("is_B")
    return pd.concat([money, pd.get_dummies(loans["district"], dtype=float), is_b], axis=1)


def decisions_of(
    X: pd.DataFrame, loans: pd.DataFrame, hidden: pd.DataFrame, seed: int
) -> tuple[dict, np.ndarray]:
    """Decisions of every method on the rows that are not for training, and these rows."""
    order = np.random.default_rng(seed).permutation(len(loans))
    train, test = order[:N_TRAIN], order[N_TRAIN:]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    no_group, truth = X.drop(columns="is_B"), hidden["would_repay"]
    # the generator's officers, without their penalty for B
    log_odds = np.log(hidden["repay_probability"] / (1 - hidden["repay_probability"]))
    fair = np.random.default_rng(1000 + seed).random(len(X)) < 1 / (1 + np.exp(0.6 - log_odds))
    approved = train[loans["approved"].iloc[train] == 1]
    sets = {
        "": (X, loans["repaid_label"], train, ("none", *REPAIRS)),
        "without group": (no_group, loans["repaid_label"], train, ("none",)),
        "without group, district": (no_group.filter(regex="^[a-z]"), loans["repaid_label"], train, ("none",)),
        "approved only": (X, loans["repaid_label"], approved, ("none",)),
        "approved by fair officers only": (X, loans["repaid_label"], train[fair[train]], ("none",)),
        "approved only, true label": (X, truth, approved, ("none",)),
        "true label": (X, truth, train, ("none", "threshold_eo", "reduction_eo")),
    }
    found = {}
    for kind, (columns, label, rows, methods) in sets.items():
        compared = compare_mitigations(
            model, columns.iloc[rows], label.iloc[rows], loans["group"].iloc[rows],
            columns.iloc[test], label.iloc[test], loans["group"].iloc[test],
            methods=methods, sample_weight_name=WEIGHTS, n_resamples=0,
        )  # fmt: skip
        for name, decided in compared.decisions.items():
            found[" ".join(filter(None, ("" if kind and name == "none" else name, kind))) or name] = decided
    return found, test


def measures(
    decided: np.ndarray, record: np.ndarray, truth: np.ndarray, group: np.ndarray
) -> dict[str, float]:
    """Accuracies, distances between the groups, and who bears the errors."""
    a, b = (decided[group == name] for name in "AB")
    row = {"accuracy on record": (decided == record).mean(), "accuracy in truth": (decided == truth).mean()}
    row["granted, A minus B"] = a.mean() - b.mean()
    for name, label in (("on record", record), ("in truth", truth)):
        rates = [
            decided[(group == "A") & (label == y)].mean() - decided[(group == "B") & (label == y)].mean()
            for y in (1, 0)
        ]
        row[f"equalized odds {name}"] = max(abs(rate) for rate in rates)
    for name in "AB":
        inside = group == name
        row[f"good payers of {name} refused"] = int(((decided == 0) & (truth == 1) & inside).sum())
        row[f"failing loans to {name}"] = int(((decided == 1) & (truth == 0) & inside).sum())
    return row


def main(repeats: int = 20, output: Path | str = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and half as many populations, and write them to `output`."""
    stored = (load("loans"), load("loans", table="truth"))
    rows = []
    runs = [("split", seed) for seed in range(repeats)]
    runs += [("population", seed) for seed in range(1, 1 + min(N_POPULATIONS, repeats // 2))]
    for kind, seed in runs:
        loans, truth = stored
        if kind == "population":
            loans, truth = generate("loans", seed=seed).frames.values()
        found, test = decisions_of(features(loans), loans, truth, seed)
        sides = [table.iloc[test].to_numpy() for table in (loans["repaid_label"], truth["would_repay"])]
        group = loans["group"].iloc[test].to_numpy()
        for name, decided in found.items():
            rows.append({"kind": kind, "seed": seed, "method": name, **measures(decided, *sides, group)})
    return save(rows, output)


if __name__ == "__main__":
    command(main)
