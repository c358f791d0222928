"""Claims of lesson 2.5 on twelve draws of the weekly batches: inferred contracts and the wrong training file.

Draw 0 is the stored stream; for the others the generator gets the next seeds. One row per draw.
`rejected_1`, `rejected_4` and `rejected_12` are the shares of good rows of weeks 13 to 16 that a contract
rejects which was inferred from that many weeks before; `undated_...` is the same without the sign-up date.
`rejected_month` is that of weeks 9 to 12 by a contract inferred from weeks 5 to 8. `edited_quiet` counts rows
of weeks 9 to 19 that the edited contract rejects, `edited_unit` is its share of week 44. `loss` is the AUC on
weeks 44 to 52 lost by a model of weeks 28 to 35 against one of weeks 36 to 43, `expects_old`, `expects_new`
and `leave` are the share that each expects to leave and the true one; `loss_without` and the others are the
same if no competitor comes in week 36. It takes about two minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.metrics import roc_auc_score

from mlhelpers.data.contracts import Contract, infer_contract
from mlhelpers.data.synthetic import churn_stream as generator
from mlhelpers.data.synthetic.common import bernoulli, sigmoid, stream
from mlhelpers.data.synthetic.registry import generate
from mlhelpers.training import make_logistic

OUTPUT = Path(__file__).with_suffix(".csv")
STORED = generator.SEED
LEFT_OUT = ["churned", "retention_calls", "sim_batch", "week", "data_gb"]
CATEGORICAL = ["gender", "region", "contract", "payment_method", "internet"]
LIMITS = {
    "signup_date": ("2000-01-01", None),
    "age": (16, 110),
    "monthly_charge": (5, 200),
    "data_gb": (0, 80),
    "call_minutes": (0, 10_000),
    "days_since_payment": (0, 365),
    "last_ticket_days": (0, 730),
    "tenure_months": (0, 400),
    "tickets_90d": (0, 90),
}


def rejected(contract: Contract, frame: pd.DataFrame) -> int:
    """Rows that break a rule."""
    return contract.failures(frame)["row"].nunique()


def contracts(batches: pd.DataFrame) -> dict[str, float]:
    """What inferred and edited contracts reject."""
    row, later = {}, batches.loc[13:16]
    for weeks in (1, 4, 12):
        for name, dropped in (("rejected", []), ("undated", ["signup_date"])):
            seen, unseen = (part.drop(columns=dropped) for part in (batches.loc[13 - weeks : 12], later))
            row[f"{name}_{weeks}"] = rejected(infer_contract(seen, "batch"), unseen) / len(unseen)
    inferred = infer_contract(batches.loc[5:8], "batch")
    row["rejected_month"] = rejected(inferred, batches.loc[9:12]) / len(batches.loc[9:12])
    limits = {name: {"minimum": low, "maximum": high} for name, (low, high) in LIMITS.items()}
    rules = {name: rule | limits.get(name, {}) for name, rule in inferred.to_dict().items()}
    edited = Contract.from_dict("batch", rules)
    row["edited_quiet"] = rejected(edited, batches.loc[9:19])
    row["edited_unit"] = rejected(edited, batches.loc[[44]]) / len(batches.loc[[44]])
    return row


def wrong_file(frame: pd.DataFrame, end: str) -> dict[str, float]:
    """AUC lost by the older training file, and what each model expects."""
    numeric = list(frame.select_dtypes("number").columns.difference(LEFT_OUT))
    names = numeric + CATEGORICAL
    future, auc, expects = frame[frame["week"] >= 44], {}, {}
    for name, weeks in (("old", (28, 35)), ("new", (36, 43))):
        train = frame[frame["week"].between(*weeks)]
        model = make_logistic(numeric, CATEGORICAL).fit(train[names], train["churned"])
        risk = model.predict_proba(future[names])[:, 1]
        auc[name], expects[name] = roc_auc_score(future["churned"], risk), risk.mean()
    row = {f"loss{end}": auc["new"] - auc["old"], f"leave{end}": future["churned"].mean()}
    return row | {f"expects_{name}{end}": value for name, value in expects.items()}


def main(repeats: int = 12, output: str | Path = OUTPUT, first: int = 0) -> pd.DataFrame:
    """Measure `repeats` draws from number `first` on and write the table."""
    rows = []
    for draw in range(first, first + repeats):
        frames = generate("churn_stream", seed=STORED + draw).frames
        frame, truth = frames["churn_stream"], frames["truth"]
        batches = frame.drop(columns=["batch_date", "retention_calls", "churned"]).set_index("week")
        p = truth["churn_probability"].to_numpy()
        rival = generator.EVENTS["competitor"]
        met = truth["in_competitor_segment"].to_numpy() & (truth["week"].to_numpy() >= rival["week"])
        p_without = sigmoid(np.log(p / (1 - p)) - rival["log_odds"] * met)
        without = frame.assign(churned=bernoulli(stream(STORED + draw, 6), p_without).astype(int))
        row = {"draw": draw, **contracts(batches), **wrong_file(frame, ""), **wrong_file(without, "_without")}
        rows.append(row)
    return save(rows, output)


if __name__ == "__main__":
    command(main)
