"""Claims of lesson 2.3 on twelve populations of customers: associations, gaps, discount, tickets, findings.

Draw 0 is the stored table; for the others the generator gets the next seeds. Of each population 8,000
customers are explored and 4,000 confirm. Columns: for `data_gb` Pearson's correlation, that of its distance
from the median, mutual information on the correlation scale, the largest of 20 shuffled labels, and the
rank among 18 columns by either; the same scale for `retention_calls`; uncorrected V of the contract, of the
SIM batch and of 20 shuffled labels, and the corrected one of the batch; the churn rate of customers with a
gap less that of the others, over all, inside the contracts, and inside contract and payment method, in
points; the difference between discounts above 11% and below, over all, inside the contracts and for each
contract; that of two tickets or more and none, by tenure, and what the product of both columns adds to a
logistic model's AUC on the other customers; the shares of customers and churners beyond Tukey's fences; and
whether each finding of the lesson is right on the confirming customers. It takes about a minute and a half.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from shared.script import command, save
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlhelpers.data.explore import association, cramers_v, mutual_information, outlier_table
from mlhelpers.data.synthetic import churn as generator
from mlhelpers.data.synthetic.registry import generate

OUTPUT = Path(__file__).with_suffix(".csv")
STORED = generator.SEED
BOTH = ("contract", "payment_method")
GAPS = ("age", "call_minutes", "last_ticket_days", "satisfaction")


def difference(frame: pd.DataFrame, mask: pd.Series) -> float:
    """Churn rate where the mask holds less the rate where it does not, in points."""
    return 100 * (frame["churned"][mask].mean() - frame["churned"][~mask].mean())


def inside(frame: pd.DataFrame, mask: pd.Series, by: tuple[str, ...] = ("contract",)) -> float:
    """The same inside each group, averaged with the shares of the groups that have both kinds."""
    groups = frame.assign(holds=mask).groupby([*by, "holds"])["churned"]
    points = 100 * groups.mean().unstack().diff(axis=1)[True]
    sizes = groups.size().unstack().sum(axis=1)
    return float(np.average(points[points.notna()], weights=sizes[points.notna()]))


def as_correlation(nats: float) -> float:
    """The linear correlation with the same mutual information."""
    return float(np.sqrt(1 - np.exp(-2 * nats)))


def findings(explored: pd.DataFrame) -> dict[str, tuple[Callable[[pd.DataFrame], float], int]]:
    """Each finding of the lesson as a function of a frame, with the sign of the true effect."""
    rate = explored.groupby("sim_batch")["churned"].mean().sort_values(kind="stable")
    worst = rate.index[-10:]

    def first_year(f: pd.DataFrame) -> float:
        new = f[f["tenure_months"] < 12]
        return difference(new, new["tickets_90d"] > 0)

    return {
        "monthly": (lambda f: difference(f, f["contract"] == "monthly"), 1),
        "u_shape": (lambda f: difference(f, (f["data_gb"] < 10) | (f["data_gb"] > 50)), 1),
        "ticket": (first_year, 1),
        "ten_batches": (lambda f: difference(f, f["sim_batch"].isin(worst)), 0),
        "discount": (lambda f: difference(f, f["discount_pct"] > 11), -1),
        "discount_inside": (lambda f: inside(f, f["discount_pct"] > 11), -1),
        "age_gap": (lambda f: difference(f, f["age"].isna()), 0),
        "age_gap_inside": (lambda f: inside(f, f["age"].isna(), BOTH), 0),
    }


def associations(explored: pd.DataFrame, rng: np.random.Generator) -> dict[str, float]:
    """How strongly columns go with the label, by several measures, and what chance gives."""
    left = explored["churned"]
    data = explored["data_gb"]
    row = {"pearson": data.corr(left), "pearson_distance": (data - data.median()).abs().corr(left)}
    row["information_r"] = as_correlation(mutual_information(data, left))
    shuffled = [pd.Series(rng.permutation(left), left.index) for _ in range(20)]
    row["information_r_shuffled"] = max(as_correlation(mutual_information(data, other)) for other in shuffled)
    ours = association(explored, numeric="spearman", kinds={"sim_batch": "category"}, max_categories=500)
    names = ours.pairs("churned").index.drop("sim_batch")
    nats = association(explored, measure="mutual_information").pairs("churned")["value"][names]
    row["rank"] = names.get_loc("data_gb") + 1
    row["rank_information"] = int(nats.rank(ascending=False)["data_gb"])
    row["retention_r"] = as_correlation(nats["retention_calls"])
    row["next_r"] = as_correlation(nats.drop("retention_calls").max())
    batch = explored["sim_batch"].astype(str)
    row["v_contract"] = cramers_v(explored["contract"], left.astype(str), bias_correction=False)
    row["v_batch"] = cramers_v(batch, left.astype(str), bias_correction=False)
    row["v_batch_corrected"] = cramers_v(batch, left.astype(str))
    chance = [cramers_v(batch, other.astype(str), bias_correction=False) for other in shuffled]
    row["v_shuffled_low"], row["v_shuffled_high"] = min(chance), max(chance)
    return row


def main(repeats: int = 12, output: str | Path = OUTPUT, first: int = 0) -> pd.DataFrame:
    """Measure `repeats` populations from number `first` on and write the table."""
    rows = []
    for draw in range(first, first + repeats):
        churn = generate("churn", seed=STORED + draw).frames["churn"]
        explored = churn.sample(8000, random_state=23).sort_index()
        confirm = churn.drop(explored.index)
        rng = np.random.default_rng(draw)
        row = {"draw": draw, **associations(explored, rng)}
        for name in GAPS:
            gap = explored[name].isna()
            row[f"gap_{name}"], row[f"gap_{name}_contract"] = difference(explored, gap), inside(explored, gap)
            row[f"gap_{name}_both"] = inside(explored, gap, BOTH)
        high = explored["discount_pct"] > 11
        row["discount"], row["discount_inside"] = difference(explored, high), inside(explored, high)
        for name, group in explored.groupby("contract"):
            row[f"discount_{name}"] = difference(group, high[group.index])
        new = explored["tenure_months"] < 12
        for name, part in {"first_year": explored[new], "later": explored[~new]}.items():
            few = part[part["tickets_90d"] != 1]
            row[f"tickets_{name}"] = difference(few, few["tickets_90d"] > 1)
        X = churn[["tenure_months"]].assign(tickets=churn["tickets_90d"].clip(upper=4))
        wider, scores = X.assign(product=X["tenure_months"] * X["tickets"]), []
        for part in (X, wider):
            model = make_pipeline(StandardScaler(), LogisticRegression())
            model.fit(part.loc[explored.index], explored["churned"])
            p = model.predict_proba(part.loc[confirm.index])[:, 1]
            scores.append(roc_auc_score(confirm["churned"], p))
        row["product_gain"] = scores[1] - scores[0]
        leave = ("churned", "retention_calls")
        names = [name for name in explored.select_dtypes("number") if name not in leave]
        fences = outlier_table(explored, columns=names)
        outside = explored[names].lt(fences["lower"]) | explored[names].gt(fences["upper"])
        outside = outside.any(axis=1)
        row["deleted"] = outside.mean()
        row["churners_deleted"] = explored["churned"][outside].sum() / explored["churned"].sum()
        found = findings(explored)
        row["ten_batches"] = found["ten_batches"][0](explored)
        row["ten_batches_confirmed"] = found["ten_batches"][0](confirm)
        fresh = confirm.reset_index(drop=True)
        for name, (statistic, sign) in found.items():
            again = np.random.default_rng(0)
            takes = (again.integers(0, len(fresh), len(fresh)) for _ in range(200))
            drawn = [statistic(fresh.take(take).reset_index(drop=True)) for take in takes]
            low, high_end = np.quantile(drawn, [0.025, 0.975])
            row[f"right_{name}"] = int(int(low > 0) - int(high_end < 0) == sign)
        rows.append(row)
    return save(rows, output)


if __name__ == "__main__":
    command(main)
