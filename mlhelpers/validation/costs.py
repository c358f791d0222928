"""What a model's decisions are worth in money, and the threshold that earns the most.

Taught in lessons 2.1 (the business problem and its metrics) and 3.4 (imbalance).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.metrics import checked, resampled_weights
from mlhelpers.validation.metrics.rules import in_dtype_of


@dataclass(frozen=True)
class BestThreshold:
    """The threshold that earned the most, and how sure that is.

    Attributes
    ----------
    threshold : float
        Rows with ``p >= threshold`` are acted on; infinity if acting on nobody is best.
    net_benefit : float
        Earned at it, in the currency of the gains and costs.
    threshold_low, threshold_high : float
        Interval of the best threshold over the resamples.
    net_benefit_low, net_benefit_high : float
        Interval of the net benefit at `threshold` over the resamples.
    """

    threshold: float
    net_benefit: float
    threshold_low: float
    threshold_high: float
    net_benefit_low: float
    net_benefit_high: float

    def as_dict(self) -> dict[str, float]:
        """Plain mapping, for JSON."""
        return asdict(self)

    def _repr_html_(self) -> str:
        rows = {
            "threshold": (self.threshold, self.threshold_low, self.threshold_high),
            "net benefit": (self.net_benefit, self.net_benefit_low, self.net_benefit_high),
        }
        return pd.DataFrame(rows, index=["value", "low", "high"]).T.round(3).to_html()


def net_benefit_of_counts(
    tp: float, fp: float, fn: float, tn: float = 0, *, gain_tp: float, cost_fp: float, cost_fn: float,
    cost_tn: float = 0.0,
) -> float:  # fmt: skip
    """Net benefit of a confusion matrix.

    Taught in lesson 2.1: 80 true positives at $1,000, 20 false positives at $50 and 10 misses at $1,000 make
    $69,000.

    Parameters
    ----------
    tp, fp, fn, tn : float
        Counts.
    gain_tp : float
        Earned by each true positive.
    cost_fp, cost_fn, cost_tn : float
        Lost by each of the others; positive numbers are losses.

    Returns
    -------
    float
        In the currency of the gains and costs.
    """
    return tp * gain_tp - fp * cost_fp - fn * cost_fn - tn * cost_tn


def net_benefit(
    y: Any, p: Any, threshold: float, *, gain_tp: float, cost_fp: float, cost_fn: float, cost_tn: float = 0.0
) -> float:
    """Net benefit of acting on the rows with ``p >= threshold``.

    Taught in lesson 2.1.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    threshold : float
        From which probability on to act.
    gain_tp, cost_fp, cost_fn, cost_tn : float
        As in `net_benefit_of_counts`.

    Returns
    -------
    float
        Sum over the rows.
    """
    threshold = in_dtype_of(p, threshold)
    y, p = checked(y, p)
    act = p >= threshold
    counts = (int((act & (y == 1)).sum()), int((act & (y == 0)).sum()), int((~act & (y == 1)).sum()))
    return net_benefit_of_counts(
        *counts, len(y) - sum(counts), gain_tp=gain_tp, cost_fp=cost_fp, cost_fn=cost_fn, cost_tn=cost_tn
    )


def net_benefit_curve(
    y: Any, p: Any, *, gain_tp: float, cost_fp: float, cost_fn: float, cost_tn: float = 0.0
) -> pd.DataFrame:
    """Net benefit at every threshold that makes a difference.

    Taught in lesson 2.1.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    gain_tp, cost_fp, cost_fn, cost_tn : float
        As in `net_benefit_of_counts`.

    Returns
    -------
    DataFrame
        Columns threshold (from infinity, acting on nobody, down), tp, fp, fn, tn, net_benefit.
    """
    y, p = checked(y, p)
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])  # last row of each distinct score
    tp = np.r_[0, np.cumsum(y[order])[last]]
    chosen = np.r_[0, last + 1]
    table = pd.DataFrame({"threshold": np.r_[np.inf, p[order][last]], "tp": tp, "fp": chosen - tp})
    table["fn"] = y.sum() - table["tp"]
    table["tn"] = (len(y) - y.sum()) - table["fp"]
    table["net_benefit"] = net_benefit_of_counts(
        *(table[name] for name in ("tp", "fp", "fn", "tn")),
        gain_tp=gain_tp, cost_fp=cost_fp, cost_fn=cost_fn, cost_tn=cost_tn,
    )  # fmt: skip
    return table


def best_threshold(
    y: Any, p: Any, *, gain_tp: float, cost_fp: float, cost_fn: float, cost_tn: float = 0.0,
    n_resamples: int = 500, level: float = 0.95, random_state: int | np.random.Generator | None = 0,
) -> BestThreshold:  # fmt: skip
    """Threshold with the highest net benefit, with bootstrap intervals of itself and of the benefit.

    Taught in lesson 2.1. Choose it on data that the model did not see, and judge it on other data again: the
    best of many is too good on the rows it was chosen on.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    gain_tp, cost_fp, cost_fn, cost_tn : float
        As in `net_benefit_of_counts`.
    n_resamples : int, default=500
        Number of bootstrap resamples.
    level : float, default=0.95
        Coverage of the intervals.
    random_state : int, Generator or None, default=0
        Source of the resamples.

    Returns
    -------
    BestThreshold
        Of thresholds with equal benefit, the highest.
    """
    costs = {"gain_tp": gain_tp, "cost_fp": cost_fp, "cost_fn": cost_fn, "cost_tn": cost_tn}
    curve = net_benefit_curve(y, p, **costs)
    y, p = checked(y, p)
    best = int(curve["net_benefit"].argmax())
    order = np.argsort(-p, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(p[order]) != 0])
    # Acting on a row instead of leaving it changes the benefit by this much.
    step = np.where(y[order] == 1, gain_tp + cost_fn, cost_tn - cost_fp)
    idle = np.where(y[order] == 1, -cost_fn, -cost_tn)
    thresholds, benefits = [], []
    rng = np.random.default_rng(random_state)
    for weights in resampled_weights(y, n_resamples, rng, stratified=False):
        weights = weights[:, order]
        steps = np.add.reduceat(weights * step, starts, axis=1)
        total = (weights @ idle)[:, None] + np.c_[np.zeros(len(weights)), np.cumsum(steps, axis=1)]
        thresholds.append(curve["threshold"].to_numpy()[total.argmax(axis=1)])
        benefits.append(total[:, best])
    tails = [(1 - level) / 2, (1 + level) / 2]
    # An order statistic, not an interpolation: a threshold may be infinite.
    spread = np.quantile(np.concatenate(thresholds), tails, method="inverted_cdf")
    earned = np.quantile(np.concatenate(benefits), tails)
    chosen = curve.iloc[best]
    figures = (chosen["threshold"], chosen["net_benefit"], *spread, *earned)
    return BestThreshold(*(float(figure) for figure in figures))
