"""Figures of a validation report as PNG bytes, the same on every machine and without global settings.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

_STYLE = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "font.size": 9.5,
}
_COLORS = ("#0072B2", "#E69F00", "#009E73")


def plain(text: Any) -> str:
    """Text as matplotlib shows it: a dollar sign is one, not the beginning of a formula."""
    return re.sub(r"(?<!\\)\$", r"\\$", str(text))


def png(draw: Callable[[Any], None], *, width: float = 6.0, height: float = 3.6) -> bytes:
    """Draw on new axes and give the picture as PNG bytes; no figure is left open.

    Taught in lesson 5.5.

    Parameters
    ----------
    draw : callable
        Takes matplotlib axes.
    width, height : float
        In inches, at 90 dots per inch.

    Returns
    -------
    bytes
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=_COLORS)
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.subplots())
        buffer = io.BytesIO()
        # Without the library's version in the file, the same figure gives the same bytes.
        figure.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    return buffer.getvalue()


def benefit_png(curve: pd.DataFrame, n: int, threshold: float) -> bytes:
    """Net benefit per row over all thresholds, with the one in use; `curve` is from `net_benefit_curve`."""
    inside = curve[np.isfinite(curve["threshold"])]

    def draw(ax: Any) -> None:
        ax.plot(inside["threshold"], inside["net_benefit"] / n)
        ax.axvline(threshold, linestyle="--", color="black", label=f"in use: {threshold:.3g}")
        ax.axhline(0, color="0.5", linewidth=0.8)
        ax.set(title="Net benefit by threshold", xlabel="threshold", ylabel="net benefit (USD per row)")
        ax.legend()

    return png(draw)


def groups_png(
    table: pd.DataFrame, metric: str, limits: Mapping[str, float], label: str, unit: str = ""
) -> bytes:
    """A metric of each group with its interval, and the limits for all rows."""
    shown = table.dropna(subset=[metric]).iloc[::-1]
    names = (shown["by"].astype(str) + ": " + shown["group"].astype(str)).map(plain)
    label, unit = plain(label), plain(unit)
    errors = [shown[metric] - shown[f"{metric}_low"], shown[f"{metric}_high"] - shown[metric]]

    def draw(ax: Any) -> None:
        ax.errorbar(shown[metric], names, xerr=np.clip(np.array(errors), 0, None), fmt="o", capsize=3)
        for rule, limit in limits.items():
            ax.axvline(limit, linestyle="--", color="black", label=f"{rule} for all: {limit:g}")
        ax.margins(y=0.15)
        ax.set(
            title=f"{label} by group, with intervals",
            xlabel=f"{label.lower()} ({unit})" if unit else label.lower(),
        )
        if limits:  # beside the title, where no group can lie under it
            ax.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)

    return png(draw, height=1.4 + 0.3 * max(len(shown), 1))


def forecast_png(y: np.ndarray, prediction: np.ndarray, unit: str) -> bytes:
    """True against predicted values, beside the diagonal."""
    ends = [min(y.min(), prediction.min()), max(y.max(), prediction.max())]
    unit = plain(unit)
    some = np.linspace(0, len(y) - 1, min(len(y), 2000)).astype(int)

    def draw(ax: Any) -> None:
        ax.plot(ends, ends, linestyle="--", color="0.5", label="exact")
        ax.plot(prediction[some], y[some], ".", alpha=0.6, label="rows")
        ax.set(title="True against predicted", xlabel=f"predicted ({unit})", ylabel=f"true ({unit})")
        ax.legend()

    return png(draw, width=4.5, height=4.0)


def residuals_png(table: pd.DataFrame, unit: str) -> bytes:
    """Mean residual in bins of the prediction, with intervals; `table` as the report has it."""
    unit = plain(unit)
    errors = [table["residual"] - table["low"], table["high"] - table["residual"]]

    def draw(ax: Any) -> None:
        ax.axhline(0, linestyle="--", color="0.5")
        ax.errorbar(table["predicted"], table["residual"], yerr=np.array(errors), fmt="o-", capsize=3)
        ax.set(
            title="Mean residual by predicted value, with 95% intervals",
            xlabel=f"mean prediction of the bin ({unit})",
            ylabel=f"true less predicted ({unit})",
        )

    return png(draw)
