"""Checks on frames that every stage makes: column names that are told apart, a column or several of them.

Not taught by itself; readers, contracts and reports build on it. Apart because
every stage uses it and it uses none.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["as_columns", "require_unique_columns"]


def require_unique_columns(
    frame: pd.DataFrame, what: str = "the frame", *, error: type[ValueError] = ValueError
) -> None:
    """Refuse a frame in which two columns have one name.

    Parameters
    ----------
    frame : DataFrame
    what : str, default="the frame"
        What it is, such as a file's name; begins the message.
    error : type, default=ValueError
        Class of the error.

    Raises
    ------
    ValueError
        If a name occurs twice; the message names every such column.
    """
    again = frame.columns.duplicated()  # is_unique is wrong of columns picked from doubled ones
    if not again.any():
        return
    twice = ", ".join(dict.fromkeys(map(repr, frame.columns[again])))
    raise error(f"{what}: column {twice} stands there twice; rename or drop one of them")


def as_columns(given: Any) -> list:
    """A column or a sequence of columns as a list; a number is a column's name, None is no column."""
    if given is None:
        return []
    if isinstance(given, list | tuple | set | frozenset | dict | pd.Index | pd.Series):
        return list(given)
    return list(given) if hasattr(given, "__iter__") and not isinstance(given, str) else [given]
