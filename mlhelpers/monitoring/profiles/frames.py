"""A profile: what is kept of a frame to compare it later, without its rows; parts add up to the whole.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.monitoring.profiles.categories import CategoryCounter, CategoryProfile, value_counts
from mlhelpers.monitoring.profiles.numbers import NumericCounter, NumericProfile

__all__ = ["Profile", "ProfileBuilder", "profile", "suggest_origins"]

_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Profile:
    """Summary of a frame from which drift is measured; ``profile(a) + profile(b) == profile(a and b)``.

    The equality is exact, for counts, cells and moments, in whatever order and number of parts.

    Attributes
    ----------
    n_rows : int
        Rows summarized.
    columns : mapping of str to NumericProfile or CategoryProfile
        What is kept of each column.
    """

    n_rows: int
    columns: Mapping[str, NumericProfile | CategoryProfile]

    @property
    def numeric(self) -> list[str]:
        """Names of the numeric columns."""
        return [name for name, kept in self.columns.items() if isinstance(kept, NumericProfile)]

    @property
    def categorical(self) -> list[str]:
        """Names of the categorical columns."""
        return [name for name, kept in self.columns.items() if isinstance(kept, CategoryProfile)]

    def __getitem__(self, name: str) -> NumericProfile | CategoryProfile:
        return self.columns[name]

    def __add__(self, other: Profile) -> Profile:
        if set(self.columns) != set(other.columns):
            differ = ", ".join(sorted(set(self.columns) ^ set(other.columns)))
            raise ValueError(f"profiles of different columns cannot be added: {differ}")
        columns = {}
        for name, kept in self.columns.items():
            try:
                columns[name] = kept + other[name]
            except ValueError as error:
                raise ValueError(f"column {name!r}: {error}") from None
        return Profile(self.n_rows + other.n_rows, columns)

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Profile) and self.n_rows == other.n_rows
        return same and dict(self.columns) == dict(other.columns)

    __hash__ = None

    def summary(self) -> pd.DataFrame:
        """One row for each column: type, rows, missing share, mean, sd, quantiles, categories, top value."""
        rows = []
        for name, kept in self.columns.items():
            missing = kept.missing / kept.n if kept.n else np.nan
            row: dict[str, Any] = {"column": name, "n": kept.n, "missing": missing}
            if isinstance(kept, NumericProfile):
                row |= {"type": "numeric", "mean": kept.mean, "sd": kept.sd, "low": kept.low}
                row |= {"median": kept.quantile(0.5) if kept.known else np.nan, "high": kept.high}
            else:
                row["type"] = "categorical"
                if kept.counts:
                    row |= {"categories": len(kept.counts), "top": max(kept.counts, key=kept.counts.get)}
                elif kept.counts is None:
                    row["top"] = f"more than {kept.cap} categories"
            rows.append(row)
        order = ["type", "n", "missing", "mean", "sd", "low", "median", "high", "categories", "top"]
        return pd.DataFrame(rows, columns=["column", *order]).set_index("column")

    def save(self, path: str | Path) -> Path:
        """Write the profile as JSON or Parquet, by the suffix of `path`."""
        from mlhelpers.monitoring.profiles.files import save_profile

        return save_profile(self, path)

    def __repr__(self) -> str:
        return (
            f"Profile({self.n_rows} rows, {len(self.numeric)} numeric, {len(self.categorical)} categorical)"
        )

    def _repr_html_(self) -> str:
        table = self.summary().round(4).to_html(na_rep="")
        return f"<p>profile of {self.n_rows:,} rows</p>{table}"


def profile(
    data: Any,
    *,
    numeric: Sequence[str] | None = None,
    categorical: Sequence[str] | None = None,
    origin: Mapping[str, float] | None = None,
    max_categories: int = 1000,
    like: Profile | None = None,
) -> Profile:
    """Summarize a frame, or any number of its parts, in one pass and in memory that does not grow.

    Taught in lesson 9.1.

    Parameters
    ----------
    data : DataFrame, Arrow table or record batch, path of a Parquet file, or iterable of those
        The rows; an iterable is read part by part.
    numeric, categorical : sequence of str, optional
        Columns to keep. If neither is given, all: numbers as numeric, Booleans, text and categories as
        categorical. Other types, such as dates, are refused.
    origin : mapping of str to float, optional
        A level to take off a numeric column before its values are put on the grid, for a column whose spread
        is small beside its level, such as a temperature in kelvin. Cells are 0.05% of value minus origin.
    max_categories : int, default=1000
        Most categories of a column that are counted by name; see `CategoryProfile`.
    like : Profile, optional
        Take the columns, origins and cap of this profile, so that the two can be added and compared.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If there is no part, a column is missing, has a type that cannot be profiled, or an option is not
        usable.
    """
    builder: ProfileBuilder | None = None
    named = [*(numeric or []), *(categorical or [])] or (list(like.columns) if like is not None else None)
    for part in _parts(data, named):
        if builder is None:
            options = {"origin": origin, "max_categories": max_categories, "like": like}
            builder = ProfileBuilder(part, numeric=numeric, categorical=categorical, **options)
        builder.add(part)
    if builder is None:
        raise ValueError("data has no part; give at least one frame, if without rows")
    return builder.result()


def suggest_origins(frame: pd.DataFrame, *, numeric: Sequence[str] | None = None) -> dict[str, float]:
    """Origins for columns whose spread is small beside their level, where the grid would be coarse.

    Taught in lesson 9.1. Give them to `profile`. They follow from about 1,000 rows of `frame`, so take them
    once, from the reference, and not from each part.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The reference, or some of it.
    numeric : sequence of str, optional
        Columns to look at; all numbers if not given.

    Returns
    -------
    dict of str to float
        Median of each column whose median is more than twice the range of its middle 90%; no other columns.
    """
    found = {}
    for name in _types(frame)[0] if numeric is None else numeric:
        if name not in frame:
            continue
        some = _numbers(frame[name].iloc[:: max(1, len(frame) // 1000)])
        some = some[np.abs(some) < 2.0**500]
        if len(some):
            low, middle, high = np.quantile(some, [0.05, 0.5, 0.95], method="inverted_cdf")
            if abs(middle) > 2 * (high - low):
                found[name] = float(middle)
    return found


class ProfileBuilder:
    """Builds a profile part by part; what `profile` uses, for a loop of your own.

    Taught in lesson 9.1.

    Parameters
    ----------
    example : DataFrame
        A part from whose types the columns are chosen; it is not counted.
    numeric, categorical, origin, max_categories, like
        As in `profile`.
    moments : bool, default=True
        Whether to keep the sums; without them mean and sd are not right, but building is faster.
    """

    def __init__(
        self,
        example: pd.DataFrame,
        *,
        numeric: Sequence[str] | None = None,
        categorical: Sequence[str] | None = None,
        origin: Mapping[str, float] | None = None,
        max_categories: int = 1000,
        like: Profile | None = None,
        moments: bool = True,
    ) -> None:
        origin = dict(origin or {})
        caps: dict[str, int] = {}
        if like is not None:
            if numeric is not None or categorical is not None or origin:
                raise ValueError("give `like` or the columns and origins, not both")
            numeric, categorical = like.numeric, like.categorical
            origin = {name: like[name].origin for name in numeric}
            caps = {name: like[name].cap for name in categorical}
        elif numeric is None and categorical is None:
            numeric, categorical = _types(example)
        numeric, categorical = list(numeric or []), list(categorical or [])
        unknown = set(origin) - set(numeric)
        if unknown:
            raise ValueError(f"origin names columns that are not numeric ones: {', '.join(sorted(unknown))}")
        self.n_rows = 0
        self._counters: dict[str, NumericCounter | CategoryCounter] = {
            name: NumericCounter(origin.get(name, 0.0), moments) for name in numeric
        }
        for name in categorical:
            if name in self._counters:
                raise ValueError(f"column {name!r} is named both numeric and categorical")
            self._counters[name] = CategoryCounter(caps.get(name, max_categories))

    def add(self, frame: pd.DataFrame) -> None:
        """Count the rows of a frame."""
        absent = [name for name in self._counters if name not in frame]
        if absent:
            raise ValueError(f"columns missing from the data: {', '.join(absent)}")
        self.n_rows += len(frame)
        for name, counter in self._counters.items():
            column = frame[name]
            for start in range(0, len(frame), _ROWS):
                part = column.iloc[start : start + _ROWS]
                if isinstance(counter, NumericCounter):
                    counter.add(_numbers(part))
                else:
                    counter.add(value_counts(part), len(part))

    def result(self) -> Profile:
        """Profile of the rows so far."""
        return Profile(self.n_rows, {name: counter.result() for name, counter in self._counters.items()})


def _parts(data: Any, columns: list[str] | None) -> Iterator[pd.DataFrame]:
    """Frames of any of the accepted kinds of data."""
    if isinstance(data, pd.DataFrame):
        yield data
    elif isinstance(data, str | Path):
        from mlhelpers.monitoring.profiles.files import parquet_parts

        yield from parquet_parts(data, columns)
    elif hasattr(data, "to_batches"):  # an Arrow table
        yield data.slice(0, 0).to_pandas()
        for batch in data.to_batches(max_chunksize=_ROWS):
            yield batch.to_pandas()
    elif hasattr(data, "to_pandas"):
        yield data.to_pandas()
    elif isinstance(data, Iterable):
        for part in data:
            yield from _parts(part, columns)
    else:
        raise ValueError(f"cannot profile a {type(data).__name__}; give a frame, a Parquet path or parts")


def _types(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    numeric, categorical = [], []
    for name in frame.columns:
        kind = frame[name].dtype
        if pd.api.types.is_bool_dtype(kind) or isinstance(kind, pd.CategoricalDtype | pd.StringDtype):
            categorical.append(name)
        elif pd.api.types.is_numeric_dtype(kind):
            numeric.append(name)
        elif pd.api.types.is_object_dtype(kind):
            categorical.append(name)
        else:
            raise ValueError(f"column {name!r} is {kind}; turn it into a number or leave it out by name")
    return numeric, categorical


def _numbers(column: pd.Series) -> np.ndarray:
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "fiub":
        column = pd.to_numeric(column)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
