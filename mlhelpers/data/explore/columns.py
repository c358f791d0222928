"""What kind of column it is, and its values as arrays: numbers as floats, categories as codes, -1 a gap.

Used by the functions of lesson 2.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

NUMBER, DATE, CATEGORY = "number", "date", "category"


def plain_text(value: object) -> str:
    """Text as matplotlib shows it: a dollar sign is one, not the beginning of a formula."""
    return re.sub(r"(?<!\\)\$", r"\\$", str(value))


def kinds_of(
    frame: pd.DataFrame, columns: Sequence[str] | None = None, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Kind of each column: ``number``, ``date`` or ``category`` (text, category and boolean).

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of str, optional
        Columns to look at; all of them if omitted.
    given : mapping of str to {"number", "category"}, optional
        Kinds that the types do not tell, such as whole numbers that are codes.

    Returns
    -------
    dict of str to str
        In the order of the columns.

    Raises
    ------
    TypeError
        If `frame` is not a DataFrame, or a column has a type that is neither number, date nor category.
    ValueError
        If a column is not there or is there twice, or a given kind is unknown or does not fit.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"the column {twice[0]!r} stands there twice; rename one of them")
    given = dict(given or {})
    chosen = list(frame.columns if columns is None else columns)
    unknown = [name for name in [*chosen, *given] if name not in frame.columns]
    if unknown:
        raise ValueError(f"no column {unknown[0]!r}; there are: {', '.join(map(str, frame.columns))}")
    return {
        name: _given(frame[name], given[name]) if name in given else _kind(frame[name]) for name in chosen
    }


def _kind(values: pd.Series) -> str:
    types = pd.api.types
    if types.is_bool_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        return CATEGORY
    if types.is_datetime64_any_dtype(values) or types.is_timedelta64_dtype(values):
        return DATE
    if types.is_complex_dtype(values):
        raise TypeError(f"column {values.name!r} holds complex numbers; give their parts as two columns")
    return NUMBER if types.is_numeric_dtype(values) else CATEGORY


def _given(values: pd.Series, kind: str) -> str:
    if kind not in (NUMBER, CATEGORY):
        raise ValueError(f"kinds[{values.name!r}] must be 'number' or 'category', got {kind!r}")
    if kind == NUMBER and _kind(values) == CATEGORY and not pd.api.types.is_bool_dtype(values):
        raise ValueError(
            f"column {values.name!r} is {values.dtype}, not numeric; convert it with pd.to_numeric"
        )
    return kind


def as_floats(values: pd.Series) -> np.ndarray:
    """Numbers, dates and durations (in days from the first) as float64 of shape (n_rows,), gaps as NaN.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    if _kind(values) == DATE:
        array = ((values - values.min()) / pd.Timedelta(days=1)).to_numpy(np.float64)
    else:
        array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(array).any():
        row = values.index[int(np.isinf(array).argmax())]
        raise ValueError(
            f"column {values.name!r} is infinite in row {row!r}; replace such values by NaN first"
        )
    return array


def as_codes(values: pd.Series) -> tuple[np.ndarray, int]:
    """Categories as int64 codes of shape (n_rows,), -1 for a gap, and the number of levels that occur.

    Raises
    ------
    TypeError
        If the column holds values that cannot be compared, such as lists.
    """
    try:
        codes, levels = pd.factorize(values)
    except TypeError as problem:
        held = type(values.dropna().iloc[0]).__name__
        raise TypeError(
            f"column {values.name!r} holds values of type {held}; make text or numbers of them, "
            "or leave it out"
        ) from problem
    return codes, len(levels)


def quantile_codes(array: np.ndarray, bins: int) -> tuple[np.ndarray, int]:
    """Cut numbers at their quantiles; a column with at most `bins` distinct values keeps its values.

    Parameters
    ----------
    array : ndarray of shape (n_rows,)
        Floats, gaps as NaN.
    bins : int
        Largest number of bins; fewer where quantiles coincide.

    Returns
    -------
    tuple of (ndarray of shape (n_rows,), int)
        Codes, -1 for a gap, and the number of bins.
    """
    gap = np.isnan(array)
    codes, levels = pd.factorize(array)
    if len(levels) > bins:
        known = array[~gap] if gap.any() else array
        cuts = np.unique(np.quantile(known, np.arange(1, bins) / bins))
        # A value on a cut falls below it, so that a pile of zeros has a bin of its own.
        codes, levels = np.searchsorted(cuts, array, side="left"), range(len(cuts) + 1)
        codes[gap] = -1
    return codes, len(levels)
