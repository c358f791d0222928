"""Claims of lesson 3.4 on the stored payments and on 19 other draws of their generator.

Draw 0 is the stored table; draw n is the generator with seed n. Columns: frauds to judge on and their
devices; AUC of the plain and of the weighted logistic regression; average precision for four weights of a
fraud (`ap_1` to `ap_balanced`), and what the balanced weights change when labels are drawn from the plain
model (mean of eight drawings); width of the 95% interval of average precision, rows or devices drawn; the
range over 20 undersamplings; average precision promised by random folds over all 90 days and over the first
60, and delivered on the days from 60 on; and what the threshold 5 / 195 saves with class weights, before and
after the prior correction, in thousand USD. It takes about three minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.pipeline import make_pipeline as make_resampled
from imblearn.under_sampling import RandomUnderSampler
from shared.imbalance import DRAWS, payments, prepare
from shared.script import command, save
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

OUTPUT = Path(__file__).with_suffix(".csv")


def fitted(X, y, weight=None):
    return LogisticRegression(class_weight=weight, max_iter=1000).fit(X, y)


def spread(y, p, drawn) -> float:
    """Width of the 95% interval of average precision over drawn counts of the rows."""
    order = np.argsort(-p, kind="stable")
    hits = drawn[:, order] * y[order]
    found = hits.cumsum(axis=1)
    precision = found / np.maximum(drawn[:, order].cumsum(axis=1), 1)
    return float(np.ptp(np.quantile((hits * precision).sum(axis=1) / found[:, -1], [0.025, 0.975])))


def drawings(rng, n, times=300):
    return rng.multinomial(n, np.full(n, 1 / n), times)


def main(repeats: int = 20, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure the first `repeats` of the draws and write the table."""
    rows = []
    for draw in DRAWS[:repeats]:
        fraud, rng = payments(draw), np.random.default_rng(draw)
        day = (fraud["ts"] - fraud["ts"].min().normalize()).dt.days
        fit_on, judge = fraud[day < 30], fraud[day.between(45, 59)]
        y_fit, y_judge = fit_on["is_fraud"].to_numpy(), judge["is_fraud"].to_numpy()
        features = prepare().fit(fit_on)
        X_fit, X_judge = features.transform(fit_on), features.transform(judge)

        def ap(model, X=X_judge, y=y_judge):
            return average_precision_score(y, model.predict_proba(X)[:, 1])

        row = {"draw": draw, "frauds": y_judge.sum(), "devices": judge["device_id"][y_judge == 1].nunique()}
        doses = {"1": None, "5": {0: 1, 1: 5}, "38": {0: 1, 1: 38}, "balanced": "balanced"}
        models = {name: fitted(X_fit, y_fit, weight) for name, weight in doses.items()}
        p, q = (models[name].predict_proba(X_judge)[:, 1] for name in ("1", "balanced"))
        row |= {"auc_1": roc_auc_score(y_judge, p), "auc_balanced": roc_auc_score(y_judge, q)}
        row |= {f"ap_{name}": ap(model) for name, model in models.items()}
        chance, changes = models["1"].predict_proba(X_fit)[:, 1], []
        for _ in range(8):
            y_from, y_new = (
                (rng.random(len(chance)) < chance).astype(int),
                (rng.random(len(p)) < p).astype(int),
            )
            aps = [ap(fitted(X_fit, y_from, weight), y=y_new) for weight in (None, "balanced")]
            changes.append(aps[1] - aps[0])
        row["true_shape_change"] = np.mean(changes)

        codes, devices = pd.factorize(judge["device_id"])
        row["width_rows"] = spread(y_judge, p, drawings(rng, len(judge)))
        row["width_devices"] = spread(y_judge, p, drawings(rng, len(devices))[:, codes])
        under = []
        for seed in range(20):
            model = make_resampled(RandomUnderSampler(random_state=seed), LogisticRegression(max_iter=1000))
            under.append(ap(model.fit(X_fit, y_fit)))
        row |= {"under_low": min(under), "under_high": max(under)}

        X, y, late = features.transform(fraud), fraud["is_fraud"].to_numpy(), (day >= 60).to_numpy()
        settings = {"cv": StratifiedKFold(5, shuffle=True, random_state=0), "method": "predict_proba"}
        for name, here in (("promised", late | ~late), ("promised_early", ~late)):
            model = LogisticRegression(max_iter=1000)
            row[name] = average_precision_score(
                y[here], cross_val_predict(model, X[here], y[here], **settings)[:, 1]
            )
        row["delivered"] = ap(fitted(X[~late], y[~late]), X[late], y[late])

        kept = y_fit.sum() / (y_fit == 0).sum()
        for name, r in (("plain", p), ("weighted", q), ("corrected", kept * q / (1 - q + kept * q))):
            row[f"saved_{name}"] = (190 * y_judge - 5 * (1 - y_judge))[r >= 5 / 195].sum() / 1000
        rows.append(row)
    return save(rows, output)


if __name__ == "__main__":
    command(main)
