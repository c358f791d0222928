"""What lesson 3.2 says of filters, a leak and scaling, on 12 draws of the customers and cuts of the patients.

Run it with `python benchmarks/claims/3_2_choices.py`; it writes 3_2_choices.csv beside it, with one row for
each claim, seed and case. Filters and leak: AUC on 4,000 customers of what was learned from 4,000 others,
each seed another draw. Scaling: R² with and without a scaler, each seed another cut into five folds. It
takes about half a minute on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_classif, mutual_info_classif
from sklearn.linear_model import Lars, LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data import load
from mlhelpers.features.selection import compare_selectors, permutation_importance_intervals

OUTPUT = Path(__file__).with_suffix(".csv")
GROUPS = {
    "tickets": ["tickets_90d", "last_ticket_days", "never_ticket"],
    "usage": ["data_gb", "call_minutes"],
    "SIM batch": ["sim_batch"],
}


def customers(seed: int) -> tuple[pd.DataFrame, pd.Series, np.ndarray, np.ndarray]:
    """The lesson's table of numbers, the label, and the rows to learn from and for later."""
    churn = load("churn")
    flags = {
        "never_ticket": churn["last_ticket_days"].isna(),
        "no_answer": churn["satisfaction"].isna(),
        "contract_months": churn["contract"].map({"monthly": 1, "one_year": 12, "two_year": 24}),
    }
    wide = churn.select_dtypes("number").drop(columns="churned").assign(**flags)
    rows = np.random.default_rng(seed).permutation(len(wide))
    train, later = rows[:4000], rows[4000:8000]
    wide = wide.fillna({"last_ticket_days": 730}).fillna(wide.iloc[train].median()).astype(float)
    return wide, churn["churned"], train, later


def filters(seed: int) -> dict[str, float]:
    """AUC of boosting on later customers with the columns of each choice, and what columns are worth."""
    wide, churned, train, later = customers(seed)
    C = wide.drop(columns="retention_calls")
    boosting = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.15, max_leaf_nodes=15, early_stopping=False, random_state=0
    )

    found: dict[str, float] = {}

    def auc(columns: list[str]) -> float:
        fitted = boosting.fit(C.iloc[train][columns], churned.iloc[train])
        return roc_auc_score(churned.iloc[later], fitted.predict_proba(C.iloc[later][columns])[:, 1])

    few = (C.nunique() <= 20).to_numpy()
    correlation = C.iloc[train].corrwith(churned.iloc[train]).abs()
    orders = {"correlation": correlation}
    for name, discrete in (("information", few), ("information, undeclared", False)):
        value = mutual_info_classif(
            C.iloc[train], churned.iloc[train], discrete_features=discrete, random_state=0
        )
        orders[name] = pd.Series(value, index=C.columns)
        for column in ("never_ticket", "late_payments_6m", "data_gb", "sim_batch"):
            found[f"{column} by {name}"] = orders[name][column]
    picked = {name: value.nlargest(6).index.tolist() for name, value in orders.items()}
    for name in ("correlation", "information"):
        found[f"{name} takes data_gb"] = float("data_gb" in picked[name])
    picked["correlation, data_gb for the sixth"] = [*picked["correlation"][:5], "data_gb"]
    picked["information without data_gb"] = orders["information"].drop("data_gb").nlargest(6).index.tolist()
    found |= {name: auc(columns) for name, columns in picked.items()}
    full = auc(C.columns.tolist())
    options = {"n_repeats": 5, "n_resamples": 2, "groups": GROUPS}
    held = later[:2000]
    fitted = boosting.fit(C.iloc[train], churned.iloc[train])
    worth = permutation_importance_intervals(fitted, C.iloc[held], churned.iloc[held], **options)[
        "importance"
    ]
    for name, columns in GROUPS.items():
        found[f"loss without {name}"] = full - auc(C.columns.drop(columns).tolist())
        found[f"shuffled {name}"] = worth[name]
    found["loss without data_gb"] = full - auc(C.columns.drop("data_gb").tolist())
    return found


def leak(seed: int) -> dict[str, float]:
    """AUC on later customers with and without the leak, promised and delivered, and of its four neighbors."""
    wide, churned, train, later = customers(seed)
    truth, found = churned.iloc[later], {}
    for name, table in (("leak", wide), ("honest", wide.drop(columns="retention_calls"))):
        model = make_pipeline(SelectKBest(f_classif, k=5), StandardScaler(), LogisticRegression())
        model.fit(table.iloc[train], churned.iloc[train])
        found[f"{name} promised"] = roc_auc_score(truth, model.predict_proba(table.iloc[later])[:, 1])
        if name == "leak":
            found["leak chosen"] = float(
                table.columns[model[0].get_support()].isin(["retention_calls"]).any()
            )
            at_scoring = table.iloc[later].assign(retention_calls=0)
            found["leak delivered"] = roc_auc_score(truth, model.predict_proba(at_scoring)[:, 1])
            four = table.columns[model[0].get_support()].drop("retention_calls", errors="ignore")
            refit = make_pipeline(StandardScaler(), LogisticRegression())
            refit.fit(table.iloc[train][four], churned.iloc[train])
            found["four others"] = roc_auc_score(truth, refit.predict_proba(table.iloc[later][four])[:, 1])
    return found


def scaling(seed: int) -> dict[str, float]:
    """R² of two columns of the Lars path and of one component, with and without a scaler."""
    D, progression = load_diabetes(scaled=False, as_frame=True, return_X_y=True)
    two = SelectFromModel(Lars(n_nonzero_coefs=2), threshold=1e-9)
    steps = {}
    for name, step in {"Lars": two, "PCA": PCA(1, svd_solver="full")}.items():
        steps |= {f"{name} scaled": make_pipeline(StandardScaler(), step), f"{name} unscaled": step}
    table = compare_selectors(D, progression, steps, LinearRegression(), random_state=seed).table
    return table["score"].droplevel("k").to_dict()


def main(repeats: int = 12, output: Path | str = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` seeds and write them to `output`."""
    rows = [
        {"claim": measure.__name__, "seed": seed, "case": case, "value": value}
        for measure in (filters, leak, scaling)
        for seed in range(repeats)
        for case, value in measure(seed).items()
    ]
    table = pd.DataFrame(rows).round({"value": 4})
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
