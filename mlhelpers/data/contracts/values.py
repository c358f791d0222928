"""Values as the rules of a contract compare them, whatever type of pandas or Arrow they are stored in.

Used by contracts and by the quality report, so that both come to the same verdict.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.iso_dates import read_iso_dates

__all__ = ["as_numbers", "date_limit", "kind_of_values", "of_type", "plain_values"]

_types = pd.api.types


def plain_values(values: pd.Series) -> pd.Series:
    """A column without extension types: numpy numbers, dates, or objects with gaps as None or NaN."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype | pd.DatetimeTZDtype | pd.PeriodDtype | pd.IntervalDtype):
        return values
    if isinstance(dtype, pd.SparseDtype):
        return values.sparse.to_dense()
    if isinstance(dtype, pd.CategoricalDtype):
        return plain_values(values.astype(object).infer_objects())
    gaps = values.isna().to_numpy()
    if _types.is_datetime64_any_dtype(dtype):
        return read_iso_dates(values)
    if _types.is_bool_dtype(dtype):
        return values.astype(object).where(~gaps, None) if gaps.any() else values.astype(bool)
    if dtype.kind in "iuf":
        if gaps.any() or dtype.kind == "f":
            array = values.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            array = values.to_numpy(dtype=np.uint64 if dtype.kind == "u" else np.int64)
        return pd.Series(array, index=values.index, name=values.name)
    return values.astype(object).where(~gaps, None)


def as_numbers(values: pd.Series) -> pd.Series:
    """Numbers, those written as text included; NaN where a value is none, as are dates and durations."""
    values = plain_values(values)
    if values.dtype == object:
        is_read = values.map(lambda value: isinstance(value, str | Real | Decimal | np.bool_)).astype(bool)
        return pd.to_numeric(values.where(is_read, None), errors="coerce")
    if values.dtype.kind in "biuf":
        return pd.to_numeric(values)
    return pd.Series(np.nan, index=values.index, name=values.name)


def of_type(values: pd.Series, kind: str) -> np.ndarray:
    """Whether each value is of a contract's type; what it says of gaps does not count."""
    values = plain_values(values)
    if kind == "text" and _types.infer_dtype(values, skipna=True) == "string":
        return np.ones(len(values), dtype=bool)
    if kind == "date":
        return read_iso_dates(values).notna().to_numpy()
    if kind in ("integer", "number"):
        numbers = as_numbers(values)
        good = numbers.notna().to_numpy()
        if values.dtype.kind not in "iuf":
            good &= np.fromiter((_is_number(value) for value in values), bool, len(values))
        return good & (numbers % 1 == 0).to_numpy() if kind == "integer" else good
    wanted = (bool, np.bool_) if kind == "boolean" else str
    return np.fromiter((isinstance(value, wanted) for value in values), bool, len(values))


def date_limit(limit: Any, dates: pd.Series) -> pd.Timestamp:
    """A limit as a time that the dates can be compared with; without a zone it is meant in theirs.

    Raises
    ------
    ValueError
        If the limit has a zone and the dates have none.
    """
    moment, zone = pd.Timestamp(limit), dates.dt.tz
    if zone is None and moment.tz is not None:
        raise ValueError(f"the limit {limit} has a time zone and the dates have none")
    return moment.tz_localize(zone) if zone is not None and moment.tz is None else moment


def kind_of_values(values: pd.Series) -> str | None:
    """Type in a contract that all known values of a plain column have; None if there is no such type."""
    if _types.is_bool_dtype(values.dtype):
        return "boolean"
    if _types.is_datetime64_any_dtype(values.dtype):
        return "date"
    if values.dtype.kind in "iuf":
        return "number"
    if values.dtype != object:
        return None
    known = list(values.dropna())
    for kind, test in (
        ("text", lambda value: isinstance(value, str)),
        ("boolean", lambda value: isinstance(value, bool | np.bool_)),
        ("number", _is_number),
        ("date", lambda value: isinstance(value, date | np.datetime64)),
    ):
        if all(map(test, known)):
            return kind
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_)
