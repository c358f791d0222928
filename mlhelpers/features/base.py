"""What the transformers of this package share: checked input with named columns.

Not taught by itself; the transformers of lessons 3.1 to 3.3 build on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_array, check_is_fitted, validate_data

__all__ = ["ColumnTransform", "numbers", "position", "positions"]


class ColumnTransform(TransformerMixin, BaseEstimator):
    """Base of transformers that work column by column on frames and arrays alike.

    A subclass calls ``self._frame(X, fit=True)`` in `fit` and ``self._frame(X)`` in `transform`: a
    `DataFrame` comes back whose columns are those of the training data, or an error that names the columns.
    A subclass whose output differs from its input defines ``_names_out(names)``.
    """

    def _frame(self, X: Any, *, fit: bool = False) -> pd.DataFrame:
        """X as a frame; its names and number of columns are learned (`fit`) or compared with the learned."""
        if not fit:
            check_is_fitted(self)
        if not isinstance(X, pd.DataFrame):
            X = validate_data(self, X, reset=fit, dtype=None, ensure_all_finite=False)
            return pd.DataFrame(X, columns=self._names_in())
        # A frame is not converted to one array, so that each column keeps its own type.
        if X.columns.has_duplicates:
            twice = sorted({str(name) for name in X.columns[X.columns.duplicated()]})
            raise ValueError(f"column names repeat: {', '.join(twice)}; rename them")
        validate_data(self, X, reset=fit, skip_check_array=True)
        check_array(np.broadcast_to(0.0, X.shape), estimator=self)  # refuses a frame without rows or columns
        return X

    def _names_in(self) -> list:
        return list(_check_feature_names_in(self, None))

    def _names_out(self, names: Sequence[str]) -> Sequence[str]:
        return names

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> np.ndarray:
        """Names of the output columns.

        Parameters
        ----------
        input_features : sequence of str or None, default=None
            Names of the input columns when the training data had none.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names = [str(name) for name in _check_feature_names_in(self, input_features)]
        return np.asarray(self._names_out(names), dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def position(frame: pd.DataFrame, column: str | int, parameter: str) -> int:
    """Place of a column that is given by its name or, counted from 0 or from the end, by its place.

    Parameters
    ----------
    frame : DataFrame
    column : str or int
    parameter : str
        Name of the parameter that holds it, for the message.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the frame has no such column.
    """
    if column in frame.columns:
        return frame.columns.get_loc(column)
    is_place = isinstance(column, int | np.integer) and not isinstance(column, bool)
    if is_place and -frame.shape[1] <= column < frame.shape[1]:
        return int(column) % frame.shape[1]
    has = ", ".join(map(str, frame.columns[:10])) + (", ..." if frame.shape[1] > 10 else "")
    raise ValueError(f"{parameter}: no column {column!r} in X; it has {frame.shape[1]} feature(s): {has}")


def positions(frame: pd.DataFrame, columns: Sequence[str | int] | None, parameter: str) -> list[int]:
    """Places of several columns; None means all of them. See `position`."""
    if columns is None:
        return list(range(frame.shape[1]))
    if isinstance(columns, str):
        raise TypeError(f"{parameter}: give a list of columns, [{columns!r}], not the text {columns!r}")
    return [position(frame, column, parameter) for column in columns]


def numbers(frame: pd.DataFrame, place: int) -> np.ndarray:
    """One column as float64; None, ``pandas.NA`` and NaN become NaN.

    Parameters
    ----------
    frame : DataFrame
    place : int
        Place of the column.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        If a value is no number or is infinite; the message names the column and the row.
    TypeError
        If a value is a container such as a dict.
    """
    column, name = frame.iloc[:, place], frame.columns[place]
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        # as numbers a missing date would be -9.2e18
        raise ValueError(
            f"column {name!r} is to be numeric and holds dates; make days of it first, for example with "
            "DateParser(output='days')"
        )
    try:
        values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except TypeError as error:
        raise TypeError(f"column {name!r}: argument must be a string or a number: {error}") from error
    except ValueError as error:
        raise ValueError(f"column {name!r} is to be numeric: {error}") from error
    endless = np.isinf(values)
    if endless.any():
        row = frame.index[endless.argmax()]
        raise ValueError(
            f"column {name!r} holds an infinite value in row {row!r}; make it missing or repair it"
        )
    return values
