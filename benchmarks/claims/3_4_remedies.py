"""The remedies of lesson 3.4 on the stored payments and on 19 other draws of their generator.

Each remedy is fitted on days 0 to 29, its threshold is chosen on days 30 to 44 and it is judged on days 45
to 59, as in the lesson. Draw 0 is the stored table; draw n is the generator with seed n. Columns: AUC and
average precision; thousand USD saved at the threshold 0.5, at the chosen one and at 5 / 195, and at most
(`possible`); the 95% interval, devices drawn, of what the chosen threshold saves above the plain model; mean
probability and calibration error. Run it with `python benchmarks/claims/3_4_remedies.py`; it takes about
twelve minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.combine import SMOTEENN
from imblearn.ensemble import BalancedRandomForestClassifier, EasyEnsembleClassifier
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampled
from imblearn.under_sampling import RandomUnderSampler
from shared.imbalance import DRAWS, payments, prepare
from shared.script import command, save
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from mlhelpers.training.deep import load_keras
from mlhelpers.validation import best_threshold, expected_calibration_error

OUTPUT = Path(__file__).with_suffix(".csv")
COSTS = {"gain_tp": 0, "cost_fp": 5, "cost_fn": 190}


class Network:
    """The lesson's network, without or with weights."""

    def __init__(self, balanced: bool):
        self.balanced = balanced

    def fit(self, X, y):
        keras = load_keras(random_state=0)
        layers = keras.layers
        net = [layers.Input((X.shape[1],)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")]
        self.net = keras.Sequential(net)
        self.net.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
        weights = {0: 0.5 / (1 - y.mean()), 1: 0.5 / y.mean()} if self.balanced else None
        self.net.fit(X, y, epochs=15, batch_size=256, class_weight=weights, verbose=0)
        return self

    def predict_proba(self, X):
        p = self.net.predict(X, batch_size=2048, verbose=0).ravel().astype(float)
        return np.c_[1 - p, p]


def remedies() -> dict:
    linear, seed = {"max_iter": 1000}, {"random_state": 0}
    steps = {"random over": [RandomOverSampler(**seed)], "random under": [RandomUnderSampler(**seed)]}
    steps["SMOTE"] = [SMOTE(**seed)]
    steps["SMOTE, then under"] = [SMOTE(sampling_strategy=0.1, **seed)]
    steps["SMOTE, then under"] += [RandomUnderSampler(sampling_strategy=0.5, **seed)]
    steps["SMOTE, then ENN"] = [SMOTEENN(sampling_strategy=0.1, **seed)]
    models = {"plain": None, "cost weights": {0: 1, 1: 38}, "class weights": "balanced"}
    models = {name: LogisticRegression(class_weight=weights, **linear) for name, weights in models.items()}
    models |= {name: make_resampled(*parts, LogisticRegression(**linear)) for name, parts in steps.items()}
    forest = {"n_estimators": 60, "min_samples_leaf": 3}
    for number, label in enumerate(("", ", seed 1")):
        named = forest | {"random_state": number}
        models[f"forest{label}"] = RandomForestClassifier(**named)
        models[f"forest, weights{label}"] = RandomForestClassifier(class_weight="balanced", **named)
    per_tree = {"sampling_strategy": "all", "replacement": True, "bootstrap": False}
    models["balanced forest"] = BalancedRandomForestClassifier(**forest, **seed, **per_tree)
    models["EasyEnsemble"] = EasyEnsembleClassifier(n_estimators=10, **seed)
    return models | {"network": Network(False), "network, weights": Network(True)}


def main(repeats: int = 20, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure the first `repeats` of the draws and write the table."""
    rows = []
    for draw in DRAWS[:repeats]:
        fraud = payments(draw)
        day = (fraud["ts"] - fraud["ts"].min().normalize()).dt.days
        fit_on, choose, judge = fraud[day < 30], fraud[day.between(30, 44)], fraud[day.between(45, 59)]
        y_fit, y_choose, y_judge = (part["is_fraud"].to_numpy() for part in (fit_on, choose, judge))
        features = prepare().fit(fit_on)
        X_fit, X_choose, X_judge = (features.transform(part) for part in (fit_on, choose, judge))
        codes, devices = pd.factorize(judge["device_id"])
        chances = np.full(len(devices), 1 / len(devices))
        drawn = np.random.default_rng(draw).multinomial(len(devices), chances, 300)[:, codes]

        def gains(p, threshold, y=y_judge):
            return np.where(p >= threshold, np.where(y == 1, 190, -5), 0) / 1000

        plain = np.zeros(len(judge))
        for name, model in remedies().items():
            model.fit(X_fit, y_fit)
            p_choose, p = (model.predict_proba(X)[:, 1] for X in (X_choose, X_judge))
            own = gains(p, best_threshold(y_choose, p_choose, **COSTS, n_resamples=1).threshold)
            if name == "plain":
                plain = own
            low, high = np.quantile(drawn @ (own - plain), [0.025, 0.975])
            row = {"draw": draw, "remedy": name, "auc": roc_auc_score(y_judge, p)}
            row |= {"ap": average_precision_score(y_judge, p), "at_half": gains(p, 0.5).sum()}
            row |= {"chosen": own.sum(), "from_costs": gains(p, 5 / 195).sum()}
            row |= {"possible": 0.19 * y_judge.sum(), "less_plain_low": low, "less_plain_high": high}
            rows.append(row | {"mean_p": p.mean(), "calibration": expected_calibration_error(y_judge, p)})
    return save(rows, output)


if __name__ == "__main__":
    command(main)
