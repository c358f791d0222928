"""What came of retraining policies: a table, the weekly loss with its interval, and a picture.

Taught in lesson 9.3 (retraining).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from mlhelpers.data.explore.columns import plain_text

_MARKERS = "osD^vP*X"


@dataclass(frozen=True)
class PolicyComparison:
    """Result of `compare_policies`.

    Attributes
    ----------
    table : DataFrame indexed by policy
        log_loss over the whole stream; gain_value, gain_low, gain_high (drop of the log loss against the
        first policy, with its 95% interval); fits, partial_fits, rows (fitted on, counted at each fit) and
        seconds (of fitting; another machine has others).
    weekly : DataFrame
        Columns week, n, log_loss, low, high, policy.
    retrained : DataFrame
        Columns policy, week, reason: when and why a model was fitted anew.
    predictions : DataFrame
        week, label, and one column of probabilities for each policy, in the order of the stream's weeks.
    """

    table: pd.DataFrame
    weekly: pd.DataFrame
    retrained: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)

    def by_period(self, weeks: int = 4) -> pd.DataFrame:
        """Loss and gain of each policy in periods of `weeks` weeks.

        Returns
        -------
        DataFrame
            Columns policy, week (the first of the period), n, log_loss, low, high, gain, gain_low, gain_high.
            The gain is the drop against the first policy on the same rows, which has a far narrower interval
            than the loss itself.

        Raises
        ------
        ValueError
            If `weeks` is below 1.
        """
        if weeks < 1:
            raise ValueError(f"weeks must be at least 1, got {weeks}")
        frame = self.predictions
        start = frame["week"].min()
        period = start + (frame["week"] - start) // weeks * weeks
        losses = {name: row_losses(frame["label"], frame[name]) for name in self.table.index}
        first, parts = losses[self.table.index[0]], []
        for name, loss in losses.items():
            gain = means_by(first - loss, period).drop(columns="n")
            gain.columns = ["gain", "gain_low", "gain_high"]
            loss = means_by(loss, period).rename(columns={"mean": "log_loss"})
            parts.append(pd.concat([loss, gain], axis=1).rename_axis("week").reset_index())
            parts[-1].insert(0, "policy", name)
        return pd.concat(parts, ignore_index=True)

    def _repr_html_(self) -> str:
        return self.table.round({"seconds": 1}).round(4).to_html()


def plot_policies(comparison: PolicyComparison, *, weeks: int = 4, what: str = "gain", ax: Any = None) -> Any:
    """Gain or loss of each policy over the stream, in periods, with intervals; a triangle marks a new model.

    Taught in lesson 9.3.

    Parameters
    ----------
    comparison : PolicyComparison
    weeks : int, default=4
        Length of a period.
    what : {"gain", "log_loss"}, default="gain"
        The gain is against the first policy, on the same rows.
    ax : matplotlib axes, optional
        A new one without it.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError
        If `what` is another word.
    """
    if what not in ("gain", "log_loss"):
        raise ValueError(f"what must be 'gain' or 'log_loss', got {what!r}")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    periods = comparison.by_period(weeks)
    names = list(comparison.table.index)
    ends = ["gain_low", "gain_high"] if what == "gain" else ["low", "high"]
    low, high = periods[ends[0]].min(), periods[ends[1]].max()
    step = (high - low or 0.1) * 0.05
    for place, name in enumerate(names):
        rows = periods[periods["policy"] == name]
        shift = (place - (len(names) - 1) / 2) * 0.09 * weeks
        middle = rows["week"] + (weeks - 1) / 2 + shift
        marker = _MARKERS[place % len(_MARKERS)]
        (line,) = ax.plot(middle, rows[what], marker=marker, markersize=4, label=plain_text(name))
        ax.vlines(middle, rows[ends[0]], rows[ends[1]], color=line.get_color(), alpha=0.5)
        fitted = comparison.retrained.loc[comparison.retrained["policy"] == name, "week"]
        heights = [low - step * (place + 1)] * len(fitted)
        ax.plot(fitted, heights, "^", color=line.get_color(), markersize=5)
    label, title = f"log loss, {weeks}-week mean", "Loss under each retraining policy"
    if what == "gain":
        label = f"log loss of '{plain_text(names[0])}' minus that of the policy,\n{weeks}-week mean"
        title = "Gain of each retraining policy"
    ax.set(title=f"{title} (95% intervals; triangles: a new model)", xlabel="week", ylabel=label)
    ax.legend(fontsize="small", ncols=2, loc="upper left")
    return ax


def row_losses(y: Any, p: Any) -> np.ndarray:
    """Log loss of each row, shape (n_rows,)."""
    y, p = np.asarray(y), np.clip(np.asarray(p, dtype=float), 1e-15, 1 - 1e-15)
    return -np.log(np.where(y == 1, p, 1 - p))


def means_by(values: Any, groups: Any, *, level: float = 0.95) -> pd.DataFrame:
    """Mean of each group with its normal interval; columns n, mean, low, high."""
    grouped = pd.Series(np.asarray(values)).groupby(np.asarray(groups))
    n, mean = grouped.size(), grouped.mean()
    half = norm.ppf((1 + level) / 2) * grouped.std(ddof=0) / np.sqrt(n)
    return pd.DataFrame({"n": n, "mean": mean, "low": mean - half, "high": mean + half})


def weekly_losses(y: Any, p: Any, weeks: Any, *, level: float = 0.95) -> pd.DataFrame:
    """Mean log loss of each week with the normal interval of a mean.

    Taught in lesson 9.3.

    Parameters
    ----------
    y, p, weeks : array-like of shape (n_rows,)
        Labels 0 and 1, probabilities, numbers of weeks.
    level : float, default=0.95

    Returns
    -------
    DataFrame
        Columns week, n, log_loss, low, high.
    """
    table = means_by(row_losses(y, p), weeks, level=level).rename(columns={"mean": "log_loss"})
    return table.rename_axis("week").reset_index()
