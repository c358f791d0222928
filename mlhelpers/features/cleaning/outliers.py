"""Values beyond fences that were learned on training data, or beyond limits that are known.

Taught in lesson 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.explore.outliers import REACH, fences
from mlhelpers.features.base import ColumnTransform
from mlhelpers.features.cleaning.base import by_column, check_choice, measures


class OutlierHandler(ColumnTransform):
    """Clip, flag or blank values outside of limits that are learned on training data.

    Taught in lesson 3.1. A fence says that a value is far from the others, not that it is wrong; what cannot
    be true is a matter of `limits`.

    Parameters
    ----------
    method : {"iqr", "robust_z", "limits"}, default="iqr"
        ``"iqr"``: the quartiles and `reach` interquartile ranges beyond them. ``"robust_z"``: `reach`
        standard deviations from the median, the deviation estimated by the median absolute deviation.
        ``"limits"``: only what `limits` says; other columns pass as they are.
    action : {"clip", "flag", "nan"}, default="clip"
        Move a value to the nearest limit, leave it and add a column ``<name>_outlier`` of 0 and 1, or make it
        missing. NaN passes and is flagged 0.
    reach : float, optional
        1.5 for ``"iqr"`` and 3.5 for ``"robust_z"`` if omitted.
    limits : mapping of column to (low, high), optional
        Known limits, in the unit of the column; they take the place of fences. None for an open end. A column
        is given by its name or its place.
    zero_spread : {"pass", "range", "error"}, default="pass"
        A column with an interquartile range or a median absolute deviation of 0 has no fences: let every
        value pass, take the range seen in training as limits, or raise.
    add_indicator : bool, default=False
        Add the columns of ``action="flag"`` to clipped or blanked values too.

    Attributes
    ----------
    lower_, upper_ : ndarray of float of shape (n_features,)
        The limits; infinite where there is none.

    Raises
    ------
    ValueError
        If a parameter is unknown, a value is no number or infinite, or the columns are not those of the
        training data.

    References
    ----------
    .. [1] J. W. Tukey, "Exploratory Data Analysis", 1977.
    .. [2] B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993.
    """

    def __init__(
        self,
        *,
        method: str = "iqr",
        action: str = "clip",
        reach: float | None = None,
        limits: Mapping[str | int, tuple[float | None, float | None]] | None = None,
        zero_spread: str = "pass",
        add_indicator: bool = False,
    ):
        self.method = method
        self.action = action
        self.reach = reach
        self.limits = limits
        self.zero_spread = zero_spread
        self.add_indicator = add_indicator

    def fit(self, X: Any, y: Any = None) -> OutlierHandler:
        """Learn the limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN is ignored. Dates count in their unit since 1970; a missing date is NaN.
        y : ignored

        Returns
        -------
        OutlierHandler
        """
        check_choice(self.method, (*REACH, "limits"), "method")
        check_choice(self.action, ("clip", "flag", "nan"), "action")
        check_choice(self.zero_spread, ("pass", "range", "error"), "zero_spread")
        if self.reach is not None and not self.reach > 0:
            raise ValueError(f"reach must be positive, got {self.reach}")
        frame = self._frame(X, fit=True)
        flags = {f"{name}_outlier" for name in frame.columns} if self._flags else set()
        taken = [name for name in frame.columns if name in flags]
        if taken:
            raise ValueError(f"column {taken[0]!r} has the name of a flag; rename it or leave out the flags")
        known = by_column(self.limits, frame, "limits")
        pairs = []
        for place, name in enumerate(frame.columns):
            values = measures(frame, place)
            if place in known:
                pairs.append(_known_pair(known[place], name))
            elif self.method == "limits":
                pairs.append((-np.inf, np.inf))
            else:
                pairs.append(self._learned_pair(values[~np.isnan(values)], name))
        self.lower_, self.upper_ = np.array(pairs, dtype=np.float64).T
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Treat the values outside of the limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float of shape (n_samples, n_features), or twice as many columns with flags
        """
        frame = self._frame(X)
        values = np.column_stack([measures(frame, place) for place in range(frame.shape[1])])
        out = (values < self.lower_) | (values > self.upper_)
        if self.action == "clip":
            values = np.clip(values, self.lower_, self.upper_)
        elif self.action == "nan":
            values[out] = np.nan
        dtype = np.float32 if all(kind == np.float32 for kind in frame.dtypes) else np.float64
        parts = [values, out] if self._flags else [values]
        return np.hstack(parts).astype(dtype)

    def review(self, X: Any) -> pd.DataFrame:
        """Count the values outside of the limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        DataFrame
            Indexed by column: lower, upper, n_low, n_high, share (of the known values).
        """
        frame = self._frame(X)
        values = np.column_stack([measures(frame, place) for place in range(frame.shape[1])])
        low, high = (values < self.lower_).sum(axis=0), (values > self.upper_).sum(axis=0)
        known = np.maximum(1, (~np.isnan(values)).sum(axis=0))
        columns = {"lower": self.lower_, "upper": self.upper_, "n_low": low, "n_high": high}
        return pd.DataFrame({**columns, "share": (low + high) / known}, index=frame.columns)

    @property
    def _flags(self) -> bool:
        return self.action == "flag" or self.add_indicator

    def _names_out(self, names: Sequence[str]) -> list[str]:
        return [*names, *(f"{name}_outlier" for name in names)] if self._flags else list(names)

    def _learned_pair(self, known: np.ndarray, name: Any) -> tuple[float, float]:
        reach = REACH[self.method] if self.reach is None else self.reach
        low, high = fences(known, self.method, reach)
        if not np.isnan(low):
            return low, high
        if self.zero_spread == "error":
            why = "half of its values or more are equal" if len(known) else "it has no known value"
            raise ValueError(
                f"column {name!r} has no fences: {why}; give limits for it, "
                "or set zero_spread to 'pass' or 'range'"
            )
        if self.zero_spread == "range" and len(known):
            return known.min(), known.max()
        return -np.inf, np.inf

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _known_pair(pair: tuple[float | None, float | None], name: Any) -> tuple[float, float]:
    low, high = pair
    low, high = -np.inf if low is None else float(low), np.inf if high is None else float(high)
    if not low <= high:
        raise ValueError(f"limits of {name!r}: the lower must not be above the upper, got {low} and {high}")
    return low, high
