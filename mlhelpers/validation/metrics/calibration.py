"""Whether probabilities mean what they say: table, one figure, plot.

Taught in lesson 5.2 (metrics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.metrics.intervals import wilson_interval
from mlhelpers.validation.metrics.rules import checked, quantile_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def calibration_table(y: Any, p: Any, *, bins: int = 10) -> pd.DataFrame:
    """Predicted against observed shares in bins of equally many rows.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    bins : int, default=10
        Cut at the quantiles of `p`; equal probabilities stay together, so there can be fewer. With at most so
        many different probabilities each is a bin.

    Returns
    -------
    DataFrame
        One row per bin: n, predicted, observed, and low and high of the observed share (Wilson, 95%).
    """
    y, p = checked(y, p)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    table = pd.DataFrame({"bin": quantile_bins(p, bins), "p": p, "y": y}).groupby("bin")
    table = table.agg(n=("y", "size"), predicted=("p", "mean"), observed=("y", "mean"))
    table["low"], table["high"] = wilson_interval(table["observed"] * table["n"], table["n"])
    return table.reset_index(drop=True)


def expected_calibration_error(y: Any, p: Any, *, bins: int = 10) -> float:
    """Mean distance between predicted and observed share over the bins of `calibration_table`.

    Taught in lesson 5.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities of 1.
    bins : int, default=10
        As in `calibration_table`.

    Returns
    -------
    float
        From 0 (calibrated) to 1; above 0 by chance even for a calibrated model, the more so with few rows.
    """
    table = calibration_table(y, p, bins=bins)
    return float(np.average((table["observed"] - table["predicted"]).abs(), weights=table["n"]))


def plot_calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a calibration table with its intervals beside the diagonal.

    Taught in lesson 5.2.

    Parameters
    ----------
    table : DataFrame
        From `calibration_table`.
    ax : matplotlib Axes, optional
        Drawn on new axes without one.

    Returns
    -------
    matplotlib Axes
    """
    require_unique_columns(table, "table")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(4.5, 4.5))
    error = np.abs(np.vstack([table["observed"] - table["low"], table["high"] - table["observed"]]))
    limit = float(max(table["predicted"].max(), table["high"].max())) * 1.05
    ax.plot([0, limit], [0, limit], linestyle="--", color="0.5", label="calibrated")
    ax.errorbar(table["predicted"], table["observed"], yerr=error, fmt="o-", capsize=3, label="model")
    ax.set(xlabel="predicted probability", ylabel="observed share", title="Calibration")
    ax.legend()
    return ax
