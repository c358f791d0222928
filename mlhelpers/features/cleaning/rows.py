"""What changes the rows of a table or works along them: duplicates and spikes in a series.

Taught in lesson 3.1. A transformer of scikit-learn keeps the number of rows, so duplicates are a function
that runs before the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import as_columns, require_unique_columns
from mlhelpers.features.cleaning.base import check_choice


def drop_duplicates(
    frame: pd.DataFrame,
    *,
    key: str | Sequence[str] | None = None,
    keep: str = "first",
    order: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep one row of each key and say what was dropped and why.

    Taught in lesson 3.1.

    Parameters
    ----------
    frame : DataFrame
        One row per observation.
    key : str or sequence of str, optional
        Columns that identify an observation; a gap in one of them makes the row its own. If omitted, only
        rows that agree in every column are duplicates.
    keep : {"first", "last", "error"}, default="first"
        Row to keep. ``"error"`` refuses near duplicates, two rows of one key that differ, and keeps the first
        of exact ones.
    order : str, optional
        Column by which first and last are told, such as the time of the export; ties and gaps (which come
        first) stay in the order of the rows.

    Returns
    -------
    kept : DataFrame
        The rows that stay, in their old order and with their index.
    report : DataFrame
        A line for each dropped row: row and kept (positions in `frame`, from 0), kind ("exact" or "near"),
        differs (columns in which the two rows differ), reason.

    Raises
    ------
    ValueError
        If a column is unknown, `key` is empty or, with ``keep="error"``, there are near duplicates.
    """
    check_choice(keep, ("first", "last", "error"), "keep")
    require_unique_columns(frame)
    keys = list(frame.columns) if key is None else as_columns(key)
    if not keys:
        raise ValueError("key is empty; name a column or leave it out")
    for name in [*keys, *([] if order is None else [order])]:
        if name not in frame.columns:
            raise ValueError(f"no column {name!r} in the frame; it has {', '.join(map(str, frame.columns))}")
    codes = np.column_stack([pd.factorize(frame[name])[0] for name in frame.columns]) if len(frame) else None
    if codes is None:
        return frame.copy(), _report([])
    group = frame.groupby(keys, sort=False, dropna=key is not None).ngroup().to_numpy()
    single = group < 0
    group[single] = group.max() + 1 + np.arange(single.sum())
    rank = np.arange(len(frame))
    if order is not None:
        by_order = frame[order].reset_index(drop=True).sort_values(kind="stable", na_position="first").index
        rank[np.asarray(by_order)] = np.arange(len(frame))
    place = np.lexsort((-rank if keep == "last" else rank, group))
    first = np.r_[True, np.diff(group[place]) != 0]
    survivor = np.empty(len(frame), dtype=int)
    survivor[place] = place[np.maximum.accumulate(np.where(first, np.arange(len(frame)), 0))]
    lines = []
    for row in np.flatnonzero(survivor != np.arange(len(frame))):
        unlike = [str(frame.columns[c]) for c in np.flatnonzero(codes[row] != codes[survivor[row]])]
        lines.append((int(row), int(survivor[row]), unlike))
    if keep == "error" and any(unlike for *_, unlike in lines):
        row, other, unlike = next(line for line in lines if line[2])
        raise ValueError(
            f"rows {other} and {row} have one key and differ in {', '.join(unlike)}; "
            "repair them or say which to keep"
        )
    return frame[survivor == np.arange(len(frame))].copy(), _report(lines)


def _report(lines: list[tuple[int, int, list[str]]]) -> pd.DataFrame:
    rows = [
        (row, kept, "near", ", ".join(unlike), f"same key as row {kept}, other values")
        if unlike
        else (row, kept, "exact", "", f"equal to row {kept}")
        for row, kept, unlike in lines
    ]
    return pd.DataFrame(rows, columns=["row", "kept", "kind", "differs", "reason"])


def median_smooth(values: Any, window: int, *, groups: Any = None, causal: bool = False) -> Any:
    """Rolling median of a series: a spike shorter than half the window disappears, a step stays a step.

    Taught in lesson 3.1.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        Numbers in the order of time, within each group. NaN is ignored and stays NaN.
    window : int
        Rows in the window, an odd number. Where the series ends within it, it shrinks to the largest odd
        window that fits, on both sides alike if centered: a median of two values would be their mean.
    groups : array-like of shape (n_rows,), optional
        Owner of each row; no window reaches into another owner's rows.
    causal : bool, default=False
        The window ends at the row instead of having it in its middle. A centered window sees ``window // 2``
        rows of the future, which do not exist when the latest row is scored.

    Returns
    -------
    ndarray or Series of float of shape (n_rows,)
        A Series, with its index and name, if `values` is one.

    Raises
    ------
    ValueError
        If the window is not an odd number of at least 1, or lengths differ, or a group is missing.
    """
    whole = isinstance(window, int | np.integer) and not isinstance(window, bool)
    if not whole or window < 1 or window % 2 == 0:
        raise ValueError(f"window must be an odd number of rows, at least 1, got {window!r}")
    series = pd.Series(np.asarray(values, dtype=np.float64))
    codes = np.zeros(len(series), dtype=int)
    if groups is not None:
        codes = pd.factorize(np.asarray(groups, dtype=object))[0]
        if len(codes) != len(series):
            raise ValueError(f"groups has {len(codes)} rows and values {len(series)}; they must be as long")
        if (codes < 0).any():
            raise ValueError(
                f"groups: row {int(np.argmax(codes < 0))} has no group; name one or drop the row"
            )
    owned = series.groupby(codes)
    before, after = owned.cumcount(), owned.cumcount(ascending=False)
    room = before // 2 if causal else np.minimum(before, after)
    smooth = series.copy()
    for half in range(1, window // 2 + 1):
        rolled = owned.rolling(2 * half + 1, center=not causal, min_periods=1).median()
        smooth = smooth.where(room < half, rolled.droplevel(0).reindex(series.index))
    smooth = smooth.where(series.notna())
    if isinstance(values, pd.Series):
        return pd.Series(smooth.to_numpy(), index=values.index, name=values.name)
    return smooth.to_numpy()
