"""What a model accepts: names, types, units, ranges and categories of its columns.

Taught in lesson 6.2; the service of lesson 7.2 checks requests against it (`mlhelpers.packaging.rows`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.training.models import label_of

_MOST_CATEGORIES = 100
_DATE = "is a date; turn it into a number, such as days since"
_NUMBERS = "holds numbers as objects; convert it with pd.to_numeric, or to text"
_ADVICE = {
    **dict.fromkeys(("date", "datetime", "datetime64", "period"), _DATE),
    **dict.fromkeys(("timedelta", "timedelta64"), "is a duration; turn it into a number, such as hours"),
    **dict.fromkeys(("floating", "decimal", "mixed-integer-float"), _NUMBERS),
    "mixed": "holds values of one kind beside others ({kind}); make all of them text, or all numbers",
}


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
        If the frame is empty, two columns have one name, a column is all missing, holds dates, durations, a
        mixture of kinds or an infinite value, a text column has over 100 values, limits are no range of
        finite numbers, or an option names a column that does not exist.
    """
    require_unique_columns(frame)
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
            entry["categories"] = sorted({label_of(value) for value in known.unique()})
            if len(entry["categories"]) > _MOST_CATEGORIES:
                raise ValueError(
                    f"column {name!r} has {len(entry['categories'])} different texts; group them, or drop it"
                )
        else:
            entry["min"], entry["max"] = ranges.get(name) or _limits(known, entry["type"], margin)
            if not -math.inf < entry["min"] <= entry["max"] < math.inf:
                raise ValueError(
                    f"column {name!r}: limits {entry['min']} and {entry['max']} are no range of finite "
                    "numbers; give finite ones in ranges, the smaller one first"
                )
        entry["typical"] = _typical(known, entry)
        signature.append(entry)
    return signature


def _typical(known: pd.Series, entry: dict[str, Any]) -> Any:
    if entry["type"] == "category":
        counts = known.map(label_of).astype(object).value_counts()
        return min(counts.index[counts == counts.max()])  # of equally frequent ones the first by name
    median = float(known.median())
    return math.floor(median) if entry["type"] == "integer" else round(median, 6)


def _type_of(column: pd.Series) -> str:
    types = pd.api.types
    if types.is_bool_dtype(column):
        return "category"
    if types.is_integer_dtype(column):
        return "integer"
    if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isinf(values).any():
            row = column.index[int(np.isinf(values).argmax())]
            raise ValueError(f"column {column.name!r} is infinite in row {row!r}; make it missing or finite")
        return "number"
    known = column.dropna()
    values = known.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else known
    kind = types.infer_dtype(values, skipna=True)
    if kind in ("string", "empty", "boolean", "integer"):
        return "category"
    if kind == "floating" and all(float(value).is_integer() for value in values):
        return "category"  # codes of a column with gaps
    raise ValueError(f"column {column.name!r} {_ADVICE.get(kind, _ADVICE['mixed']).format(kind=kind)}")


def _limits(known: pd.Series, kind: str, margin: float) -> tuple[float, float]:
    low, high = float(known.min()), float(known.max())
    spare = margin * (high - low)
    lower = max(low - spare, 0.0) if low >= 0 else low - spare
    if kind == "integer":
        return math.floor(lower), math.ceil(high + spare)
    return round(lower, 6), round(high + spare, 6)
