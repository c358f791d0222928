"""What a model accepts: names, types, units, ranges and categories of its columns.

Taught in lesson 6.2; the service of lesson 7.2 checks requests against it (`mlhelpers.packaging.rows`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

_MOST_CATEGORIES = 100


def infer_signature(
    frame: pd.DataFrame,
    *,
    units: Mapping[str, str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    nullable: Iterable[str] = (),
    margin: float = 0.25,
) -> list[dict[str, Any]]:
    """Describe the columns of the frame a model was trained on.

    Taught in lesson 6.2.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Training features only; each column becomes one that a request must give.
    units : mapping of str to str, optional
        Unit of a column, such as ``{"data_gb": "GB per month"}``.
    ranges : mapping of str to (min, max), optional
        Known limits, in place of those seen in the frame.
    nullable : iterable of str, default=()
        Columns that may be missing in a request even though no value is missing in the frame.
    margin : float, default=0.25
        Share of a number's range that is accepted beyond it on either side; never below 0 if no value was.

    Returns
    -------
    list of dict
        Per column: name, type (number, integer or category), nullable, min, max, categories, unit, typical
        (median or most frequent category).

    Raises
    ------
    ValueError
        If the frame is empty, a column is all missing or is a date, a text column has over 100 values, or an
        option names a column that does not exist.
    """
    units, ranges, nullable = dict(units or {}), dict(ranges or {}), set(nullable)
    strange = sorted({*units, *ranges, *nullable} - set(frame.columns))
    if strange:
        raise ValueError(f"no such columns in the frame: {', '.join(strange)}")
    if frame.empty:
        raise ValueError("the frame is empty; give the training features")
    signature = []
    for name in frame.columns:
        column = frame[name]
        known = column.dropna()
        if known.empty:
            raise ValueError(f"column {name!r} has no value; drop it from the model")
        entry: dict[str, Any] = {"name": str(name), "type": _type_of(column)}
        entry["nullable"] = bool(len(known) < len(column)) or name in nullable
        entry |= {"min": None, "max": None, "categories": None, "unit": units.get(name)}
        if entry["type"] == "category":
            entry["categories"] = sorted({str(value) for value in known.unique()})
            if len(entry["categories"]) > _MOST_CATEGORIES:
                raise ValueError(
                    f"column {name!r} has {len(entry['categories'])} different texts; group them, or drop it"
                )
        else:
            entry["min"], entry["max"] = ranges.get(name) or _limits(known, entry["type"], margin)
        entry["typical"] = _typical(known, entry)
        signature.append(entry)
    return signature


def _typical(known: pd.Series, entry: dict[str, Any]) -> Any:
    if entry["type"] == "category":
        counts = known.astype(str).value_counts()
        return min(counts.index[counts == counts.max()])  # of equally frequent ones the first by name
    median = float(known.median())
    return math.floor(median) if entry["type"] == "integer" else round(median, 6)


def _type_of(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column):
        return "category"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column):
        raise ValueError(f"column {column.name!r} is a date; turn it into a number, such as days since")
    return "category"


def _limits(known: pd.Series, kind: str, margin: float) -> tuple[float, float]:
    low, high = float(known.min()), float(known.max())
    spare = margin * (high - low)
    lower = max(low - spare, 0.0) if low >= 0 else low - spare
    if kind == "integer":
        return math.floor(lower), math.ceil(high + spare)
    return round(lower, 6), round(high + spare, 6)
