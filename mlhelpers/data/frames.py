"""Checks that every function makes which takes a frame.

Used by all stages: a frame with two columns of one name gives two columns where one is asked for.
"""

from __future__ import annotations

from typing import Any

import pandas as pd


def require_unique_columns(
    frame: Any, what: str = "the frame", *, error: type[ValueError] = ValueError
) -> None:
    """Refuse a frame in which a column name stands more than once.

    Parameters
    ----------
    frame : DataFrame or object
        Anything that is not a DataFrame passes.
    what : str, default="the frame"
        Name of it for the message.
    error : type, default=ValueError
        Class of the error.

    Raises
    ------
    ValueError
        With the names that are doubled.
    """
    if isinstance(frame, pd.DataFrame) and not frame.columns.is_unique:
        doubled = dict.fromkeys(map(str, frame.columns[frame.columns.duplicated()]))
        raise error(f"{what} has more than one column named {', '.join(doubled)}; rename or drop the others")
