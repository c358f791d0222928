"""Profiles on disk, and profiles of what is too large for one process: Parquet files and Spark frames.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pandas as pd

from mlhelpers.data.hashing import write_atomically
from mlhelpers.monitoring.profiles.categories import CategoryProfile
from mlhelpers.monitoring.profiles.frames import Profile, ProfileBuilder
from mlhelpers.monitoring.profiles.numbers import NumericProfile

__all__ = ["load_profile", "parquet_parts", "profile_parquet", "profile_spark", "save_profile"]

_VERSION = 1
_ROWS = 1 << 14
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
        for batch in file.iter_batches(batch_size=_ROWS, columns=columns, use_threads=False):
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
            for batch in file.iter_batches(batch_size=_ROWS, **reading):
                builder.add(batch.to_pandas())
    return builder.result()


def _from_states(head: dict[str, Any], states: dict[str, Any]) -> Profile:
    if head["version"] > _VERSION:
        raise ValueError(f"the profile has version {head['version']}, this code reads up to {_VERSION}")
    kinds = {"numeric": NumericProfile, "categorical": CategoryProfile}
    columns = {name: kinds[state["type"]].from_state(state) for name, state in states.items()}
    return Profile(head["rows"], columns)
