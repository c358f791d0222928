"""Claims of lesson 3.1 on twelve splits of the customers of the raw churn export.

Split 0 is that of the lesson, the others draw a third of the customers to stand for new data. Columns: share
of the spoilt categories of new rows that are repaired by cleaners fitted on training rows, and fitted anew on
batches of 10, 50, 200 and 1,000 rows (batches in random order but for split 0); share of unit slips found by
limits of the training rows; and for a logistic regression and for boosting the AUC of the lesson's table less
that of the careless one, of the careless one with nothing deleted, and of the table clipped at the fences.
It takes about three minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.metrics import roc_auc_score

from mlhelpers.data import load
from mlhelpers.features.cleaning import (
    CategoryRepairer,
    DateParser,
    NumberParser,
    OutlierHandler,
    drop_duplicates,
)
from mlhelpers.training import fit, make_boosting, make_logistic

OUTPUT = Path(__file__).with_suffix(".csv")
WORDS = ["gender", "region", "contract", "payment_method", "internet"]
SLIPS = {"data_gb": (80, 1024), "monthly_charge": (200, 100)}
ANSWERS = {
    "gender": {"F": "female", "M": "male"},
    "internet": {"no": "none"},
    "payment_method": {"credit card": "card"},
    "contract": {"month to month": "monthly", "1 year": "one_year", "2 year": "two_year"},
}
AS_OF = pd.Timestamp("2025-06-30")


def cleaned(raw: pd.DataFrame, figures: list[str], training: pd.Series) -> pd.DataFrame:
    """The lesson's table before duplicates are dropped."""
    work = raw.copy()
    parser = NumberParser(missing=["", "N/A", "-999"], slips=SLIPS, digits=2).set_output(transform="pandas")
    work[figures] = parser.fit(raw.loc[training, figures]).transform(raw[figures])
    limits = {"age": (16, 110), "tenure_months": (0, 240)}
    possible = OutlierHandler(method="limits", action="nan", limits=limits)
    work[list(limits)] = possible.fit_transform(work[list(limits)])
    dater = DateParser(day_first=True, latest=AS_OF).set_output(transform="pandas")
    dates = raw[["signup_date"]]
    work["signup_date"] = dater.fit(dates[training]).transform(dates)["signup_date"]
    signup = work["signup_date"].dt
    months = (AS_OF.year - signup.year) * 12 + AS_OF.month - signup.month - (signup.day > AS_OF.day)
    work["tenure_months"] = work["tenure_months"].fillna(months)
    rule = CategoryRepairer(threshold=65, margin=10, aliases=ANSWERS).set_output(transform="pandas")
    work[WORDS] = rule.fit(raw.loc[training, WORDS]).transform(raw[WORDS])
    work["customer_id"] = raw["customer_id"].str.strip()
    return work


def main(repeats: int = 12, output: str | Path = OUTPUT) -> pd.DataFrame:
    """Measure `repeats` splits and write the table."""
    raw = load("churn", raw=True).drop(columns="retention_calls")
    changes = load("churn", table="raw_truth")
    owner = raw["customer_id"].str.strip()
    true = load("churn").set_index("customer_id").loc[owner].reset_index()[raw.columns]
    spoilt = pd.DataFrame(False, index=raw.index, columns=raw.columns)
    for column, cells in changes[changes["column"] != ""].groupby("column")["row"]:
        spoilt.loc[cells, column] = True
    in_mb = (changes["column"] == "data_gb") & (changes["problem"] == "unit_slip")
    slip = np.isin(np.arange(len(raw)), changes.loc[in_mb, "row"])
    figures = [name for name in raw if name not in ["customer_id", "signup_date", *WORDS]]
    unrepaired = NumberParser().fit_transform(raw[["data_gb"]])
    rows = []
    for split in range(repeats):
        rng, row = np.random.default_rng(split), {"split": split}
        if split == 0:
            training = owner.str[-1].astype(int) % 3 != 0
        else:
            names = owner.unique()
            training = ~owner.isin(rng.choice(names, int(0.4 * len(names)), replace=False))
        work = cleaned(raw, figures, training)
        table, _ = drop_duplicates(work, key="customer_id")

        order = raw.index[~training] if split == 0 else rng.permutation(raw.index[~training])
        fresh, target, bad = (
            raw.loc[order, WORDS],
            true.loc[order, WORDS],
            spoilt.loc[order, WORDS].to_numpy(),
        )
        plain = CategoryRepairer(threshold=65, margin=10).set_output(transform="pandas")
        row["fitted_once"] = (
            plain.fit(raw.loc[training, WORDS]).transform(fresh).eq(target).to_numpy()[bad].mean()
        )
        for size in (10, 50, 200, 1000):
            pieces = [fresh.iloc[start : start + size] for start in range(0, len(fresh), size)]
            anew = pd.concat([plain.fit_transform(piece) for piece in pieces])
            row[f"batches_{size}"] = anew.eq(target).to_numpy()[bad].mean()
        robust = OutlierHandler(method="robust_z", action="flag").fit(unrepaired[training])
        row["slips_found"] = robust.transform(unrepaired[~training & slip])[:, 1].mean()

        careless = raw.drop_duplicates().copy()
        careless[figures] = careless[figures].apply(pd.to_numeric, errors="coerce")
        careless["signup_date"] = pd.to_datetime(careless["signup_date"], format="mixed")
        z = (careless[figures] - careless[figures].mean()) / careless[figures].std()
        deleted = (z.drop(columns="churned").abs() > 3).any(axis=1)
        careless[figures] = careless[figures].fillna(careless[figures].mean())
        for part in (careless, table):
            part["days"] = (AS_OF - part["signup_date"]).dt.days
        numeric = [name for name in [*figures, "days"] if name not in ("sim_batch", "churned")]
        fences = OutlierHandler(method="iqr").set_output(transform="pandas")
        fences.fit(table.loc[training[table.index], numeric])
        ready = {
            "proper": table,
            "careless": careless[~deleted | ~training[careless.index]],
            "kept": careless,
            "clipped": table.assign(**fences.transform(table[numeric])),
        }
        test = table.index[~training[table.index]]
        y = true.loc[test, "churned"]
        for kind, make in {"logistic": make_logistic, "boosting": make_boosting}.items():
            auc = {}
            for name, part in ready.items():
                learn = part[training[part.index]]
                model = fit(make(numeric, WORDS), learn, true.loc[learn.index, "churned"])
                auc[name] = roc_auc_score(y, model.predict_proba(part.loc[test])[:, 1])
            row |= {f"{kind}_{name}": auc["proper"] - auc[name] for name in list(ready)[1:]}
        rows.append(row)
    return save(rows, output, digits=5)


if __name__ == "__main__":
    command(main)
