"""A transformer that drops columns which repeat an earlier one.

Taught in lesson 3.2 (selection and reduction).
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mlhelpers.data.frames import require_unique_columns

__all__ = ["CorrelationFilter"]


class CorrelationFilter(SelectorMixin, BaseEstimator):
    """Drop the later of two columns whose correlation is above a threshold; the target takes no part.

    Taught in lesson 3.2. Columns are read from left to right, and one is kept unless its absolute Pearson
    correlation with a kept column is above `threshold`. So order the columns by what you would rather keep.
    A constant column correlates with none and is kept.

    Parameters
    ----------
    threshold : float, default=0.95
        Between 0 and 1. At 1 nothing is dropped.

    Attributes
    ----------
    partner_ : ndarray of int of shape (n_features,)
        Position of the kept column that a dropped one repeats most, -1 for columns that are kept.
    correlation_ : ndarray of shape (n_features,)
        Absolute correlation with that column; for a kept column the largest one with a kept column before it.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when fitted on a frame.

    Raises
    ------
    ValueError
        On ``fit``, if `threshold` is outside of 0 to 1 or the columns have gaps.
    """

    def __init__(self, *, threshold: float = 0.95):
        self.threshold = threshold

    def fit(self, X: Any, y: Any = None) -> CorrelationFilter:
        """Decide which columns to keep.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            At least two rows.
        y : ignored

        Returns
        -------
        CorrelationFilter
        """
        if (
            not isinstance(self.threshold, Real)
            or isinstance(self.threshold, bool)
            or not (0 <= self.threshold <= 1)
        ):
            raise ValueError(f"threshold must be a number from 0 to 1, got {self.threshold!r}")
        if isinstance(X, pd.DataFrame):
            require_unique_columns(X, "X")
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        # Columns are brought to size 1 first, so that neither 1e300 nor 1e-300 spoils their squares.
        largest = np.abs(X).max(axis=0)
        X = X / np.where(largest > 0, largest, 1.0)
        X = X - X.mean(axis=0)
        norm = np.sqrt((X**2).sum(axis=0))
        varies = norm > 1e-12 * np.sqrt(len(X))
        X = np.where(varies, X / np.where(varies, norm, 1.0), 0.0)
        between = np.abs(X.T @ X).clip(0, 1)
        n_features = X.shape[1]
        keep = np.zeros(n_features, dtype=bool)
        partner, correlation = np.full(n_features, -1), np.zeros(n_features)
        for column in range(n_features):
            earlier = np.where(keep[:column], between[column, :column], -1.0)
            nearest = int(earlier.argmax()) if column else -1
            correlation[column] = max(earlier[nearest], 0.0) if column else 0.0
            keep[column] = correlation[column] <= self.threshold
            if not keep[column]:
                partner[column] = nearest
        self.partner_, self.correlation_ = partner, correlation
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self, "partner_")
        return self.partner_ < 0
