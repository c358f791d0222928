"""Two ready-made classifiers for tables with numbers, categories and gaps.

Taught in lessons 4.1 (choosing a model) and 3.1 (why categories are made plain first).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def plain_frame(frame: pd.DataFrame, *, numeric: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Bring a frame to two plain types: float64 for numbers, text with NaN for categories.

    Taught in lesson 4.1. A request of one row, a nullable pandas column and a frame read from CSV then look
    the same to the model: None, NaN and ``pandas.NA`` become NaN, the category 3.0 becomes ``"3"``.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Columns other than those named are left out.
    numeric, categorical : sequence of str
        Names of the columns, in the order the model is to see them.

    Returns
    -------
    DataFrame of shape (n_rows, n_numeric + n_categorical)
        A new frame with the index of `frame`.

    Raises
    ------
    TypeError
        If `frame` is not a DataFrame.
    ValueError
        If a column is missing, or a numeric one holds a value that is not a number.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"expected a DataFrame with named columns, got {type(frame).__name__}")
    require_unique_columns(frame)
    absent = [name for name in (*numeric, *categorical) if name not in frame.columns]
    if absent:
        raise ValueError(f"columns missing from the frame: {', '.join(absent)}; give them, empty if unknown")
    plain = {}
    for name in numeric:
        plain[name] = numbers_of(frame[name])
    for name in categorical:
        codes, values = pd.factorize(frame[name], use_na_sentinel=True)
        labels = np.array([*map(label_of, values), np.nan], dtype=object)
        plain[name] = labels[codes]  # code -1, the missing value, picks the last label
    return pd.DataFrame(plain, index=frame.index, columns=[*numeric, *categorical])


def numbers_of(column: pd.Series) -> np.ndarray:
    """Values of a column as float64, gaps as NaN.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Numbers, or texts of numbers.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        If a value is not a number, such as a date; the message names the column.
    """
    if column.dtype.kind in "mM":
        advice = "turn it into a number, such as days since a day"
        raise ValueError(f"column {column.name!r} is to be numeric: it is {column.dtype}; {advice}")
    if pd.api.types.is_object_dtype(column.dtype):
        column = column.where(column.notna(), np.nan)  # NaT among objects would become a number
    try:
        return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {column.name!r} is to be numeric: {error}") from error


def label_of(value: object) -> str:
    """Name of a category: of a whole number, stored as a float or not, its digits."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def make_boosting(
    numeric: Sequence[str],
    categorical: Sequence[str],
    *,
    max_depth: int | None = 4,
    learning_rate: float = 0.08,
    max_iter: int = 150,
    min_samples_leaf: int = 20,
    max_leaf_nodes: int | None = 31,
    l2_regularization: float = 0.0,
    random_state: int | None = 0,
) -> Pipeline:
    """Gradient boosting on histograms; gaps and unseen categories take the missing branch of each split.

    Taught in lesson 4.1.

    Parameters
    ----------
    numeric, categorical : sequence of str
        Names of the columns; other columns of the frame are ignored.
    max_depth, learning_rate, max_iter, min_samples_leaf, max_leaf_nodes, l2_regularization
        As in ``sklearn.ensemble.HistGradientBoostingClassifier``.
    random_state : int or None, default=0
        Seed of the binning subsample (only drawn above 200,000 rows).

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps "plain", "encode" and "model", not fitted. Fit it with `mlhelpers.training.fit`, which keeps
        the sums in one order.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    to_codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    encode = ColumnTransformer(
        [("number", "passthrough", list(numeric)), ("category", to_codes, list(categorical))],
        verbose_feature_names_out=False,
    )
    model = HistGradientBoostingClassifier(
        max_depth=max_depth,
        learning_rate=learning_rate,
        max_iter=max_iter,
        min_samples_leaf=min_samples_leaf,
        max_leaf_nodes=max_leaf_nodes,
        l2_regularization=l2_regularization,
        early_stopping=False,
        random_state=random_state,
    )
    return Pipeline([("plain", _plain_step(numeric, categorical)), ("encode", encode), ("model", model)])


def make_logistic(numeric: Sequence[str], categorical: Sequence[str], *, C: float = 1.0) -> Pipeline:
    """Logistic regression on imputed, scaled numbers and one-hot categories.

    Taught in lesson 4.1.

    Parameters
    ----------
    numeric, categorical : sequence of str
        Names of the columns. A number's gap becomes the median and a column of its own says so; a missing
        category is a category; an unseen one is all zeros.
    C : float, default=1.0
        Inverse strength of the L2 penalty.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps "plain", "encode" and "model", not fitted.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    number = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encode = ColumnTransformer(
        [("number", number, list(numeric)), ("category", one_hot, list(categorical))],
        verbose_feature_names_out=False,
    )
    model = LogisticRegression(C=C, max_iter=1000)
    return Pipeline([("plain", _plain_step(numeric, categorical)), ("encode", encode), ("model", model)])


def _plain_step(numeric: Sequence[str], categorical: Sequence[str]):
    from sklearn.preprocessing import FunctionTransformer

    if not [*numeric, *categorical]:
        raise ValueError("name at least one column in numeric or categorical")
    for names in (list(numeric), list(categorical)):
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"column {twice[0]!r} is named twice; name it once")
    both = sorted(set(numeric) & set(categorical))
    if both:
        raise ValueError(f"columns named as numeric and as categorical: {', '.join(both)}")
    return FunctionTransformer(
        plain_frame, kw_args={"numeric": list(numeric), "categorical": list(categorical)}
    )
