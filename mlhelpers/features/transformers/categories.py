"""Rare categories under one name, with the levels that count learned from the training data.

Taught in lesson 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin

from mlhelpers.features.base import ColumnTransform
from mlhelpers.features.cleaning.base import measures

__all__ = ["RareCategoryGrouper"]


class RareCategoryGrouper(OneToOneFeatureMixin, ColumnTransform):
    """Levels that are rare in the training data, and levels it does not know, become one level.

    Taught in lesson 3.3. Missing values stay missing and count for nothing. All columns of X are grouped; a
    ``ColumnTransformer`` groups some.

    Parameters
    ----------
    min_count : int, default=10
        Rows that a level needs in the training data.
    min_share : float, default=0.0
        Share of the known values that it needs, too; between 0 and 1.
    other : str, default="other"
        What the rest becomes in a column of text. A level that is called so already joins it.
    other_number : float, default=-1
        What the rest becomes in a column of numbers.
    unseen : {"other", "missing", "error"}, default="other"
        What a level becomes that the training data did not have at all.

    Attributes
    ----------
    kept_ : list of ndarray
        Levels that stay, by column, sorted by falling count; equal counts in the order of their text.
    seen_ : list of ndarray
        All levels of the training data, in the same order.
    is_numeric_ : list of bool
        Whether the column held numbers.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had names.

    Raises
    ------
    ValueError
        If a parameter is out of range, or at an unseen level with ``unseen="error"``; the message names the
        column, the levels and the first row.
    TypeError
        If a value is neither text nor a number, such as a list.
    """

    def __init__(
        self,
        min_count: int = 10,
        *,
        min_share: float = 0.0,
        other: str = "other",
        other_number: float = -1,
        unseen: str = "other",
    ):
        self.min_count = min_count
        self.min_share = min_share
        self.other = other
        self.other_number = other_number
        self.unseen = unseen

    def fit(self, X: Any, y: Any = None) -> RareCategoryGrouper:
        """Count the levels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
        y : None
            Not used.

        Returns
        -------
        RareCategoryGrouper
        """
        frame = self._frame(X, fit=True)
        if not self.min_count >= 0:
            raise ValueError(f"min_count={self.min_count!r} must be at least 0")
        if not 0 <= self.min_share <= 1:
            raise ValueError(f"min_share={self.min_share!r} must be between 0 and 1")
        if self.unseen not in ("other", "missing", "error"):
            raise ValueError(f"unseen={self.unseen!r} must be one of other, missing, error")
        kept, seen, numeric = [], [], []
        for place in range(frame.shape[1]):
            numeric.append(_is_numeric(frame.iloc[:, place]))
            levels, counts = _count(_values(frame, place, numeric[-1]), frame.columns[place])
            enough = (counts >= self.min_count) & (counts >= self.min_share * counts.sum())
            seen.append(levels)
            kept.append(levels[enough])
        self.kept_, self.seen_, self.is_numeric_ = kept, seen, numeric
        return self

    def transform(self, X: Any) -> np.ndarray:
        """X with its rare levels grouped: float64 if all columns held numbers, else object."""
        frame = self._frame(X)
        columns = [self._group(frame, place) for place in range(frame.shape[1])]
        if all(self.is_numeric_):
            return np.column_stack(columns)
        out = np.empty(frame.shape, dtype=object)
        for place, column in enumerate(columns):
            out[:, place] = column
        return out

    def _group(self, frame: pd.DataFrame, place: int) -> np.ndarray:
        numeric = self.is_numeric_[place]
        values = _values(frame, place, numeric)
        codes, levels = _levels(values, frame.columns[place])
        is_seen = np.isin(pd.Index(self.seen_[place]).get_indexer(pd.Index(levels)), -1, invert=True)
        is_kept = np.isin(pd.Index(self.kept_[place]).get_indexer(pd.Index(levels)), -1, invert=True)
        if self.unseen == "error" and not is_seen.all():
            row = frame.index[np.isin(codes, np.flatnonzero(~is_seen)).argmax()]
            unseen = ", ".join(repr(level) for level in levels[~is_seen][:5])
            raise ValueError(
                f"column {frame.columns[place]!r} holds {unseen} (first in row {row!r}), which the training "
                "data did not have; repair it or set unseen='other'"
            )
        new = np.where(is_kept, levels, self.other_number if numeric else self.other)
        if self.unseen == "missing":
            new[~is_seen] = np.nan
        return np.append(new, np.nan)[codes]  # code -1, the missing value, picks the NaN at the end


def _is_numeric(column: pd.Series) -> bool:
    column = column.infer_objects()
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _values(frame: pd.DataFrame, place: int, numeric: bool) -> np.ndarray:
    return measures(frame, place) if numeric else frame.iloc[:, place].to_numpy(dtype=object)


def _levels(values: np.ndarray, name: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        return pd.factorize(values)
    except TypeError as error:
        raise TypeError(f"column {name!r}: argument must be a string or a number: {error}") from error


def _count(values: np.ndarray, name: Any) -> tuple[np.ndarray, Sequence[int]]:
    codes, levels = _levels(values, name)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    order = sorted(range(len(levels)), key=lambda k: (-counts[k], str(levels[k])))
    return levels[order], counts[order]
