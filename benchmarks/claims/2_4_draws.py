"""Claims of lesson 2.4 on twelve populations: repairs by mechanism, leaks, series, weights.

Draw 0 is the stored table; for the others the generator gets the next seeds. One row per population. For
each mechanism (40% of the true satisfaction removed with the population's number as seed) and strategy:
bias of the mean in points (`bias_`), standard deviation as a ratio to the true one (`sd_`) and change of
AUC (`auc_`). `gain_with` and `gain_without` are the AUC of a logistic model with a regression fill less
that with the mean, under MAR, if the columns that drive the gaps are in the model and if they are not (the
fill always sees them). `promised_` and `delivered_` are the AUC on held-out rows and on later customers, by
fill. `minutes_` is the mean error of a fill of the call minutes on the months that every fill reaches.
`lost` and `missing` are the variance lost by a mean and the share missing; `dropped` and `weighted` the
error of the churn rate in points. `fact_` is the AUC of a treatment of `last_ticket_days` less that of
boosting with NaN, or of the mean and an indicator. It takes about five minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data.quality import compare_imputations
from mlhelpers.data.synthetic import churn as generator
from mlhelpers.data.synthetic.registry import generate

OUTPUT = Path(__file__).with_suffix(".csv")
STORED = generator.SEED
STRATEGIES = {
    "drop rows": "drop",
    "mean": "mean",
    "median": "median",
    "iterative": "regression",
    "iterative, drawn": "drawn",
    "mean + indicator": "indicator",
    "boosting, median": "boosting_median",
    "boosting, NaN": "boosting_nan",
}
COLUMNS = [
    "contract", "internet", "payment_method", "tenure_months", "monthly_charge", "data_gb", "discount_pct",
    "late_payments_6m", "days_since_payment", "tickets_90d",
]  # fmt: skip
LEAKY = ["satisfaction", "age", "call_minutes", "tenure_months", "monthly_charge", "late_payments_6m"]


def chance(score: pd.Series, share: float = 0.4) -> pd.Series:
    """Probability of a gap, with the shift that removes `share` of the values."""
    shifts = np.linspace(-8, 8, 161)
    shares = [np.mean(1 / (1 + np.exp(-score - shift))) for shift in shifts]
    return 1 / (1 + np.exp(-score - np.interp(share, shares, shifts)))


def auc_of(X: pd.DataFrame, y: pd.Series, held: np.ndarray, model=None) -> float:
    """AUC on the held-out rows of a model, by default a logistic one, that is trained on the others."""
    model = model or make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(X[~held], y[~held])
    return roc_auc_score(y[held], model.predict_proba(X[held])[:, 1])


def regression_gain(X: pd.DataFrame, y: pd.Series, gapped: pd.Series, held: np.ndarray) -> dict[str, float]:
    """What a regression fill gains over the mean, with the drivers of the gaps in the model and without."""
    wide = pd.get_dummies(X, dtype=float)
    learn = ~held & gapped.notna().to_numpy()
    guess = LinearRegression().fit(wide[learn], gapped[learn]).predict(wide)
    fills = {"mean": gapped.fillna(gapped[~held].mean()), "regression": gapped.where(gapped.notna(), guess)}
    gain = {}
    drivers = [name for name in wide if name.startswith(("internet", "tickets"))]
    for name, part in {"with": wide, "without": wide.drop(columns=drivers)}.items():
        auc = {kind: auc_of(part.assign(satisfaction=filled), y, held) for kind, filled in fills.items()}
        gain[f"gain_{name}"] = auc["regression"] - auc["mean"]
    return gain


def leaks(churn: pd.DataFrame, seed: int) -> dict[str, float]:
    """AUC promised by held-out rows and delivered to later customers, by fill."""
    work = churn[[*LEAKY, "churned"]].sample(5000, random_state=seed)
    later = churn.drop(work.index)[work.columns].sample(4000, random_state=seed)
    held = np.arange(len(work)) % 3 == 0
    A, B = work[LEAKY], later[LEAKY]
    inside, everywhere = A[~held].mean(), A.mean()
    of_class = A.fillna(A.groupby(work["churned"]).transform("mean"))
    fills = {
        "inside": (A.fillna(inside), B.fillna(inside)),
        "before": (A.fillna(everywhere), B.fillna(everywhere)),
        "class": (of_class, B.fillna(everywhere)),
    }
    found = {}
    for name, (filled, filled_later) in fills.items():
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(filled[~held], work["churned"][~held])
        for when, rows, label in (
            ("promised", filled[held], work["churned"][held]),
            ("delivered", filled_later, later["churned"]),
        ):
            found[f"{when}_{name}"] = roc_auc_score(label, model.predict_proba(rows)[:, 1])
    return found


def series(usage: pd.DataFrame, seed: int) -> dict[str, float]:
    """Mean error of six fills of hidden months, on the months that all of them reach."""
    usage = usage.query("month <= '2025-06-01' and customer_id <= 'C004000'")
    usage = usage.sort_values(["customer_id", "month"])
    minutes, owner = usage["call_minutes"], usage["customer_id"]
    hide = minutes.notna() & (np.random.default_rng(seed).random(len(usage)) < 0.1)
    seen = minutes.mask(hide)
    own = seen.groupby(owner)
    fills = {
        "everybody": seen.fillna(seen.mean()),
        "mixed": seen.ffill(),
        "forward": own.ffill(),
        "backward": own.bfill(),
        "interpolation": own.transform(lambda part: part.interpolate(limit_area="inside")),
        "customer": seen.fillna(own.transform("mean")),
        "past": own.transform(lambda part: part.expanding().mean()),
    }
    off = pd.DataFrame({name: (fill - minutes)[hide].abs() for name, fill in fills.items()})
    first = off["forward"].isna() & off["mixed"].notna()
    row = {f"minutes_{name}": value for name, value in off.dropna().mean().items()}
    return row | {"minutes_first_month": off["mixed"][first].mean()}


def gap_is_fact(X: pd.DataFrame, days: pd.Series, y: pd.Series, held: np.ndarray) -> dict[str, float]:
    """AUC of treatments of a gap that is a fact, less that of the treatment that keeps it."""
    wide = pd.get_dummies(X.drop(columns="never_ticket"), dtype=float)
    known = days[~held].dropna()
    rng = np.random.default_rng(0)
    mean, drawn = days.fillna(known.mean()), days.where(days.notna(), rng.choice(known, len(days)))
    flagged = wide.assign(days=mean, gap=days.isna().astype(float))
    linear = auc_of(flagged, y, held)
    kept = auc_of(wide.assign(days=days), y, held, HistGradientBoostingClassifier(random_state=0))
    row = {"fact_linear_mean": auc_of(wide.assign(days=mean), y, held) - linear}
    for name, filled in {"median": days.fillna(known.median()), "drawn": drawn}.items():
        model = HistGradientBoostingClassifier(random_state=0)
        row[f"fact_boosting_{name}"] = auc_of(wide.assign(days=filled), y, held, model) - kept
    return row


def main(repeats: int = 12, output: str | Path = OUTPUT, first: int = 0) -> pd.DataFrame:
    """Measure `repeats` populations from number `first` on and write the table."""
    rows = []
    for draw in range(first, first + repeats):
        frames = generate("churn", seed=STORED + draw).frames
        churn, truth = frames["churn"], frames["truth"]["satisfaction"]
        y, rng, row = churn["churned"], np.random.default_rng(draw), {"draw": draw}
        X = churn[COLUMNS].assign(never_ticket=churn["last_ticket_days"].isna().astype(int))
        held = np.arange(len(churn)) % 3 == 0
        opened, fiber = churn["tickets_90d"] > 0, churn["internet"] == "fiber"
        scores = {"mcar": 0 * truth, "mar": 2.0 * opened + 1.2 * fiber, "mnar": -0.8 * truth}
        for name, score in scores.items():
            gapped = truth.mask(rng.random(len(truth)) < chance(score))
            table = compare_imputations(
                X.assign(satisfaction=gapped),
                y,
                column="satisfaction",
                truth=truth,
                strategies=list(STRATEGIES),
                cv=3,
            ).table
            for strategy, short in STRATEGIES.items():
                for column, kind in (("mean_bias", "bias"), ("sd_ratio", "sd"), ("auc_change", "auc")):
                    row[f"{kind}_{name}_{short}"] = table.loc[strategy, column]
            if name == "mar":
                row |= regression_gain(X, y, gapped, held)
        row |= leaks(churn, draw) | series(frames["usage"], draw)
        answers = churn["satisfaction"]
        filled = answers.fillna(answers.mean())
        row["lost"], row["missing"] = 1 - filled.var() / answers.var(), answers.isna().mean()
        row["share_of_true"] = filled.var() / truth.var()
        known = churn["age"].notna()
        seen = known.groupby([churn["contract"], churn["payment_method"]]).transform("mean")
        row["dropped"] = 100 * (y[known].mean() - y.mean())
        row["weighted"] = 100 * (np.average(y, weights=known / seen) - y.mean())
        row |= gap_is_fact(X, churn["last_ticket_days"], y, held)
        rows.append(row)
    return save(rows, output)


if __name__ == "__main__":
    command(main)
