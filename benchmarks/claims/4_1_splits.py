"""Claims of lesson 4.1 on sixteen other splits of the customers and of the digits.

Rows of the customers: `auc` of each candidate; `lead`, AUC of scikit-learn's boosting less that of the other,
with DeLong's paired interval; `lead of depth 1`, the same for boosting with 600 trees of depth 1; `needs`,
the permutation importance of `data_gb` and its rank among the columns; `weight`, that of `data_gb` in the
logistic regression without a spline; `coefficients` of the linear models and `leaves` of the tree. Beside the
lesson's candidates stand the logistic regression with a spline of `data_gb` or of all numbers, and the
boosting of depth 1. Rows of the digits: `accuracy` on 600 pictures, and `lead`, the accuracy of the support
vectors less that of the lesson's network and of one with two convolutions and dropout, with its interval.
It takes about seven minutes on one core.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
from lightgbm import LGBMClassifier
from shared.script import command, save
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from mlhelpers.data import load
from mlhelpers.features.selection import permutation_importance_intervals
from mlhelpers.training import one_thread
from mlhelpers.training.deep import load_keras
from mlhelpers.validation import delong_difference, delong_interval

OUTPUT = Path(__file__).with_suffix(".csv")
BOOSTING = "boosting, scikit-learn"
SHALLOW = "boosting, depth 1"
LINEAR = ["logistic regression", "logistic, spline of data_gb", "logistic, splines of all"]


def make_candidates(numbers: list[str], words: list[str]) -> dict:
    """The lesson's candidates but for the dummy, and the changed ones."""
    filled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    bent = make_pipeline(SimpleImputer(add_indicator=True), SplineTransformer(n_knots=6), StandardScaler())
    columns = (OneHotEncoder(handle_unknown="ignore"), words)
    wide = make_column_transformer((filled, numbers), columns)
    codes = make_column_transformer((OrdinalEncoder(), words), remainder="passthrough")
    one = {"n_jobs": 1, "random_state": 0}
    settings = {"n_estimators": 150, "learning_rate": 0.08, "max_depth": 4}
    histogram = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.08, max_depth=4, random_state=0)
    shallow = HistGradientBoostingClassifier(max_iter=600, learning_rate=0.1, max_depth=1, random_state=0)
    logistic = LogisticRegression(max_iter=1000)
    straight = [name for name in numbers if name != "data_gb"]
    one_bent = make_column_transformer((filled, straight), (bent, ["data_gb"]), columns)
    all_bent = make_column_transformer((bent, numbers), columns)
    tree = DecisionTreeClassifier(max_depth=6, min_samples_leaf=20, random_state=0)
    return {
        "logistic regression": make_pipeline(wide, logistic),
        "logistic, spline of data_gb": make_pipeline(one_bent, logistic),
        "logistic, splines of all": make_pipeline(all_bent, logistic),
        "tree": make_pipeline(wide, tree),
        "random forest": make_pipeline(wide, RandomForestClassifier(200, min_samples_leaf=5, **one)),
        BOOSTING: make_pipeline(codes, histogram),
        SHALLOW: make_pipeline(codes, shallow),
        "boosting, XGBoost": make_pipeline(codes, XGBClassifier(**settings, **one)),
        "boosting, LightGBM": make_pipeline(codes, LGBMClassifier(**settings, **one, verbose=-1)),
    }


def of_customers(split: int) -> list[dict]:
    """Rows of one split of the customers."""
    churn = load("churn")
    X = churn.drop(columns=["customer_id", "signup_date", "sim_batch", "retention_calls", "churned"])
    y = churn["churned"].to_numpy()
    words = [name for name in X if X[name].dtype == object]
    models = make_candidates([name for name in X if name not in words], words)
    A, B, a, b = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=split)
    with one_thread():
        models = {name: clone(model).fit(A, a) for name, model in models.items()}
        p = {name: model.predict_proba(B)[:, 1] for name, model in models.items()}
    rows = [{"claim": "auc", "of": name, **delong_interval(b, scores)} for name, scores in p.items()]
    for name in models:
        if name != BOOSTING:
            rows.append({"claim": "lead", "of": name, **delong_difference(b, p[name], p[BOOSTING])})
    for name in LINEAR:
        rows.append({"claim": "lead of depth 1", "of": name, **delong_difference(b, p[name], p[SHALLOW])})
        rows.append({"claim": "coefficients", "of": name, "value": models[name][-1].coef_.size})
    straight = models[LINEAR[0]]
    weights = pd.Series(straight[-1].coef_[0], straight[:-1].get_feature_names_out())
    rows.append({"claim": "weight", "of": "data_gb", "value": weights["pipeline__data_gb"]})
    rows.append({"claim": "leaves", "of": "tree", "value": models["tree"][-1].get_n_leaves()})
    for name in (*LINEAR[:2], BOOSTING):
        found = permutation_importance_intervals(
            models[name], B.head(2000), b[:2000], n_repeats=2, n_resamples=2
        )["importance"]
        rank = found.rank(ascending=False)["data_gb"]
        rows.append({"claim": "needs", "of": name, "value": found["data_gb"], "rank": rank})
    return rows


def make_network(seed: int, larger: bool):
    """The lesson's network, or one with two convolutions, a wider dense layer and dropout."""
    keras = load_keras(random_state=seed)
    layers = keras.layers
    small = [layers.Conv2D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(64, activation="relu")]
    large = [
        layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(32, 3, activation="relu"), layers.Flatten(),
        layers.Dropout(0.3), layers.Dense(128, activation="relu"), layers.Dropout(0.3),
    ]  # fmt: skip
    network = keras.Sequential([
        layers.Input((64,)), layers.Reshape((8, 8, 1)), *(large if larger else small),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    network.compile("adam", "sparse_categorical_crossentropy")
    return network


def of_digits(split: int) -> list[dict]:
    """Rows of one split of the digits."""
    digits = load("digits").to_numpy()
    pixels, digit = digits[:, :-1] / 16, digits[:, -1].astype(int)
    A, B, a, b = train_test_split(pixels, digit, test_size=600, stratify=digit, random_state=split)
    right = {
        "support vectors": SVC(C=5, gamma=0.05).fit(A, a).predict(B) == b,
        "logistic on pixels": LogisticRegression(max_iter=500).fit(A, a).predict(B) == b,
    }
    networks = ("small network", "larger network")
    for name in networks:
        network = make_network(split, larger=name == "larger network")
        network.fit(A, a, epochs=60, batch_size=64, verbose=0)
        right[name] = network.predict(B, verbose=0).argmax(axis=1) == b
    rows = [{"claim": "accuracy", "of": name, "value": values.mean()} for name, values in right.items()]
    for name in networks:
        ahead = right["support vectors"].astype(int) - right[name]
        half = 1.96 * ahead.std(ddof=1) / len(ahead) ** 0.5
        lead = {"value": ahead.mean(), "low": ahead.mean() - half, "high": ahead.mean() + half}
        rows.append({"claim": "lead", "of": name, **lead})
    return rows


def main(repeats: int = 16, output: str | Path = OUTPUT, first: int = 31) -> pd.DataFrame:
    """Measure `repeats` splits from `first` on and write the table."""
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    rows = []
    for split in range(first, first + repeats):
        rows += [{"split": split, **row} for row in of_customers(split) + of_digits(split)]
        print(split, flush=True)
    return save(pd.DataFrame(rows)[["split", "claim", "of", "value", "low", "high", "rank"]], output)


if __name__ == "__main__":
    command(main)
