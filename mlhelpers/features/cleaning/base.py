"""What the cleaners share: different values of a column, and parameters that are given column by column.

Not taught by itself; the cleaners of lesson 3.1 build on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.base import numbers, position

MISSING = ("", "N/A", "-999")


def levels(values: pd.Series, name: Hashable) -> tuple[np.ndarray, list[Any]]:
    """Code of each row, -1 for a gap, and the different values.

    Parameters
    ----------
    values : Series
    name : hashable
        Name of the column, for the message.

    Returns
    -------
    codes : ndarray of int of shape (n_rows,)
    values : list
        In the order of their first row.

    Raises
    ------
    TypeError
        If a value is a container.
    """
    cells = values.astype(object)
    try:
        codes, uniques = pd.factorize(cells)
    except TypeError as error:
        raise TypeError(f"column {name!r}: argument must be a string or a number: {error}") from error
    if any(type(cell) is str and "\0" in cell for cell in cells):  # pandas reads a text to its first NUL only
        found: dict[Any, int] = {}
        gaps = codes < 0
        codes = np.array(
            [-1 if gap else found.setdefault(cell, len(found)) for cell, gap in zip(cells, gaps, strict=True)]
        )
        return codes, list(found)
    return codes, list(uniques)


def measures(frame: pd.DataFrame, place: int) -> np.ndarray:
    """One column as float64, gaps as NaN; dates and durations in their own unit, those missing as NaN too.

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
    values = frame.iloc[:, place]
    if getattr(values.dtype, "kind", "O") not in "mM":
        return numbers(frame, place)
    moments = pd.Index(values)
    array = moments.asi8 if hasattr(moments, "asi8") else moments.astype(_unit_of(values)).asi8
    return np.where(values.isna().to_numpy(), np.nan, array.astype(np.float64))


def _unit_of(values: pd.Series) -> str:
    return f"{'datetime' if values.dtype.kind == 'M' else 'timedelta'}64[ns]"


def is_blank(text: str, missing: tuple[str, ...]) -> bool:
    """Whether a text is one of the spellings of a gap, spaces around it aside."""
    return text.strip() in missing


def check_missing(missing: Any) -> tuple[str, ...]:
    """Spellings of a gap as a tuple of texts without spaces around them."""
    if isinstance(missing, str) or not all(isinstance(word, str) for word in missing):
        raise TypeError(f"missing: give a list of texts such as ['', 'N/A'], got {missing!r}")
    return tuple(word.strip() for word in missing)


def check_choice(value: str, choices: tuple[str, ...], parameter: str) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ValueError(f"{parameter} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def by_column(given: Mapping | None, frame: pd.DataFrame, parameter: str) -> dict[int, Any]:
    """A parameter given as a mapping by column, keyed by the place of the column instead.

    Raises
    ------
    TypeError
        If it is no mapping.
    ValueError
        If the frame has no such column.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{parameter}: give a mapping by column, got {type(given).__name__}")
    return {position(frame, column, parameter): value for column, value in given.items()}


def stack(columns: list[np.ndarray], n_rows: int, dtype: Any) -> np.ndarray:
    """Columns side by side, all of one type."""
    out = np.empty((n_rows, len(columns)), dtype=dtype)
    for place, column in enumerate(columns):
        out[:, place] = column
    return out
