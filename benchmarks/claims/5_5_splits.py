"""Claims of lesson 5.5 on twelve splits of the churn table and of the diabetes table.

Churn, per split: do all six gates pass; the largest gap in recall and the ends of its interval; the recall
of the customers aged 60 and over, of the lowest other judged group, and of all others; the recall of
those aged 60 and over after their odds are multiplied until the base odds are those of all other customers
(the share of churners is then no reason any more), and with a threshold of their own at which as large a
share of them is called as of the others; AUC, recall and USD per customer on the test rows, the upper ends
of their intervals, and the same figures on the training rows. Diabetes, per split: the mean absolute error,
the upper end of its interval, the gates, and how many of the five intervals of the mean residual contain
zero. It takes about a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split

from mlhelpers.data import load
from mlhelpers.training import fit, make_boosting, make_logistic
from mlhelpers.validation import run_stress_cases, tabular_cases
from mlhelpers.validation.criteria import load_criteria
from mlhelpers.validation.report import validation_report

OUTPUT = Path(__file__).with_suffix(".csv")
WRITTEN = {"name": "x", "version": "1.0.0", "purpose": "x", "not_for": "x", "limitations": ["x"]}
FIGURES = ("roc_auc", "recall", "net_benefit")
LIMITS = {"mae_high": {"max": 50.0}, "gain_over_reference_low": {"min": 5.0}}


def churn_row(split: int) -> dict:
    """Report of the boosted trees on one split, and on its training rows."""
    criteria = load_criteria("churn")
    at = criteria.break_even
    churn = load("churn").drop(columns=["customer_id", "signup_date", "sim_batch", "retention_calls"])
    label = churn.pop("churned")
    numeric = list(churn.select_dtypes("number"))
    words = [name for name in churn if name not in numeric]
    X_train, X_test, y_train, y_test = train_test_split(
        churn, label, test_size=0.3, stratify=label, random_state=split
    )
    model = fit(make_boosting(numeric, words, max_iter=100), X_train, y_train)
    running = fit(make_logistic(numeric, words), X_train, y_train)
    p, p_running = (m.predict_proba(X_test)[:, 1] for m in (model, running))
    bands = pd.cut(X_test["age"], [0, 29, 44, 59, 120], labels=["18-29", "30-44", "45-59", "60+"])
    groups = pd.DataFrame({"gender": X_test["gender"], "age": bands.astype(object)})
    cases = tabular_cases(X_test.head(300), numeric=numeric, categorical=words)
    stress = run_stress_cases(lambda rows: model.predict_proba(rows)[:, 1], cases)
    settings = {"threshold": at, "costs": criteria.costs}
    report = validation_report(
        y_test, p, **WRITTEN, **settings, data=X_test.assign(churned=y_test), groups=groups,
        reference=p_running, stress=stress, gates=criteria.all_gates,
    )  # fmt: skip
    mistaken = validation_report(
        y_train, model.predict_proba(X_train)[:, 1], **WRITTEN, **settings, gates=criteria.gates
    )
    row = {"split": split, "gates_passed": int(report.gates.passed)}
    for end in ("", "_low", "_high"):
        row[f"gap{end}"] = report.figures[f"recall_gap{end}"]
    fair = report.tables["fairness"].set_index(["by", "group"])
    oldest = fair.loc[("age", "60+")]
    row |= {"churners_60": int(oldest["positives"]), "recall_60": oldest["recall"]}
    row["recall_60_low"], row["recall_60_high"] = oldest["recall_low"], oldest["recall_high"]
    row["recall_lowest_other"] = fair.drop(("age", "60+"))["recall"].min()
    y, old = y_test.to_numpy(), (bands == "60+").to_numpy()
    base, base_others = y[old].mean(), y[~old].mean()
    odds = p[old] / (1 - p[old]) * (base_others / (1 - base_others)) / (base / (1 - base))
    row["base_60"], row["base_others"] = base, base_others
    row["recall_others"] = (p[~old & (y == 1)] >= at).mean()
    row["recall_60_same_odds"] = (odds[y[old] == 1] / (1 + odds[y[old] == 1]) >= at).mean()
    own = np.quantile(p[old], 1 - (p[~old] >= at).mean())
    row["recall_60_same_share_called"] = (p[old & (y == 1)] >= own).mean()
    measured = report.metrics.set_index("metric")
    for name in FIGURES:
        row[name], row[f"{name}_high"] = measured.loc[name, "value"], measured.loc[name, "high"]
        row[f"{name}_train"] = mistaken.metrics.set_index("metric").loc[name, "value"]
    row["gates_passed_train"] = int(mistaken.gates.passed)
    return row


def diabetes_row(split: int) -> dict:
    """Report of the ridge regression on one split."""
    patients = load("diabetes")
    fitting, judging = train_test_split(patients, test_size=0.4, random_state=split)
    ridge = RidgeCV(np.logspace(-3, 2, 20)).fit(fitting.drop(columns="target"), fitting["target"])
    report = validation_report(
        judging["target"], ridge.predict(judging.drop(columns="target")), task="regression", **WRITTEN,
        gates=LIMITS, reference=np.full(len(judging), fitting["target"].mean()), unit="points",
    )  # fmt: skip
    mae, residuals = report.metrics.set_index("metric").loc["mae"], report.tables["residuals"]
    row = {"mae": mae["value"], "mae_low": mae["low"], "mae_high": mae["high"]}
    row["mae_passed"] = int(mae["high"] <= 50)
    row["diabetes_passed"] = int(report.gates.passed)
    row["residuals_with_zero"] = int(((residuals["low"] <= 0) & (residuals["high"] >= 0)).sum())
    return row


def main(repeats: int = 12, output: str | Path = OUTPUT, first: int = 0) -> pd.DataFrame:
    """Measure `repeats` splits, from the split `first` on, and write the table."""
    table = pd.DataFrame([churn_row(s) | diabetes_row(s) for s in range(first, first + repeats)]).round(4)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
