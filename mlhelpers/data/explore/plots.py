"""Plots of a first look at a table: gaps, distributions, associations. Each takes axes and returns them.

Taught in lesson 2.3 (exploratory data analysis).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.data.explore.columns import CATEGORY, DATE, as_floats, kinds_of, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_missing(
    frame: pd.DataFrame, *, columns: Sequence[str] | None = None, max_bands: int = 300, ax: Axes | None = None
) -> Axes:
    """Map of the missing values: rows run down, columns across, dark where values are missing.

    Taught in lesson 2.3. A large table is drawn in bands of neighboring rows, each as dark as the share that
    is missing in it. Sort the frame by a column to see whether the gaps follow it.

    Parameters
    ----------
    frame : DataFrame
        One row per observation.
    columns : sequence of str, optional
        Columns to draw; those with gaps if omitted, or all if there are none.
    max_bands : int, default=300
        Most bands of rows.
    ax : Axes, optional
        Where to draw; a new figure if omitted.

    Returns
    -------
    Axes
        Its title names the rows, each tick the column and its missing share.

    Raises
    ------
    ValueError
        If the frame has no rows, a column is unknown or `max_bands` is below 1.
    """
    if max_bands < 1:
        raise ValueError(f"max_bands must be at least 1, got {max_bands}")
    chosen = list(kinds_of(frame, columns))
    if not len(frame) or not chosen:
        raise ValueError("the frame has no rows or no columns; there is nothing to draw")
    gaps = frame[chosen].isna()
    if columns is None and gaps.to_numpy().any():
        gaps = gaps.loc[:, gaps.any()]
    starts = np.unique(np.linspace(0, len(frame), min(max_bands, len(frame)), endpoint=False).astype(int))
    sizes = np.diff([*starts, len(frame)])
    bands = np.add.reduceat(gaps.to_numpy(np.float64), starts, axis=0) / sizes[:, None]
    ax = _axes(ax)
    ax.imshow(bands, aspect="auto", cmap="cividis_r", vmin=0, vmax=1, interpolation="nearest",
              extent=(-0.5, gaps.shape[1] - 0.5, len(frame), 0))  # fmt: skip
    labels = [f"{plain_text(name)}\n{share:.0%}" for name, share in gaps.mean().items()]
    ax.set_xticks(range(gaps.shape[1]), labels, fontsize="small")
    ax.set(ylabel="row", title=f"Missing values in {len(frame):,} rows (dark: missing)")
    ax.grid(False)
    return ax


def plot_distribution(values: pd.Series, *, bins: int = 30, most: int = 12, ax: Axes | None = None) -> Axes:
    """Distribution of one column: a histogram of numbers and dates, bars of categories.

    Taught in lesson 2.3. Whole numbers with few values get a bar each.

    Parameters
    ----------
    values : Series
        One column; gaps are left out and told in the title.
    bins : int, default=30
        Bars of a histogram.
    most : int, default=12
        Categories to draw, the most frequent; the others make one bar.
    ax : Axes, optional
        Where to draw; a new figure if omitted.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If no value is known, or `bins` or `most` is below 1.
    """
    if bins < 1 or most < 1:
        raise ValueError(f"bins and most must be at least 1, got {bins} and {most}")
    values = pd.Series(values)
    known = values.dropna()
    if known.empty:
        raise ValueError(f"column {values.name!r} has no known value; there is nothing to draw")
    ax = _axes(ax)
    kind = kinds_of(known.to_frame(name="column"))["column"]
    if kind == CATEGORY:
        shares = known.value_counts(normalize=True)
        if len(shares) > most:
            rest = pd.Series({f"{len(shares) - most} others": shares.iloc[most:].sum()})
            shares = pd.concat([shares.head(most), rest])
        shares.index = shares.index.map(plain_text)
        ax.barh(shares.index[::-1], 100 * shares.to_numpy()[::-1])
        ax.set(xlabel="share of rows (%)")
        ax.grid(axis="y", visible=False)
    elif kind != DATE and known.nunique() <= bins and (known == known.round()).all():
        shares = known.value_counts(normalize=True).sort_index()
        ax.bar(shares.index.to_numpy(np.float64), 100 * shares.to_numpy(), width=0.8)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(ylabel="share of rows (%)")
    else:
        numbers = known if kind == DATE else as_floats(known)
        ax.hist(numbers, bins=bins, weights=np.full(len(known), 100 / len(known)))
        ax.set(ylabel="share of rows (%)")
    gap = values.isna().mean()
    ax.set_title(plain_text(values.name) + (f" ({gap:.0%} missing)" if gap else ""))
    return ax


def plot_association(result: Any, *, ax: Axes | None = None, least: float = 0.05) -> Axes:
    """Heat map of an association matrix; the diagonal is left empty.

    Taught in lesson 2.3. Up to 20 columns the values are written into the cells.

    Parameters
    ----------
    result : Association
        Of `association`.
    ax : Axes, optional
        Where to draw; a new figure if omitted.
    least : float, default=0.05
        Values closer to 0 are not written.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the matrix has fewer than two columns.
    """
    names, size = list(result.matrix.columns), len(result.matrix)
    if size < 2:
        raise ValueError(f"the matrix has {size} columns; a heat map needs two")
    values = result.matrix.to_numpy(copy=True)
    np.fill_diagonal(values, np.nan)
    information = "mutual_information" in result.measures.to_numpy()
    top = max(float(np.nanmax(values)), 1e-9) if information and not np.isnan(values).all() else 1.0
    ax = _axes(ax)
    colors = "cividis_r" if information else "RdBu_r"
    image = ax.imshow(values, cmap=colors, vmin=0 if information else -1, vmax=top)
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label="nats" if information else "association")
    names = [plain_text(name) for name in names]
    ax.set_xticks(range(size), names, rotation=90, fontsize="small")
    ax.set_yticks(range(size), names, fontsize="small")
    ax.grid(False)
    if size <= 20:
        for i, j in zip(*np.nonzero(np.abs(values) >= least), strict=True):
            strong = abs(values[i, j]) > 0.6 * top
            text = f"{values[i, j]:.2f}".replace("0.", ".", 1)
            ax.text(j, i, text, ha="center", va="center", fontsize=6, color="white" if strong else "black")
    ax.set(title="Association of each pair of columns")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots()
    return ax
