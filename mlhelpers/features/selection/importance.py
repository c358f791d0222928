"""Permutation importance on held-out rows with intervals, also for groups of columns.

Taught in lessons 3.2 (selection and reduction) and 3.3 (features from domain knowledge).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection.ablation import check_groups
from mlhelpers.features.selection.scores import as_frame, check_level

__all__ = ["METRICS", "permutation_importance_intervals"]

METRICS = MappingProxyType(
    {
        "roc_auc": "area under the ROC curve; two classes",
        "brier": "mean squared error of the probability; two classes",
        "accuracy": "share of right classes",
        "r2": "share of the variance explained",
        "mae": "mean absolute error, unit of the target",
    }
)
_ERRORS = ("brier", "mae")


def permutation_importance_intervals(
    model: Any,
    X: Any,
    y: Any,
    *,
    metric: str = "roc_auc",
    n_repeats: int = 10,
    groups: Mapping[str, Sequence] | None = None,
    n_resamples: int = 300,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """How much worse a fitted model gets on held-out rows when a column is shuffled, with an interval.

    Taught in lessons 3.2 and 3.3. The importance says what *this model* takes from the column, not what the
    column could give. Of two columns that say the same each looks unimportant; permute them as one group.

    The interval is a percentile interval of a bootstrap that draws twice: the rows, because another sample of
    held-out rows gives another figure, and the shuffles, because `n_repeats` of them are a sample too. That a
    model fitted on other rows would use other columns is not in it.

    Parameters
    ----------
    model : fitted estimator
        With ``predict_proba`` (or ``decision_function``, for roc_auc) where the metric needs it.
    X : DataFrame or array-like of shape (n_rows, n_columns)
        Held-out rows.
    y : array-like of shape (n_rows,)
        Their labels or values. For roc_auc and brier two classes; the model's second one is positive.
    metric : str, default="roc_auc"
        Name from `METRICS`.
    n_repeats : int, default=10
        Shuffles of each column.
    groups : mapping of str to sequence of column names, optional
        Columns that get the same shuffle together; all others stand alone.
    n_resamples : int, default=300
        Bootstrap draws; their weights take 8 bytes for each row and draw.
    level : float, default=0.95
        Coverage of the intervals.
    random_state : int, default=0
        Seed of shuffles and draws.

    Returns
    -------
    DataFrame
        Index: column or group, the most important first. Columns: importance (fall of the score, or rise of
        the error), low, high, n_columns.

    Raises
    ------
    ValueError
        If the metric is unknown, a group has an unknown column, `n_repeats` or `n_resamples` is below 1, or
        the labels do not fit the metric.

    References
    ----------
    .. [1] A. Fisher, C. Rudin, F. Dominici, "All models are wrong, but many are useful: learning a variable's
       importance by studying an entire class of prediction models simultaneously", JMLR 20, 2019.
    """
    from threadpoolctl import threadpool_limits

    check_level(level)
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; there are: {', '.join(METRICS)}")
    for name, number in (("n_repeats", n_repeats), ("n_resamples", n_resamples)):
        if not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{name} must be a whole number from 1 on, got {number!r}")
    given = X  # a model fitted on an array is given an array
    X, y = as_frame(X), np.asarray(y)
    if y.shape != (len(X),):
        raise ValueError(f"y must have one value for each of the {len(X)} rows of X, got shape {y.shape}")
    owner = check_groups(list(X.columns), groups) if groups is not None else {}
    units = {**(groups or {}), **{column: [column] for column in X.columns if column not in owner}}
    y, predict = _target_and_response(model, y, metric, plain=not isinstance(given, pd.DataFrame))
    rng = np.random.default_rng(random_state)
    shuffles = np.array([rng.permutation(len(X)) for _ in range(n_repeats)])
    weights = rng.multinomial(len(X), np.full(len(X), 1 / len(X)), size=n_resamples).astype(np.float64)
    weights = np.vstack([np.ones(len(X)), weights])  # the first row is the sample itself
    draws = rng.multinomial(n_repeats, np.full(n_repeats, 1 / n_repeats), size=n_resamples) / n_repeats
    draws = np.vstack([np.full(n_repeats, 1 / n_repeats), draws])
    rows = {}
    with threadpool_limits(limits=1):
        before = _weighted(metric, y, predict(X), weights)
        for name, members in units.items():
            fall = np.zeros(len(weights))
            for number, shuffled in enumerate(_shuffled(X, list(members), shuffles)):
                fall += draws[:, number] * (before - _weighted(metric, y, predict(shuffled), weights))
            fall = -fall if metric in _ERRORS else fall
            low, high = np.nanquantile(fall[1:], [(1 - level) / 2, (1 + level) / 2])
            rows[name] = (float(fall[0]), float(low), float(high), len(members))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["importance", "low", "high", "n_columns"])
    return table.sort_values("importance", ascending=False, kind="stable")


def _shuffled(X: pd.DataFrame, members: list, shuffles: np.ndarray) -> Iterator[pd.DataFrame]:
    for order in shuffles:
        copy = X.copy()
        for column in members:
            copy[column] = X[column].array.take(order)
        yield copy


def _target_and_response(
    model: Any, y: np.ndarray, metric: str, *, plain: bool
) -> tuple[np.ndarray, Callable[[pd.DataFrame], np.ndarray]]:
    """The target as the metric wants it, and a function from rows to the model's answer."""

    def values(part: pd.DataFrame) -> Any:
        return part.to_numpy() if plain else part

    if metric in ("roc_auc", "brier"):
        classes = getattr(model, "classes_", np.unique(y))
        present = np.unique(y)
        if len(classes) != 2 or len(present) != 2 or not np.isin(present, classes).all():
            raise ValueError(
                f"metric {metric!r} needs both of the model's two classes in y, got {present[:5]}"
            )
        if hasattr(model, "predict_proba"):
            return (y == classes[1]).astype(np.float64), lambda part: model.predict_proba(values(part))[:, 1]
        if metric == "brier":
            raise ValueError("metric 'brier' needs a model with predict_proba")
        return (y == classes[1]).astype(np.float64), lambda part: model.decision_function(values(part))
    if metric == "accuracy":
        return np.ones(len(y)), lambda part: (model.predict(values(part)) == y).astype(np.float64)
    return y.astype(np.float64), lambda part: np.asarray(model.predict(values(part)), dtype=np.float64)


def _weighted(metric: str, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The metric under each row of `weights`."""
    total = weights.sum(axis=1)
    if metric == "accuracy":
        return weights @ p / total
    if metric == "brier":
        return weights @ (p - y) ** 2 / total
    if metric == "mae":
        return weights @ np.abs(p - y) / total
    if metric == "r2":
        mean = weights @ y / total
        around = weights @ (y - y.mean()) ** 2 - total * (mean - y.mean()) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 - weights @ (p - y) ** 2 / around
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(p[order]) > 0])  # tied scores count half
    sorted_weights = weights[:, order]
    positive = np.add.reduceat(sorted_weights * y[order], starts, axis=1)
    negative = np.add.reduceat(sorted_weights, starts, axis=1) - positive
    below = np.cumsum(negative, axis=1) - 0.5 * negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (positive * below).sum(axis=1) / pairs
