"""Claims of lesson 4.5 on twelve draws: curves of digits and churn, the price of a lasso, random labels.

For each draw 1,000 digits and 4,000 customers are drawn and the patients are folded anew. Columns: for three
values of gamma the accuracy on training and validation rows and the gain from 400 to 800 rows, and at the
smallest gamma the accuracy of 400 rows with twice the C; for the logistic regression (`straight`) and for
boosting (`boosted`) of churn the gap, the last gain and the reference less the training score, each with its
interval; validation AUC of six models and their verdicts; the best price of the lasso, its R2, that of the
weakest price, and the strongest price as good as the best; the lowest and highest accuracy of four models on
random labels. It takes about three minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from mlhelpers.data import load
from mlhelpers.training.diagnostics import complexity_curve, learning_curve, validation_curve, verdict

OUTPUT = Path(__file__).with_suffix(".csv")
NUMBERS = "tenure_months monthly_charge discount_pct data_gb late_payments_6m days_since_payment tickets_90d"


def of_digits(draw: int) -> dict:
    """Three learning curves, a validation curve and random labels on 1,000 digits."""
    digits = load("digits").sample(1000, random_state=draw)
    X, y, row = digits.drop(columns="target"), digits["target"], {}
    for gamma in (0.00001, 0.001, 0.01):
        curve = learning_curve(SVC(gamma=gamma), X, y, train_sizes=[100, 200, 400, 800])
        last = curve.table.iloc[-1]
        row |= {f"train_{gamma:g}": last["train"], f"validation_{gamma:g}": last["validation"]}
        row[f"gain_{gamma:g}"] = curve.change(400, 800)[0]
        row[f"before_{gamma:g}"] = curve.table["validation"].iloc[-2]
    twice = []
    for seen, unseen in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        half, _ = train_test_split(seen, train_size=400, stratify=y.iloc[seen], random_state=0)
        for price in (1, 2):
            model = SVC(gamma=0.00001, C=price).fit(X.iloc[half], y.iloc[half])
            twice.append([price, model.score(X.iloc[unseen], y.iloc[unseen])])
    means = pd.DataFrame(twice, columns=["C", "accuracy"]).groupby("C")["accuracy"].mean()
    row |= {"rows_400_C_1": means[1], "rows_400_C_2": means[2]}
    curve = validation_curve(SVC(), X, y, param="gamma", values=[0.00001, 0.0001, 0.0003, 0.001, 0.003, 0.01])
    words = dict(zip(curve.table.index, verdict(curve).words, strict=True))
    row["as_good"] = " ".join(f"{gamma:g}" for gamma, word in words.items() if word == "as good as the best")
    row["half_width"] = max(np.ptp(curve.change(curve.best, g)[1:]) / 2 for g in (0.0003, 0.001, 0.003))
    learners = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "tree": DecisionTreeClassifier(random_state=0),
        "neighbor": KNeighborsClassifier(1),
        "machine": SVC(gamma=0.01),
    }
    coin = np.random.default_rng(draw).integers(0, 2, len(X))
    memory = complexity_curve(learners, X, coin, scoring="accuracy").table
    row |= {
        "coin_train_logistic": memory.loc["logistic", "train"],
        "coin_train_least": memory["train"][1:].min(),
    }
    row |= {"coin_low": memory["validation"].min(), "coin_high": memory["validation"].max()}
    row["coin_outside"] = int(((memory["validation_low"] > 0.5) | (memory["validation_high"] < 0.5)).sum())
    return row


def of_churn(draw: int) -> dict:
    """Learning curves of two models and the scores of six on 4,000 customers."""
    churn = load("churn").sample(4000, random_state=draw)
    gaps = churn[["satisfaction", "last_ticket_days"]].isna().add_suffix("_missing").astype(float)
    X = churn[NUMBERS.split()].join(pd.get_dummies(churn[["contract", "internet"]], dtype=float)).join(gaps)
    X["satisfaction"], y = churn["satisfaction"].fillna(7.0), churn["churned"]
    ceiling = roc_auc_score(y, load("churn", table="truth").loc[churn.index, "churn_probability"])
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    boosting = HistGradientBoostingClassifier(max_depth=4, learning_rate=0.08, random_state=0)
    row = {"ceiling": ceiling}
    for name, model, sizes in (
        ("straight", logistic, [200, 800, 1600, 3200]),
        ("boosted", boosting, [800, 1600, 3200]),
    ):
        told = verdict(learning_curve(model, X, y, train_sizes=sizes), reference=ceiling)
        parts = told.table[["value", "low", "high"]]
        for part, values in zip(("gap", "gain", "below"), parts.to_numpy()[:3], strict=True):
            row |= {f"{name}_{part}{end}": v for end, v in zip(("", "_low", "_high"), values, strict=True)}
        row[f"{name}_words"] = " + ".join(told.words)
    models = {f"depth {d}": DecisionTreeClassifier(max_depth=d, random_state=0) for d in (1, 6, 20)}
    forest = RandomForestClassifier(30, min_samples_leaf=5, random_state=0)
    sized = complexity_curve(models | {"logistic": logistic, "forest": forest, "boosting": boosting}, X, y)
    row |= {f"auc_{name}": value for name, value in sized.table["validation"].items()}
    row |= {"forest_train": sized.table.loc["forest", "train"]}
    row |= {f"word_{name}": w for name, w in zip(sized.table.index, verdict(sized).words, strict=True)}
    row["advantage"], row["advantage_low"], row["advantage_high"] = sized.change("logistic", "boosting")
    return row


def of_patients(draw: int) -> dict:
    """The validation curve of a lasso's price over ten folds."""
    patients = load("diabetes")
    squares = PolynomialFeatures(2, include_bias=False)
    model = make_pipeline(squares, StandardScaler(), Lasso(max_iter=20_000, tol=1e-3))
    curve = validation_curve(
        model, patients.drop(columns="target").to_numpy(), patients["target"].to_numpy(),
        param="lasso__alpha", values=[30, 10, 3, 1, 0.3, 0.1], cv=5, repeats=2, random_state=draw,
    )  # fmt: skip
    words = dict(zip(curve.table.index, verdict(curve).words, strict=True))
    table = curve.table
    row = {"price": curve.best, "price_r2": table.loc[curve.best, "validation"]}
    row |= {"weak_r2": table.loc[0.1, "validation"], "change_low": curve.change(3, 0.1)[1]}
    row |= {
        "change_high": curve.change(3, 0.1)[2],
        "gap_3": table.loc[3, "gap"],
        "gap_0.1": table.loc[0.1, "gap"],
    }
    row["strongest"] = max(price for price, word in words.items() if word == "as good as the best")
    return row


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` draws and write the table."""
    rows = [{"draw": n, **of_digits(n), **of_churn(n), **of_patients(n)} for n in range(repeats)]
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
