"""Point-in-time aggregates as a step of a scikit-learn pipeline.

Taught in lessons 3.3 (features from domain knowledge) and 3.5 (automated feature pipelines).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.base import ColumnTransform, position
from mlhelpers.features.point_in_time.aggregates import (
    _aggregates,
    _checked_values,
    _names,
    _sorted_log,
)

__all__ = ["PointInTimeAggregator"]


class PointInTimeAggregator(ColumnTransform):
    """Aggregates of earlier events as a step of a pipeline; see `point_in_time_aggregates`.

    Taught in lessons 3.3 and 3.5. `fit` takes the events, ``fit(X, events=events)``, or, as step "history" of
    a pipeline, ``pipeline.fit(X, y, history__events=events)``. Without them the rows of X are the events: a
    table of orders then gives each order the history of its customer, itself excluded. `transform` looks
    events up in what `fit` was given, never in the rows it transforms.

    Parameters
    ----------
    key : str or int, default=0
        Column of X and of the events. A number is a place.
    cutoff : str or int, default=-1
        Column of X with the moment of prediction.
    time : str or int or None, default=None
        Column of the events with their time; None for the column that `cutoff` names.
    values, windows, include_cutoff
        As in `point_in_time_aggregates`; None for `values` counts the events and measures the time since the
        last one.

    Attributes
    ----------
    log_ : dict
        The events, sorted by key and time.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had names.

    Raises
    ------
    ValueError, TypeError
        As `point_in_time_aggregates`.
    """

    def __init__(
        self,
        key: str | int = 0,
        cutoff: str | int = -1,
        *,
        time: str | int | None = None,
        values: Mapping[Any, Any] | None = None,
        windows: Sequence[Any] = (None,),
        include_cutoff: bool = False,
    ):
        self.key = key
        self.cutoff = cutoff
        self.time = time
        self.values = values
        self.windows = windows
        self.include_cutoff = include_cutoff

    def _settings(self, names: list, log_names: list) -> tuple:
        """Names of key and time in the events, and values by name, wherever a place was given."""
        frame, log = pd.DataFrame(columns=names), pd.DataFrame(columns=log_names)
        time = self.cutoff if self.time is None else self.time
        time = log.columns[position(log, time, "time")]
        values = {time: ("count", "since_last")} if self.values is None else self.values
        values = {log.columns[position(log, name, "values")]: kinds for name, kinds in values.items()}
        key = frame.columns[position(frame, self.key, "key")]
        return key, time, values

    def fit(self, X: Any, y: Any = None, *, events: pd.DataFrame | None = None) -> PointInTimeAggregator:
        """Sort the events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
        y : None
            Not used.
        events : DataFrame or None, default=None
            None takes the rows of X.

        Returns
        -------
        PointInTimeAggregator
        """
        frame = self._frame(X, fit=True)
        log = frame if events is None else events
        key, time, values = self._settings(list(frame.columns), list(log.columns))
        position(frame, self.cutoff, "cutoff")
        log = _sorted_log(log, key, time, values)
        self.names_ = _names(values, self.windows, time, log["kind"])
        self.values_ = {name: list(kinds) for name, kinds in _checked_values(values, time).items()}
        self.log_ = log
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Aggregates of the rows of X, float64, of shape (n_rows, n_features)."""
        frame = self._frame(X)
        out = _aggregates(
            self.log_, frame, self.key, self.cutoff, self.values_, self.windows, self.include_cutoff
        )
        return np.column_stack(list(out.values())).astype(np.float64)

    def _names_out(self, names: Sequence[str]) -> Sequence[str]:
        return self.names_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False  # a key and a moment must be known; gaps in the values are fine
        return tags
