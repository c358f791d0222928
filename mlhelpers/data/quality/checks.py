"""The checks of the quality report on one column or between tables: accuracy, timeliness, uniqueness.

Used by the quality report of lesson 2.4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlhelpers.data.contracts.values import as_numbers, date_limit, kind_of_values, plain_values
from mlhelpers.data.iso_dates import read_iso_dates
from mlhelpers.data.quality.result import CheckResult, result_of
from mlhelpers.data.quality.rules import require_columns
from mlhelpers.data.quality.validity import Column

__all__ = ["agreement", "plausible", "repeated_rows", "timeliness", "uniqueness"]


def plausible(column: Column, name: str, fence: float, max_rows: int | None) -> list[CheckResult]:
    """Accuracy without a reference: numbers within so many interquartile ranges of the quartiles."""
    values = as_numbers(column.values).to_numpy(dtype=np.float64)
    finite = np.isfinite(values)
    known = values if finite.all() else values[finite]
    if not known.size:
        return []
    low, high = _quartiles(known)
    if not low < high:
        return []
    lower, upper = low - fence * (high - low), high + fence * (high - low)
    note = f"plausible {lower:.6g} to {upper:.6g}"
    tested = len(values) - np.count_nonzero(np.isnan(values))
    inside = known.size == tested and known.min() >= lower and known.max() <= upper
    outside = np.zeros(0, dtype=bool) if inside else (values < lower) | (values > upper)
    return [result_of("accuracy", f"{name} is implausible", tested, outside, max_rows, note)]


def _quartiles(known: np.ndarray) -> tuple[float, float]:
    """Lower and upper quartile as numpy.quantile has them; large arrays are narrowed by a sample first."""
    size = known.size
    if size < 100_000:
        return tuple(np.quantile(known, [0.25, 0.75]))
    sample = np.sort(known[:: size // 20_000])
    found = []
    for level in (0.25, 0.75):
        place = level * (size - 1)
        at, spread = int(level * len(sample)), len(sample) // 50
        low, high = sample[at - spread], sample[at + spread]
        below = np.count_nonzero(known < low)
        middle = known[(known >= low) & (known <= high)]
        rank = int(place) - below
        if not 0 <= rank < middle.size - 1:  # the sample was misleading, as in sorted data
            return tuple(np.quantile(known, [0.25, 0.75]))
        first, second = np.partition(middle, [rank, rank + 1])[rank : rank + 2]
        found.append(first + (second - first) * (place - int(place)))
    return found[0], found[1]


def agreement(
    frame: pd.DataFrame, reference: pd.DataFrame, keys: list[str], tolerance: float, max_rows: int | None
) -> list[CheckResult]:
    """Accuracy against a reference: cells that both tables know and that differ.

    Raises
    ------
    ValueError
        If the reference lacks the key, repeats one, or has no other column of the frame.
    """
    require_columns(reference, keys, "reference")
    shared = [name for name in reference.columns if name in frame.columns and name not in keys]
    if not shared:
        raise ValueError("the reference shares no column with the frame besides the key")
    for name in keys:
        mine, theirs = (kind_of_values(plain_values(part[name])) for part in (frame, reference))
        if mine != theirs and frame[name].notna().any() and reference[name].notna().any():
            raise ValueError(
                f"key {name!r} is {mine or 'mixed'} in the frame and {theirs or 'mixed'} in the reference; "
                "no row would be found: bring both to one type"
            )
    index = pd.MultiIndex.from_frame(reference[keys]) if len(keys) > 1 else pd.Index(reference[keys[0]])
    if not index.is_unique:
        raise ValueError(
            f"the reference repeats the key {index[index.duplicated()][0]!r}; keep one row a key"
        )
    wanted = pd.MultiIndex.from_frame(frame[keys]) if len(keys) > 1 else pd.Index(frame[keys[0]])
    place = index.get_indexer(wanted)
    results = []
    for name in shared:
        true, here = reference[name].iloc[place].reset_index(drop=True), frame[name].reset_index(drop=True)
        try:
            wrong, here = _differences(here, true, tolerance)
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {name!r} cannot be compared with the reference: {error}") from error
        both = (here.notna() & true.notna()).to_numpy() & (place >= 0)
        results.append(result_of("accuracy", f"{name} differs", both.sum(), wrong & both, max_rows))
    return results


def _differences(here: pd.Series, true: pd.Series, tolerance: float) -> tuple[np.ndarray, pd.Series]:
    """Where two columns differ, gaps aside, and the first one as it was read for that."""
    true = plain_values(true)
    if pd.api.types.is_datetime64_any_dtype(true.dtype):
        here = read_iso_dates(here)
        if (here.dt.tz is None) != (true.dt.tz is None):
            raise ValueError("one has a time zone and the other has none; give both one or none")
        return (here != true).to_numpy(bool), here
    if true.dtype.kind in "iuf":
        here = as_numbers(here)
        mine, theirs = here.to_numpy(np.float64), true.to_numpy(np.float64)
        with np.errstate(invalid="ignore"):
            far = np.abs(mine - theirs) > tolerance * np.maximum(np.abs(theirs), 1)
        return far | (np.isinf(theirs) & (mine != theirs)), here
    here = plain_values(here)
    pairs = zip(here.astype(object), true.astype(object), strict=True)
    return np.array([bool(mine != theirs) for mine, theirs in pairs], dtype=bool), here


def timeliness(
    values: pd.Series, name: str, age: float | None, as_of: pd.Timestamp, max_rows: int | None
) -> list[CheckResult]:
    """Dates after the report date, and dates older than `age` days."""
    try:
        values = read_iso_dates(values)
        as_of = date_limit(as_of, values)
    except ValueError as error:
        raise ValueError(f"dates: column {name!r}: {error}") from error
    known = int(values.notna().sum())
    newest = values.max()
    note = f"newest {newest.date()}, {(as_of - newest).days} days before" if known else "no date can be read"
    late = (values > as_of).to_numpy()
    results = [result_of("timeliness", f"{name} is after {as_of.date()}", known, late, max_rows, note)]
    if age is not None:
        old = (values < as_of - pd.Timedelta(days=age)).to_numpy()
        results.append(result_of("timeliness", f"{name} is older than {age:g} days", known, old, max_rows))
    return results


def uniqueness(
    frame: pd.DataFrame, keys: list[str], unique: list[str], max_rows: int | None
) -> tuple[np.ndarray, list[CheckResult]]:
    """Rows that fail any check of uniqueness, and the checks: repeated keys and repeated rows."""
    repeated, results, among = np.zeros(len(frame), dtype=bool), [], None
    for columns in ([keys] if keys else []) + [[name] for name in unique]:
        values = frame[columns[0]] if len(columns) == 1 else frame[columns]
        again = values.duplicated()
        if columns == keys and len(keys) == 1:  # only rows that share a key can be the same row
            among = np.flatnonzero(values.isin(values[again])) if again.any() else np.zeros(0, dtype=np.int64)
        again = again.to_numpy()
        if again.any():
            again &= frame[columns].notna().all(axis=1).to_numpy()
        label = f"key {', '.join(map(str, columns))} repeats"
        results.append(result_of("uniqueness", label, len(frame), again, max_rows))
        repeated |= again
    again = repeated_rows(frame, among=among)
    results.append(result_of("uniqueness", "the whole row repeats", len(frame), again, max_rows))
    return repeated | again, results


def repeated_rows(frame: pd.DataFrame, *, among: np.ndarray | None = None) -> np.ndarray:
    """Rows that equal an earlier row in all columns, as ``frame.duplicated()`` finds them.

    Used in lesson 2.4. A row that equals another does so in every column, so we go column by column and keep
    only rows whose value occurs again; few are left to be compared in full.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    among : ndarray of int, optional
        Ascending positions of the only rows that can equal each other; default is all.

    Returns
    -------
    ndarray of bool of shape (n_rows,)

    Raises
    ------
    TypeError
        If a column holds values that cannot be compared, such as lists.
    """
    rows = np.arange(len(frame)) if among is None else among
    for name in sorted(frame.columns, key=lambda name: frame[name].dtype.kind != "f"):
        if len(rows) * 50 <= len(frame):
            break
        values = frame[name].iloc[rows]
        try:
            if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "mixed":
                pd.factorize(values)  # raises for lists, which `duplicated` compares wrongly without a word
            again = values.duplicated()
            if not again.any():
                return np.zeros(len(frame), dtype=bool)
            if again.mean() < 0.5:  # otherwise the column tells few rows apart
                rows = rows[values.isin(values[again]).to_numpy()]
        except TypeError as error:
            raise TypeError(f"column {name!r} holds values that cannot be compared: {error}") from error
    found = np.zeros(len(frame), dtype=bool)
    if len(rows):
        found[rows[frame.iloc[rows].duplicated().to_numpy()]] = True
    return found
