"""How a model does once the labels have arrived: by batch, by segment, and against what is usual.

Taught in lessons 9.1 (model drift) and 9.2 (alerts).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.monitoring.drift.baseline import check_draws, draw_batches
from mlhelpers.monitoring.profiles.categories import labels_of
from mlhelpers.validation.metrics import checked, classification_metrics


def batch_performance(y: Any, p: Any) -> dict[str, float]:
    """Figures of one batch whose labels have arrived.

    Taught in lesson 9.1.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities that were given.

    Returns
    -------
    dict of str to float
        n, roc_auc (NaN with one class only), log_loss, brier, observed, predicted (shares), calibration_gap
        (observed minus predicted) and z, the gap in standard errors if the probabilities are right.
    """
    y, p = checked(y, p)
    figures = classification_metrics(y, p)
    spread = np.sqrt((p * (1 - p)).sum())
    return {
        "n": len(y),
        **{name: figures[name] for name in ("roc_auc", "log_loss", "brier")},
        "observed": float(y.mean()),
        "predicted": float(p.mean()),
        "calibration_gap": float((y - p).mean()),
        "z": float((y - p).sum() / spread) if spread > 0 else np.nan,
    }


def segment_performance(y: Any, p: Any, segments: pd.DataFrame) -> pd.DataFrame:
    """`batch_performance` of each value of each segment column.

    Taught in lesson 9.1.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels 0 and 1; probabilities that were given.
    segments : DataFrame of shape (n_rows, n_segment_columns)
        Categorical columns, in the same order of rows; a missing value is a segment.

    Returns
    -------
    DataFrame
        Columns segment, value and those of `batch_performance`; the largest absolute z first.
    """
    y, p = checked(y, p)
    require_unique_columns(segments, "segments")
    if len(segments) != len(y):
        raise ValueError(f"segments has {len(segments)} rows, y has {len(y)}")
    rows = []
    for column in segments.columns:
        values = _text(segments[column])
        for value in sorted(set(values)):
            chosen = values == value
            rows.append({"segment": column, "value": value, **batch_performance(y[chosen], p[chosen])})
    order = {"by": "z", "key": lambda z: -z.abs(), "kind": "stable", "ignore_index": True}
    return pd.DataFrame(rows).sort_values(**order)


@dataclass(frozen=True)
class PerformanceBaseline:
    """Usual gap and loss of a model, overall and by segment.

    Attributes
    ----------
    table : DataFrame indexed by monitor
        Columns mean, sd, n: of a row's gap or loss in the reference. Monitors are ``gap`` and
        ``gap:column=value`` (label minus probability) and ``log_loss``.
    threshold : float
        For the absolute z of every monitor.
    """

    table: pd.DataFrame
    threshold: float
    _columns: list[str] = field(repr=False)

    @property
    def thresholds(self) -> pd.Series:
        """Threshold of each monitor; the same for all, as z is standardized."""
        return pd.Series(self.threshold, index=self.table.index)

    def measure(self, y: Any, p: Any, segments: pd.DataFrame | None = None) -> pd.Series:
        """Z of each monitor: the batch's mean minus the reference's, in standard errors; NaN without rows."""
        y, p = checked(y, p)
        rows = _rows(y, p, pd.DataFrame() if segments is None else segments[self._columns])
        inside, values = (part.reindex(columns=self.table.index) for part in rows)
        inside = inside.fillna(0.0)
        z = _z(inside.sum().to_numpy(), (inside * values).sum().to_numpy(), self.table)
        return pd.Series(z, index=self.table.index, name="value")


def learn_performance_baseline(
    y: Any,
    p: Any,
    segments: pd.DataFrame | None = None,
    *,
    batch_size: int,
    min_rows: int = 20,
    false_alarm_rate: float = 1 / 200,
    n_draws: int = 2000,
    random_state: int | np.random.Generator | None = 0,
) -> PerformanceBaseline:
    """Learn what gaps and losses are usual, and the z that all monitors together rarely exceed.

    Taught in lesson 9.2.

    Parameters
    ----------
    y, p : array-like of shape (n_rows,)
        Labels, and probabilities by a model that did not see the row (out of fold).
    segments : DataFrame of shape (n_rows, n_segment_columns), optional
        Categorical columns; a gap is watched for each value too.
    batch_size : int
        Rows of a batch to come; at most half of the reference.
    min_rows : int, default=20
        A segment with fewer rows in a batch, on average, is not watched.
    false_alarm_rate, n_draws, random_state
        As in `mlhelpers.monitoring.learn_baseline`.

    Returns
    -------
    PerformanceBaseline
    """
    y, p = checked(y, p)
    n = len(y)
    check_draws(n, batch_size, false_alarm_rate, n_draws)
    segments = pd.DataFrame() if segments is None else segments
    require_unique_columns(segments, "segments")
    inside, values = _rows(y, p, segments)
    watched = inside.columns[inside.mean() * batch_size >= min_rows]
    inside, values = inside[watched].to_numpy(), values[watched].to_numpy()
    count = inside.sum(axis=0)
    mean = (inside * values).sum(axis=0) / count
    sd = np.sqrt((inside * (values - mean) ** 2).sum(axis=0) / count)
    # 1/n: a batch without any spread in its outcomes is judged in units of one row
    table = pd.DataFrame({"mean": mean, "sd": np.maximum(sd, 1 / n), "n": count}, index=watched)
    table.index.name = "monitor"
    rng, both = np.random.default_rng(random_state), inside * values
    largest = np.empty(n_draws)
    for number, rows in enumerate(draw_batches(n, batch_size, n_draws, rng)):
        size, total = inside[rows].sum(axis=0), both[rows].sum(axis=0)
        rest = pd.DataFrame({"mean": (count * mean - total) / np.maximum(count - size, 1), "sd": table["sd"]})
        largest[number] = np.nanmax(np.abs(_z(size, total, rest.assign(n=count - size))))
    return PerformanceBaseline(
        table, float(np.quantile(largest, 1 - false_alarm_rate)), list(segments.columns)
    )


def _rows(y: np.ndarray, p: np.ndarray, segments: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Whether each row counts for each monitor, and what it adds there."""
    gap = y - p
    loss = -np.log(np.clip(np.where(y == 1, p, 1 - p), 1e-6, 1))  # bounded, so that one row is no alarm
    inside: dict[str, np.ndarray] = {"gap": np.ones(len(y)), "log_loss": np.ones(len(y))}
    values: dict[str, np.ndarray] = {"gap": gap, "log_loss": loss}
    for column in segments.columns:
        text = _text(segments[column])
        for value in sorted(set(text)):
            inside[f"gap:{column}={value}"] = (text == value).astype(float)
            values[f"gap:{column}={value}"] = gap
    return pd.DataFrame(inside), pd.DataFrame(values)


def _z(size: np.ndarray, total: np.ndarray, usual: pd.DataFrame) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        error = usual["sd"].to_numpy() * np.sqrt(1 / size + 1 / usual["n"].to_numpy())
        return np.where(size > 0, (total / size - usual["mean"].to_numpy()) / error, np.nan)


def _text(column: pd.Series) -> np.ndarray:
    labels = labels_of(column)
    return np.where(pd.isna(labels), "missing", labels).astype(str)
