"""Claims of lesson 5.3 on twelve seeds: loans in an outage, punished savings, readers of digits, reviews.

The seed draws which loans train (the lesson splits by date), the generated rows, the digits that train, the
noise and the typing errors. Columns: share of bad and of good applicants approved and AUC on a normal day
and for each way to fill an outage of both bureau columns, with zero also one of `debt` or
`previous_defaults` alone (`debt`, `earlier`); failures of the guard, without and with a written rule, in 40
rows of each kind, and the share of ordinary applicants not scored; shares punished by two boostings for
savings (by the dose in USD) or helped by debt, and their AUC; shares of digits misread by each reader, clean
and under noise of 0.3, also after training with noise, and under random and adversarial signs; flips and
failures of the reviews. It takes about three minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from mlhelpers.data import load
from mlhelpers.validation.stress import (
    add_noise,
    blur,
    change_case,
    change_contrast,
    lengthen,
    misspell,
    occlude,
    rotate,
)

OUTPUT = Path(__file__).with_suffix(".csv")
NUMERIC = ["age", "employment_years", "income", "debt", "savings", "credit_history_years"]
NUMERIC += ["previous_defaults", "loan_amount", "term_months"]
KINDS = ["missing", "extreme", "invalid", "unlike any", "ambiguous"]
RIGHT = {"missing": {"refuse"}, "extreme": {"score"}, "invalid": {"refuse"}}
RIGHT |= {"unlike any": {"refuse", "review"}, "ambiguous": {"review"}}


def of_loans(seed: int) -> dict:
    """An outage, a guard and the direction of two boostings."""
    rng, row = np.random.default_rng(seed), {}
    loans, real = load("loans"), load("loans", table="truth")["would_repay"].to_numpy()
    test = rng.permutation(len(loans)) < len(loans) * 0.3
    X = loans[[*NUMERIC, "purpose"]].astype(dict.fromkeys(NUMERIC, float))
    X_train, X_test, y_train = X[~test], X[test].reset_index(drop=True), loans["repaid_label"][~test]
    real = real[test]
    encode = make_column_transformer((StandardScaler(), NUMERIC), (OneHotEncoder(), ["purpose"]))
    scorecard = make_pipeline(encode, LogisticRegression(max_iter=500)).fit(X_train, y_train)
    bureau = ["debt", "previous_defaults"]
    practice = X_train.copy()
    practice.loc[rng.random(len(practice)) < 0.2, bureau] = np.nan
    fill = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    encode_gaps = make_column_transformer((fill, NUMERIC), (OneHotEncoder(), ["purpose"]))
    for_gaps = make_pipeline(encode_gaps, LogisticRegression(max_iter=500)).fit(practice, y_train)
    medians, means = X_train[NUMERIC].median(), X_train[NUMERIC].mean()
    outage = X_test.assign(**dict.fromkeys(bureau, np.nan))
    debt, earlier = (X_test.assign(**{name: np.nan}) for name in bureau)
    filled = {"normal": (scorecard, X_test), "zero": (scorecard, outage.fillna(0))}
    filled |= {"median": (scorecard, outage.fillna(medians)), "mean": (scorecard, outage.fillna(means))}
    filled |= {"for_gaps": (for_gaps, outage), "zero_debt": (scorecard, debt.fillna(0))}
    filled |= {"zero_earlier": (scorecard, earlier.fillna(0))}
    for name, (model, rows) in filled.items():
        p = model.predict_proba(rows)[:, 1]
        row |= {f"bad_{name}": (p[real == 0] >= 0.6).mean(), f"good_{name}": (p[real == 1] >= 0.6).mean()}
        row[f"auc_{name}"] = roc_auc_score(real, p)
    row["median_defaults"] = medians["previous_defaults"]
    row |= of_guard(rng, scorecard, X_train, X_test)
    signs = {"income": 1, "savings": 1, "debt": -1, "previous_defaults": -1}
    for name, options in (("free", {}), ("monotonic", {"monotonic_cst": signs})):
        model = HistGradientBoostingClassifier(random_state=seed, **options).fit(X_train[NUMERIC], y_train)
        p = model.predict_proba(X_test[NUMERIC])[:, 1]
        row[f"auc_{name}"] = roc_auc_score(real, p)
        for column, step in (("savings", 1000), ("savings", 5000), ("savings", 20000), ("debt", -5000)):
            moved = X_test[NUMERIC].assign(**{column: X_test[column] + step})
            if column == "debt":
                moved = X_test[NUMERIC].assign(debt=X_test["debt"] + 5000)
                worse = model.predict_proba(moved)[:, 1] > p + 0.01
            else:
                worse = model.predict_proba(moved)[:, 1] < p - 0.01
            row[f"{name}_{column}_{abs(step)}"] = worse.mean()
    return row


def of_guard(rng, scorecard, X_train, X_test) -> dict:
    """Failures by kind of a guard, with and without a written rule, on 200 generated rows."""
    lowest, highest, kind = X_train[NUMERIC].min(), X_train[NUMERIC].max(), np.repeat(KINDS, 40)
    near = np.flatnonzero(np.abs(scorecard.predict_proba(X_test)[:, 1] - 0.6) < 0.005)
    picked = np.concatenate([rng.choice(len(X_test), 160, replace=False), rng.choice(near, 40)])
    made = X_test.iloc[picked].reset_index(drop=True)
    for i in range(120):
        column = rng.choice(NUMERIC)
        high, low = highest[column], lowest[column]
        value = {"missing": [np.nan], "extreme": [low, high], "invalid": [-high, 10 * high]}[kind[i]]
        made.loc[i, column] = rng.choice(value)
    made.loc[120:159, "age"] = rng.integers(18, 24, 40).astype(float)
    made.loc[120:159, "employment_years"] = rng.integers(25, 43, 40).astype(float)
    logs = np.log1p(X_train[NUMERIC])
    center, inverse = logs.mean(), np.linalg.inv(logs.cov())

    def distance(rows):
        off = (np.log1p(rows[NUMERIC].clip(lower=0)) - center).to_numpy()
        return np.sqrt(np.einsum("ij,jk,ik->i", off, inverse, off))

    far, row = np.quantile(distance(X_train), 0.995), {}
    for name, rule in (("guard", False), ("rule", True)):
        outcomes = []
        for rows in (made, X_test):
            outside = (rows[NUMERIC].isna() | (rows[NUMERIC] < lowest) | (rows[NUMERIC] > highest)).any(
                axis=1
            )
            outside |= rule & (rows["age"] - rows["employment_years"] < 14)
            p = scorecard.predict_proba(rows.fillna(0))[:, 1]
            review = (distance(rows) > far) | (np.abs(p - 0.6) < 0.01)
            outcomes.append(np.select([outside, review], ["refuse", "review"], "score"))
        for k in KINDS:
            row[f"{name}_{k}"] = sum(o not in RIGHT[k] for o in outcomes[0][kind == k])
        row[f"{name}_not_scored"] = (outcomes[1] != "score").mean()
    return row


def of_digits(seed: int) -> dict:
    """Readers under noise, other changes and an adversary."""
    digits, row = load_digits(), {}
    images, label = digits.images / 16, digits.target
    seen, held = np.split(np.random.default_rng(seed).permutation(len(label)), [1000])
    flat = images.reshape(len(images), -1)
    noisy = add_noise(images[held], 0.3, random_state=seed).reshape(len(held), -1)
    readers = {"softmax": LogisticRegression(max_iter=2000)} | {
        f"gamma_{g}": SVC(gamma=g, C=5) for g in (0.05, 0.2, 1)
    }
    readers["wide"] = SVC(C=5)
    for name, model in readers.items():
        model.fit(flat[seen], label[seen])
        for way, rows in (("clean", flat[held]), ("noise", noisy)):
            row[f"{name}_{way}"] = (model.predict(rows) != label[held]).mean()
        if name != "softmax":
            row[f"{name}_vectors"] = int(model.n_support_.sum())
    for scale in (0.1, 0.3):
        copies = [
            add_noise(images[seen], s, random_state=i).reshape(1000, -1) for i, s in enumerate((0, scale))
        ]
        for name, model in (("softmax", LogisticRegression(max_iter=2000)), ("gamma_1", SVC(gamma=1, C=5))):
            model.fit(np.concatenate(copies), np.tile(label[seen], 2))
            row[f"{name}_trained_{scale}"] = (model.predict(noisy) != label[held]).mean()
            row[f"{name}_trained_{scale}_clean"] = (model.predict(flat[held]) != label[held]).mean()
    copies = [
        add_noise(images[seen], s, random_state=i).reshape(1000, -1) for i, s in enumerate((0, 0.2, 0.4))
    ]
    model = LogisticRegression(max_iter=2000).fit(np.concatenate(copies), np.tile(label[seen], 3))
    row["softmax_trained_lesson"] = (model.predict(noisy) != label[held]).mean()
    softmax = readers["softmax"]
    gradient = (softmax.predict_proba(flat[held]) - np.eye(10)[label[held]]) @ softmax.coef_
    flips = np.random.default_rng(seed).choice([-1, 1], gradient.shape)
    for epsilon in (0.05, 0.1, 0.2):
        for way, direction in (("random", flips), ("fgsm", np.sign(gradient))):
            moved = np.clip(flat[held] + epsilon * direction, 0, 1)
            row[f"{way}_{epsilon}"] = (softmax.predict(moved) != label[held]).mean()
    changes = {"tilt_10": rotate(images[held], 10), "contrast_0.75": change_contrast(images[held], 0.75)}
    changes |= {"blur_1": blur(images[held], 1), "occlusion_3": occlude(images[held], 3)}
    for name, changed in changes.items():
        for reader in ("softmax", "gamma_1"):
            row[f"{reader}_{name}"] = (
                readers[reader].predict(changed.reshape(len(held), -1)) != label[held]
            ).mean()
    return row


def of_reviews(seed: int) -> dict:
    """Flips of a review model trained on a random three quarters."""
    reviews, row = load("reviews"), {}
    newer = np.random.default_rng(seed).permutation(len(reviews)) < len(reviews) / 4
    mood = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=10, max_iter=300)
    )
    mood.fit(reviews["text"][~newer], reviews["sentiment"][~newer])
    texts = reviews["text"][newer].tolist()[:500]

    def praise(rows):
        return mood.predict_proba(list(rows))[:, 1] >= 0.5

    usual = praise(texts)
    row["accuracy"] = (usual == reviews["sentiment"][newer][:500]).mean()
    changed = {"capitals": change_case(texts), "typo_1": misspell(texts, 1, random_state=seed)}
    changed["typo_6"] = misspell(texts, 6, random_state=seed)
    changed |= {f"words_{n}": lengthen(texts, n) for n in (100, 500, 5000)}
    changed["cut_60"] = [" ".join(text.split()[:60]) for text in changed["words_5000"]]
    row |= {name: float((praise(rows) != usual).mean()) for name, rows in changed.items()}
    row["praised_5000"] = float(praise(changed["words_5000"]).mean())
    return row


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` seeds and write the table."""
    rows = [{"seed": s, **of_loans(s), **of_digits(s), **of_reviews(s)} for s in range(repeats)]
    return save(rows, output)


if __name__ == "__main__":
    command(main)
