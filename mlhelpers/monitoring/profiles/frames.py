"""A profile: what is kept of a frame to compare it later, without its rows; parts add up to the whole.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.data.hashing import write_atomically
from mlhelpers.monitoring.profiles.categories import CategoryCounter, CategoryProfile, value_counts
from mlhelpers.monitoring.profiles.numbers import NumericCounter, NumericProfile, numbers_of

__all__ = ["Profile", "ProfileBuilder", "column_types", "profile", "suggest_origins"]

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
        categorical. Other types, such as dates, are refused; a date or duration that is named as numeric
        counts in days, a date from 1970 on.
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
        If there is no part, a column is missing, has a type that cannot be profiled, a numeric one holds a
        text (the message names its row), or an option is not usable.
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
    require_unique_columns(frame)
    found = {}
    for name in column_types(frame)[0] if numeric is None else numeric:
        if name not in frame:
            continue
        some = numbers_of(frame[name].iloc[:: max(1, len(frame) // 1000)])
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
        require_unique_columns(example, "the data")
        origin = dict(origin or {})
        caps: dict[str, int] = {}
        if like is not None:
            if numeric is not None or categorical is not None or origin:
                raise ValueError("give `like` or the columns and origins, not both")
            numeric, categorical = like.numeric, like.categorical
            origin = {name: like[name].origin for name in numeric}
            caps = {name: like[name].cap for name in categorical}
        elif numeric is None and categorical is None:
            numeric, categorical = column_types(example)
        numeric, categorical = list(numeric or []), list(categorical or [])
        twice = [name for name in numeric if numeric.count(name) > 1]
        if twice:
            raise ValueError(f"column {twice[0]!r} is named twice; name it once")
        unknown = set(origin) - set(numeric)
        if unknown:
            raise ValueError(f"origin names columns that are not numeric ones: {', '.join(sorted(unknown))}")
        self.n_rows = 0
        self._counters: dict[str, NumericCounter | CategoryCounter] = {
            name: NumericCounter(origin.get(name, 0.0), moments) for name in numeric
        }
        for name in categorical:
            if name in self._counters:
                both = "both numeric and categorical" if name in numeric else "twice"
                raise ValueError(f"column {name!r} is named {both}; name it once")
            self._counters[name] = CategoryCounter(caps.get(name, max_categories))

    def add(self, frame: pd.DataFrame) -> None:
        """Count the rows of a frame."""
        require_unique_columns(frame, "the data")
        absent = [name for name in self._counters if name not in frame]
        if absent:
            raise ValueError(f"columns missing from the data: {', '.join(absent)}")
        self.n_rows += len(frame)
        for name, counter in self._counters.items():
            column = frame[name]
            for start in range(0, len(frame), _ROWS):
                part = column.iloc[start : start + _ROWS]
                if isinstance(counter, NumericCounter):
                    counter.add(numbers_of(part))
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


def column_types(frame: pd.DataFrame, *, dates: bool = False) -> tuple[list[str], list[str]]:
    """Names of the numeric and of the categorical columns; dates and durations are numbers or refused."""
    numeric, categorical = [], []
    for name in frame.columns:
        kind = frame[name].dtype
        if pd.api.types.is_bool_dtype(kind) or isinstance(kind, pd.CategoricalDtype | pd.StringDtype):
            categorical.append(name)
        elif pd.api.types.is_numeric_dtype(kind) or (dates and kind.kind in "mM"):
            numeric.append(name)
        elif pd.api.types.is_object_dtype(kind):
            categorical.append(name)
        else:
            raise ValueError(f"column {name!r} is {kind}; turn it into a number or leave it out by name")
    return numeric, categorical


_VERSION = 1
_PARQUET_ROWS = 1 << 14
_BUFFER = 1 << 16  # bytes read ahead of a column; without it a whole row group is held


def save_profile(kept: Profile, path: str | Path) -> Path:
    """Write a profile as JSON or Parquet, by the suffix of the path.

    Taught in lesson 9.1. The JSON is text that can be read and compared; the Parquet file is smaller.

    Parameters
    ----------
    kept : Profile
        What `mlhelpers.monitoring.profile` gave.
    path : str or Path
        File to write, whole or not at all, ending in ``.json`` or ``.parquet``; missing folders are made.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the suffix is another.
    """
    path = Path(path)
    if path.suffix == ".json":
        write_atomically(path, lambda part: part.write_text(to_json(kept), encoding="utf-8"))
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = []
        for name, column in kept.columns.items():
            state = column.state()
            long = {key: state.pop(key) for key in ("keys", "counts", "buckets") if key in state}
            if isinstance(long.get("counts"), dict):
                long |= {"names": list(long["counts"]), "counts": list(long["counts"].values())}
            rows.append({"column": name, "state": json.dumps(state), **long})
        of_numbers = pa.list_(pa.int64())
        fields = {"column": pa.string(), "state": pa.string(), "names": pa.list_(pa.string())}
        schema = pa.schema(fields | {key: of_numbers for key in ("keys", "counts", "buckets")})
        schema = schema.with_metadata({"mlhelpers": json.dumps({"version": _VERSION, "rows": kept.n_rows})})
        table = pa.Table.from_pylist(rows, schema)
        write_atomically(path, lambda part: pq.write_table(table, part, compression="zstd"))
    else:
        raise ValueError(f"a profile is saved as .json or .parquet, not {path.name}")
    return path


def load_profile(path: str | Path) -> Profile:
    """Read a profile that `save_profile` wrote.

    Taught in lesson 9.1.

    Parameters
    ----------
    path : str or Path
        File ending in ``.json`` or ``.parquet``.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If the suffix is another, or the file was written by a later version.
    """
    path = Path(path)
    if path.suffix == ".json":
        return from_json(path.read_text())
    if path.suffix != ".parquet":
        raise ValueError(f"a profile is read from .json or .parquet, not {path.name}")
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    head = json.loads(table.schema.metadata[b"mlhelpers"])
    states = {}
    for number, name in enumerate(table["column"].to_pylist()):
        state = json.loads(table["state"][number].as_py())
        cells = (table[key][number].values for key in ("keys", "counts", "buckets"))
        keys, counts, buckets = (None if cell is None else cell.to_numpy() for cell in cells)
        if state["type"] == "numeric":
            state |= {"keys": keys, "counts": counts}
        else:
            names = table["names"][number].as_py()
            named = None if names is None else dict(zip(names, counts.tolist(), strict=True))
            state |= {"counts": named, "buckets": buckets}
        states[name] = state
    return _from_states(head, states)


def to_json(kept: Profile) -> str:
    """Profile as JSON text."""
    states = {name: column.state() for name, column in kept.columns.items()}
    return json.dumps({"version": _VERSION, "rows": kept.n_rows, "columns": states}, separators=(",", ":"))


def from_json(text: str) -> Profile:
    """Undo `to_json`."""
    head = json.loads(text)
    return _from_states(head, head["columns"])


def parquet_parts(path: str | Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Frames of at most 16,384 rows of a Parquet file, the first one empty (it has the types)."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
        yield file.schema_arrow.empty_table().to_pandas()
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=columns, use_threads=False):
            yield batch.to_pandas()


def profile_parquet(paths: str | Path | Iterable[str | Path], *, n_jobs: int = 1, **options: Any) -> Profile:
    """Profile of one or several Parquet files, their row groups shared among processes.

    Taught in lesson 9.1. The result does not depend on the number of processes.

    Parameters
    ----------
    paths : str, Path or iterable of those
        Files with the same columns.
    n_jobs : int, default=1
        Processes; with more than one, call it below ``if __name__ == "__main__":`` in a script.
    **options
        numeric, categorical, origin, max_categories and like, as in `mlhelpers.monitoring.profile`. Only the
        columns named are read.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If there is no file or `n_jobs` is below 1.
    """
    import pyarrow.parquet as pq

    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if not files or n_jobs < 1:
        raise ValueError(f"need at least one file and one process, got {len(files)} and {n_jobs}")
    groups = [
        (str(file), number) for file in files for number in range(pq.read_metadata(file).num_row_groups)
    ]
    shares = [groups[start::n_jobs] for start in range(min(n_jobs, len(groups)))] or [[]]
    first = str(files[0])
    if len(shares) == 1:
        return _profile_groups(first, shares[0], options)
    # spawn: a fork copies locks that another thread of this process may hold
    with ProcessPoolExecutor(len(shares), mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(_profile_groups, first, share, options) for share in shares]
        return reduce(add, [future.result() for future in waiting])


def profile_spark(frame: Any, **options: Any) -> Profile:
    """Profile of a Spark frame: each partition is profiled where it lies, and only the profiles travel.

    Taught in lesson 9.1.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        The rows.
    **options
        numeric, categorical, origin, max_categories and like, as in `mlhelpers.monitoring.profile`. Without
        names the types are those of an empty pandas frame of the same schema.

    Returns
    -------
    Profile
    """
    example = frame.limit(0).toPandas()
    ProfileBuilder(example, **options)  # refuses what cannot be profiled before any partition is read

    def of_partition(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        builder = ProfileBuilder(example, **options)
        for batch in batches:
            builder.add(batch)
        yield pd.DataFrame({"profile": [to_json(builder.result())]})

    texts = frame.mapInPandas(of_partition, "profile string").toLocalIterator()
    empty = ProfileBuilder(example, **options).result()
    return reduce(add, (from_json(row["profile"]) for row in texts), empty)


def _profile_groups(first: str, groups: list[tuple[str, int]], options: dict[str, Any]) -> Profile:
    import pyarrow.parquet as pq

    with pq.ParquetFile(first) as file:
        example = file.schema_arrow.empty_table().to_pandas()
    builder = ProfileBuilder(example, **options)
    columns = list(builder.result().columns)
    for path, number in groups:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
            reading = {"row_groups": [number], "columns": columns, "use_threads": False}
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, **reading):
                builder.add(batch.to_pandas())
    return builder.result()


def _from_states(head: dict[str, Any], states: dict[str, Any]) -> Profile:
    if head["version"] > _VERSION:
        raise ValueError(f"the profile has version {head['version']}, this code reads up to {_VERSION}")
    kinds = {"numeric": NumericProfile, "categorical": CategoryProfile}
    columns = {name: kinds[state["type"]].from_state(state) for name, state in states.items()}
    return Profile(head["rows"], columns)
