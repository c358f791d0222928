"""How a model does when labels come late: which have arrived, and the figures that can be trusted.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.metrics import bootstrap_intervals, delong_interval, wilson_interval

__all__ = ["ArrivedPerformance", "arrived_performance"]


@dataclass(frozen=True)
class ArrivedPerformance:
    """Figures of a model at one moment, from the labels that had arrived by then.

    Attributes
    ----------
    now : Timestamp
        The moment; nothing that happened after it is used.
    counts : Series
        scored (predictions made so far), due (old enough for their label), arrived (due, with a label),
        overdue (due, without one) and early (a label, though not due: left out of the figures).
    table : DataFrame
        Columns metric, value, low, high. NaN if the labels do not suffice.
    score_gap : float
        Mean prediction of the arrived rows minus that of the overdue ones; NaN without both. Far from 0 the
        figures speak of another kind of row than the ones that are missing.
    """

    now: pd.Timestamp
    counts: pd.Series
    table: pd.DataFrame
    score_gap: float

    def _repr_html_(self) -> str:
        told = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        return f"<p>at {self.now}: {told}</p>" + self.table.round(4).to_html(index=False)


def arrived_performance(
    scored_at: Any,
    p: Any,
    y: Any,
    labeled_at: Any,
    *,
    now: Any,
    delay: Any,
    since: Any = None,
    metrics: Sequence[str] = ("roc_auc", "brier", "log_loss"),
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: int | np.random.Generator | None = 0,
) -> ArrivedPerformance:
    """Figures with intervals from the predictions whose labels should have arrived by now.

    Taught in lesson 9.1. Labels that come early are mostly of one class: who leaves is known at once, who
    stays only at the end of the period. So a prediction counts only when it is older than `delay`.

    Parameters
    ----------
    scored_at : array-like of datetime, shape (n_rows,)
        When each prediction was made.
    p, y : array-like of shape (n_rows,)
        Probability that was given; label 0 or 1, NaN where it is not known yet.
    labeled_at : array-like of datetime, shape (n_rows,)
        When each label became known; NaT if it did not.
    now : datetime-like
        The moment from which to look.
    delay : timedelta-like
        Time after which a label is due, such as ``"30D"``.
    since : datetime-like, optional
        Leave out predictions made before it.
    metrics : sequence of str
        Names as in `mlhelpers.validation.classification_metrics`.
    level : float, default=0.95
        Coverage: DeLong's interval for roc_auc, the bootstrap for the others.
    n_resamples : int, default=1000
        Bootstrap resamples.
    random_state : int, Generator or None, default=0
        Source of the resamples.

    Returns
    -------
    ArrivedPerformance
        The table has one more row, ``arrived``: the share of due labels that arrived, with Wilson's interval.

    Raises
    ------
    ValueError
        If lengths differ, `delay` is negative, or a label that arrived is not 0 or 1.
    """
    frame = pd.DataFrame({"p": np.asarray(p, dtype=float), "y": np.asarray(y, dtype=float)})
    frame["scored"], frame["labeled"] = _times(scored_at, len(frame)), _times(labeled_at, len(frame))
    now, delay = pd.Timestamp(now), pd.Timedelta(delay)
    if delay < pd.Timedelta(0):
        raise ValueError(f"delay must not be negative, got {delay}")
    frame = frame[frame["scored"] <= now]
    if since is not None:
        frame = frame[frame["scored"] >= pd.Timestamp(since)]
    here = (frame["labeled"] <= now) & frame["y"].notna()
    due = frame["scored"] + delay <= now
    used, overdue = frame[due & here], frame[due & ~here]
    if not used["y"].isin([0, 1]).all():
        raise ValueError("a label that arrived is neither 0 nor 1")
    counts = {"scored": len(frame), "due": due.sum(), "arrived": len(used), "overdue": len(overdue)}
    counts["early"] = (here & ~due).sum()
    rows = _figures(used, metrics, level, n_resamples, random_state)
    if due.any():
        low, high = wilson_interval(len(used), due.sum(), level=level)
        share = len(used) / due.sum()
        rows.append({"metric": "arrived", "value": share, "low": float(low), "high": float(high)})
    gap = used["p"].mean() - overdue["p"].mean() if len(used) and len(overdue) else np.nan
    table = pd.DataFrame(rows, columns=["metric", "value", "low", "high"])
    return ArrivedPerformance(now, pd.Series(counts, name="rows").astype(int), table, float(gap))


def _figures(
    used: pd.DataFrame, metrics: Sequence[str], level: float, n_resamples: int, random_state: Any
) -> list[dict[str, Any]]:
    unknown = [{"metric": name, "value": np.nan, "low": np.nan, "high": np.nan} for name in metrics]
    if used["y"].nunique() < 2:
        return unknown
    y, p = used["y"].to_numpy().astype(int), used["p"].to_numpy()
    options = {"level": level, "n_resamples": n_resamples, "random_state": random_state}
    rows = bootstrap_intervals(y, p, metrics=metrics, **options).to_dict("records")
    for row in rows:
        if row["metric"] == "roc_auc" and min(y.sum(), len(y) - y.sum()) > 1:
            found = delong_interval(y, p, level=level)
            row["low"], row["high"] = max(0.0, found["low"]), min(1.0, found["high"])
    return rows


def _times(values: Any, n: int) -> np.ndarray:
    times = pd.Series(pd.to_datetime(pd.Series(np.asarray(values))))
    if len(times) != n:
        raise ValueError(f"got {len(times)} times for {n} predictions")
    return times.to_numpy()
