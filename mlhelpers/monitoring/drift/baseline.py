"""What is usual: how far batches of the reference itself lie from it, and the thresholds that follow.

Taught in lessons 9.1 (why 40 columns at p < 0.05 alarm every day) and 9.2 (alerts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.monitoring.profiles.categories import labels_of
from mlhelpers.monitoring.profiles.numbers import numbers_of

_CUTS = 100  # the distance of a number is taken at so many of its quantiles


@dataclass(frozen=True)
class _Column:
    """Reference shares of one column, cumulative for a number."""

    name: str
    numeric: bool
    keys: np.ndarray  # cuts of a number, categories of a category
    shares: np.ndarray
    missing: float
    low: float
    high: float

    def monitors(self) -> list[str]:
        kinds = ["shape", "missing", "range"] if self.numeric else ["shape", "missing"]
        return [f"{kind}:{self.name}" for kind in kinds]

    def code(self, column: pd.Series) -> np.ndarray:
        """Bin of each value, -1 if missing; categories that the reference lacks share the last bin."""
        gaps = column.isna().to_numpy()
        if self.numeric:
            values = numbers_of(column)
            codes = np.searchsorted(self.keys, values, side="left")
        else:
            codes = pd.Index(self.keys).get_indexer(labels_of(column))
            codes[codes < 0] = len(self.keys)
        codes[gaps] = -1
        return codes

    def distance(self, counts: np.ndarray) -> np.ndarray:
        """Distance to the reference of each row of counts, shape (n_batches, 1 + n_bins), missing first."""
        known = counts[:, 1:]
        total = np.maximum(known.sum(axis=1, keepdims=True), 1)
        if self.numeric:
            return np.abs(np.cumsum(known, axis=1) / total - self.shares).max(axis=1)
        return 0.5 * np.abs(known / total - self.shares).sum(axis=1)


@dataclass(frozen=True)
class Baseline:
    """Shares of a reference and the distance from which on a batch is unusual.

    Attributes
    ----------
    table : DataFrame indexed by monitor
        Columns mean, sd and threshold. Monitors are ``shape:column`` (largest distance of cumulative shares
        of a number, half the sum of share differences of a category; 0 to 1), ``missing:column`` (change of
        the missing share) and ``range:column`` (share of values outside the reference's range).
    false_alarm_rate : float
        Share of batches of the reference's own that have a monitor above its threshold.
    batch_size : int
        Rows of a batch that the thresholds are made for.
    """

    table: pd.DataFrame
    false_alarm_rate: float
    batch_size: int
    _columns: list[_Column] = field(repr=False)

    @property
    def thresholds(self) -> pd.Series:
        """Threshold of each monitor."""
        return self.table["threshold"]

    def measure(self, batch: pd.DataFrame) -> pd.Series:
        """Figure of each monitor for one batch, to be compared with `thresholds`.

        Raises
        ------
        ValueError
            If the batch is empty or lacks a column.
        """
        require_unique_columns(batch, "the batch")
        absent = [column.name for column in self._columns if column.name not in batch]
        if absent or batch.empty:
            raise ValueError(f"the batch is empty or lacks columns: {', '.join(absent)}")
        figures: dict[str, float] = {}
        for column in self._columns:
            codes = column.code(batch[column.name])
            counts = np.bincount(codes + 1, minlength=len(column.shares) + 1)[None, :]
            found = [float(column.distance(counts)[0]), abs(float((codes < 0).mean()) - column.missing)]
            if column.numeric:
                values = numbers_of(batch[column.name])
                found.append(float(((values < column.low) | (values > column.high)).mean()))
            figures.update(zip(column.monitors(), found, strict=True))
        return pd.Series(figures, name="value")

    def _repr_html_(self) -> str:
        rate = f"<p>batches of {self.batch_size}, false alarms in {self.false_alarm_rate:.2%} of them</p>"
        return rate + self.table.round(4).to_html()


def learn_baseline(
    reference: pd.DataFrame,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    batch_size: int,
    false_alarm_rate: float = 1 / 200,
    n_draws: int = 2000,
    random_state: int | np.random.Generator | None = 0,
) -> Baseline:
    """Learn thresholds from the reference's own batch-to-batch variation.

    Taught in lesson 9.2. Batches are drawn from the reference and compared with the rest of it. Each monitor
    is standardized by its own mean and spread over the draws; the threshold is the level that the largest of
    all monitors exceeds in the stated share of the draws. So the rate holds for all columns together, and
    for columns that move together.

    Parameters
    ----------
    reference : DataFrame of shape (n_rows, n_columns)
        What is usual, such as the training rows.
    numeric, categorical : sequence of str
        Columns to watch.
    batch_size : int
        Rows of a batch to come; at most half of the reference.
    false_alarm_rate : float, default=1/200
        Share of ordinary batches in which any monitor may exceed its threshold.
    n_draws : int, default=2000
        Number of batches drawn; at least ``5 / false_alarm_rate``.
    random_state : int, Generator or None, default=0
        Source of the draws.

    Returns
    -------
    Baseline

    Raises
    ------
    ValueError
        If a column is missing or has no value, or the reference or `n_draws` is too small.
    """
    require_unique_columns(reference, "the reference")
    n = len(reference)
    absent = [name for name in (*numeric, *categorical) if name not in reference]
    if absent or not [*numeric, *categorical]:
        raise ValueError(f"columns missing from the reference: {', '.join(absent) or 'none given'}")
    names = [*numeric, *categorical]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"column {twice[0]!r} is named twice; name it once")
    check_draws(n, batch_size, false_alarm_rate, n_draws)
    columns = [_column(reference[name], name in numeric) for name in (*numeric, *categorical)]
    rows = draw_batches(n, batch_size, n_draws, np.random.default_rng(random_state))
    # A batch differs from the rest of the reference by this much more than from the whole of it.
    apart = n / (n - batch_size)
    drawn: dict[str, np.ndarray] = {}
    for column in columns:
        codes = column.code(reference[column.name]) + 1
        width = len(column.shares) + 1
        flat = codes[rows] + np.arange(n_draws)[:, None] * width
        counts = np.bincount(flat.ravel(), minlength=n_draws * width).reshape(n_draws, width)
        found = [column.distance(counts), np.abs(counts[:, 0] / batch_size - column.missing)]
        if column.numeric:
            found.append(np.zeros(n_draws))
        drawn.update(zip(column.monitors(), (figure * apart for figure in found), strict=True))
    figures = pd.DataFrame(drawn)
    # No spread, such as in a column that never misses: one row of the batch is the unit then.
    table = pd.DataFrame({"mean": figures.mean(), "sd": figures.std(ddof=0).clip(lower=1 / batch_size)})
    largest = ((figures - table["mean"]) / table["sd"]).max(axis=1)
    table["threshold"] = table["mean"] + np.quantile(largest, 1 - false_alarm_rate) * table["sd"]
    table.index.name = "monitor"
    return Baseline(table, false_alarm_rate, batch_size, columns)


def reference_variation(
    reference: pd.DataFrame,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    batch_size: int,
    false_alarm_rate: float = 1 / 200,
    n_draws: int = 2000,
    random_state: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Mean, spread and threshold of each monitor; the table of `learn_baseline`.

    Taught in lesson 9.2.

    Parameters
    ----------
    reference, numeric, categorical, batch_size, false_alarm_rate, n_draws, random_state
        As in `learn_baseline`.

    Returns
    -------
    DataFrame indexed by monitor
        Columns mean, sd and threshold.
    """
    return learn_baseline(
        reference,
        numeric=numeric,
        categorical=categorical,
        batch_size=batch_size,
        false_alarm_rate=false_alarm_rate,
        n_draws=n_draws,
        random_state=random_state,
    ).table


def check_draws(n: int, batch_size: int, false_alarm_rate: float, n_draws: int) -> None:
    """Refuse a reference or a number of draws that a threshold cannot rest on."""
    if not 0 < false_alarm_rate < 1:
        raise ValueError(f"false_alarm_rate must be in (0, 1), got {false_alarm_rate}")
    if not 1 <= batch_size <= n // 2:
        raise ValueError(f"batch_size must be from 1 to {n // 2}, half of the reference, got {batch_size}")
    if n_draws < 5 / false_alarm_rate:
        raise ValueError(f"n_draws must be at least {5 / false_alarm_rate:.0f} for that rate, got {n_draws}")


def draw_batches(n: int, batch_size: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Row numbers of batches drawn without replacement, shape (n_draws, batch_size)."""
    return np.stack([rng.choice(n, batch_size, replace=False, shuffle=False) for _ in range(n_draws)])


def _column(column: pd.Series, numeric: bool) -> _Column:
    known = column.dropna()
    if known.empty:
        raise ValueError(f"column {column.name!r} has no value in the reference; do not watch it")
    if numeric:
        values = numbers_of(known)
        keys = np.unique(np.quantile(values, np.arange(1, _CUTS) / _CUTS, method="inverted_cdf"))
        low, high = float(values.min()), float(values.max())
        codes, width = np.searchsorted(keys, values, side="left"), len(keys) + 1
    else:
        values = pd.Series(labels_of(known))
        keys, low, high = np.unique(values.to_numpy(dtype=object)), np.nan, np.nan
        codes, width = pd.Index(keys).get_indexer(values), len(keys) + 1
    shares = np.bincount(codes, minlength=width) / len(codes)
    if numeric:
        shares = np.cumsum(shares)
    return _Column(str(column.name), numeric, keys, shares, float(column.isna().mean()), low, high)
