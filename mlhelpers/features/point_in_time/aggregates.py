"""Aggregates of what was known at a moment: each row sees its key's events before its own cutoff only.

Taught in lessons 3.3 (features from domain knowledge) and 3.5 (automated feature pipelines).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.base import numbers, position
from mlhelpers.features.point_in_time.spans import (
    span_deviations,
    span_last,
    span_maxima,
    span_minima,
    span_sums,
)

__all__ = ["FUNCTIONS", "point_in_time_aggregates"]

FUNCTIONS = ("count", "sum", "mean", "min", "max", "std", "last", "since_last")
_DAY = 86_400_000_000_000  # in nanoseconds


def point_in_time_aggregates(
    events: pd.DataFrame,
    cutoffs: pd.DataFrame,
    *,
    key: str,
    time: str,
    cutoff: str,
    values: Mapping[str, str | Sequence[str]],
    windows: Sequence[Any] = (None,),
    include_cutoff: bool = False,
) -> pd.DataFrame:
    """Aggregate, for each row of `cutoffs`, the events of its key before its cutoff.

    Taught in lessons 3.3 and 3.5. Nothing at or after the cutoff can change a row. The time taken grows with
    n log n of events and rows, the memory with their number.

    Parameters
    ----------
    events : DataFrame of shape (n_events, n_columns)
        One row an event, in any order. Among events of one key and one time the later row is the last one.
    cutoffs : DataFrame of shape (n_rows, n_columns)
        One row a prediction.
    key : str
        Column of both frames that says whose event it is (customer, card).
    time : str
        Column of `events` with its time: dates and times, or numbers of any unit.
    cutoff : str
        Column of `cutoffs` with the moment of prediction, of the same kind as `time`.
    values : mapping of str to str or sequence of str
        Functions by column of `events`: "count" (values that are not missing), "sum" (0 without a value),
        "mean", "min", "max", "std" (divisor n - 1), "last", "since_last" (from the last value to the cutoff,
        in days, or in the unit of numeric times). Missing values are skipped as pandas does. The column
        `time` itself takes "count" and "since_last", which are then of the events.
    windows : sequence, default=(None,)
        How far to look back: None for all history, "30D" or a Timedelta, a number for numeric times.
    include_cutoff : bool, default=False
        False looks at ``cutoff - window <= time < cutoff``, True at ``cutoff - window < time <= cutoff``.
        The latter is what Featuretools does unless told otherwise.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        Index of `cutoffs`; columns ``{column}_{function}_{window}``, such as ``amount_sum_30D`` and
        ``amount_sum_all``. Counts are whole numbers; a row without events has count and sum 0, NaN elsewhere.

    Raises
    ------
    ValueError
        If a column, function or window is not known, a value is no number, or a key or time is missing.
    TypeError
        If `time`, `cutoff` and the windows are not all dates or all numbers, or the keys are text in one
        frame and numbers in the other.

    Notes
    -----
    Other values from the cutoff on change not one bit of a row. More or fewer events there may group the
    additions of "sum", "mean" and "std" anew, which changes their last digit. "last" skips a missing value;
    the primitive of that name in Featuretools does not.
    """
    log = _sorted_log(events, key, time, values)
    return pd.DataFrame(
        _aggregates(log, cutoffs, key, cutoff, values, windows, include_cutoff), index=cutoffs.index
    )


def _checked_values(values: Mapping[Any, Any], time: Any) -> dict[Any, tuple[str, ...]]:
    checked = {name: (kinds,) if isinstance(kinds, str) else tuple(kinds) for name, kinds in values.items()}
    for name, kinds in checked.items():
        allowed = ("count", "since_last") if name == time else FUNCTIONS
        for kind in kinds:
            if kind not in allowed:
                raise ValueError(
                    f"values[{name!r}]: no function {kind!r} for this column; use {', '.join(allowed)}"
                )
    return checked


def _moments(frame: pd.DataFrame, name: Any, parameter: str) -> tuple[np.ndarray, str]:
    """Times as int64 nanoseconds or as float64, and what they are: dates or numbers."""
    place = position(frame, name, parameter)
    column = frame.iloc[:, place].infer_objects()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        kind, known = "dates with a time zone", column.dt.tz_convert("UTC").dt.tz_localize(None)
    elif pd.api.types.is_datetime64_dtype(column.dtype):
        kind, known = "dates", column
    elif pd.api.types.infer_dtype(column) == "string":
        raise TypeError(f"column {name!r} holds text; turn it into times with pd.to_datetime first")
    else:
        kind, known = "numbers", pd.Series(numbers(frame, place), index=frame.index)
    gaps = known.isna().to_numpy()
    if gaps.any():
        row = frame.index[gaps.argmax()]
        raise ValueError(
            f"column {name!r} has no time (NaN) in row {row!r}, {gaps.sum()} row(s) in all; drop or fill them"
        )
    return (known.to_numpy() if kind == "numbers" else known.to_numpy("datetime64[ns]").view(np.int64)), kind


def _keys(frame: pd.DataFrame, key: Any) -> pd.Index:
    place = position(frame, key, "key")
    column = frame.iloc[:, place].infer_objects()
    gaps = column.isna().to_numpy()
    if gaps.any():
        row = frame.index[gaps.argmax()]
        raise ValueError(
            f"column {key!r} has no key (NaN) in row {row!r}, {gaps.sum()} row(s) in all; drop or fill them"
        )
    if pd.api.types.is_float_dtype(column.dtype):
        return pd.Index(numbers(frame, place))
    return pd.Index(np.asarray(column)).infer_objects()


def _codes(keys: pd.Index, name: Any) -> tuple[np.ndarray, pd.Index]:
    try:
        return pd.factorize(keys)
    except TypeError as error:
        raise TypeError(
            f"column {name!r}: a key as argument must be a string or a number: {error}"
        ) from error


def _sorted_log(events: pd.DataFrame, key: Any, time: Any, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Events sorted by key and time, and one whole number for both, so that one search finds both."""
    checked = _checked_values(values, time)
    times, kind = _moments(events, time, "time")
    codes, levels = _codes(_keys(events, key), key)
    moments, ranks = np.unique(times, return_inverse=True)
    places = codes * np.int64(len(moments) + 1) + ranks
    order = np.argsort(places, kind="stable")
    return {
        "kind": kind,
        "levels": np.asarray(levels),
        "moments": moments,
        "places": places[order],
        "times": times[order],
        "values": {
            name: numbers(events, position(events, name, "values"))[order] for name in checked if name != time
        },
        "time": time,
    }


def _steps(windows: Sequence[Any], kind: str) -> dict[str, Any]:
    """Length of each window in the unit of the times, by its name."""
    if isinstance(windows, str) or not isinstance(windows, Sequence):
        raise TypeError(f"windows: give a list, [{windows!r}], not {windows!r} alone")
    steps: dict[str, Any] = {}
    for window in windows:
        is_number = isinstance(window, int | float | np.number) and not isinstance(window, bool)
        if window is None:
            name, step = "all", None
        elif kind == "numbers" and is_number:
            name, step = f"{window:g}", float(window)
        elif kind != "numbers" and not is_number:
            delta = pd.Timedelta(window)
            whole = delta % pd.Timedelta(1, "D") == pd.Timedelta(0)
            name = window if isinstance(window, str) else f"{delta.days}D" if whole else str(delta)
            step = delta.value
        else:
            raise TypeError(f"windows: {window!r} does not fit times that are {kind}")
        if step is not None and not step > 0:
            raise ValueError(f"windows: {window!r} must be longer than 0")
        if name in steps:
            raise ValueError(f"windows: {name!r} is given twice")
        steps[name] = step
    return steps


def _names(values: Mapping[Any, Any], windows: Sequence[Any], time: Any, kind: str) -> list[str]:
    checked = _checked_values(values, time)
    return [
        f"{name}_{f}_{w}" for w in _steps(windows, kind) for name, kinds in checked.items() for f in kinds
    ]


def _aggregates(
    log: dict[str, Any],
    rows: pd.DataFrame,
    key: Any,
    cutoff: Any,
    values: Mapping[Any, Any],
    windows: Sequence[Any],
    include_cutoff: bool,
) -> dict[str, np.ndarray]:
    now, kind = _moments(rows, cutoff, "cutoff")
    if kind != log["kind"]:
        raise TypeError(
            f"cutoff {cutoff!r} holds {kind}, the events' times are {log['kind']}; make them alike"
        )
    levels, keys = pd.Index(log["levels"]), _keys(rows, key)
    if len(levels) and pd.api.types.is_numeric_dtype(levels) != pd.api.types.is_numeric_dtype(keys):
        raise TypeError(
            f"column {key!r} holds {keys.dtype} here and {levels.dtype} in the events; make them alike"
        )
    codes = levels.get_indexer(keys)
    side = "right" if include_cutoff else "left"
    n_moments = np.int64(len(log["moments"]) + 1)

    def place(when: np.ndarray | None) -> np.ndarray:
        rank = 0 if when is None else np.searchsorted(log["moments"], when, side=side)
        found = np.searchsorted(log["places"], codes * n_moments + rank)
        return np.where(codes < 0, 0, found)  # a key without events: the empty span at 0

    stop, out = place(now), {}
    for window, step in _steps(windows, kind).items():
        start = place(None if step is None else now - step)
        for name, kinds in _checked_values(values, log["time"]).items():
            found = _of_spans(log, name, kinds, start, stop, now)
            out |= {f"{name}_{function}_{window}": found[function] for function in kinds}
    return out


def _of_spans(
    log: dict[str, Any], name: Any, kinds: Sequence[str], start: np.ndarray, stop: np.ndarray, now: np.ndarray
) -> dict[str, np.ndarray]:
    """The asked aggregates of one column over the spans."""
    column = log["values"].get(name)
    known = np.ones(len(log["times"]), dtype=bool) if column is None else ~np.isnan(column)
    counted = np.concatenate([[0], np.cumsum(known)])
    count = counted[stop] - counted[start]
    found: dict[str, np.ndarray] = {"count": count}
    if {"sum", "mean"} & set(kinds):
        found["sum"] = span_sums(column, start, stop)
        found["mean"] = np.where(count > 0, found["sum"] / np.maximum(count, 1), np.nan)
    if "min" in kinds:
        found["min"] = np.where(count > 0, span_minima(column, start, stop), np.nan)
    if "max" in kinds:
        found["max"] = np.where(count > 0, span_maxima(column, start, stop), np.nan)
    if "std" in kinds:
        found["std"] = span_deviations(column, start, stop)
    if {"last", "since_last"} & set(kinds):
        last = span_last(known, start, stop)
        if "last" in kinds:
            found["last"] = np.append(column, np.nan)[last]  # place -1 is the NaN at the end
        if "since_last" in kinds:
            unit = 1 if log["kind"] == "numbers" else _DAY
            since = (now - np.append(log["times"], 0)[last]) / unit
            found["since_last"] = np.where(last < 0, np.nan, since)
    return found
