"""Stress cases of any input: what is expected of the predictions, and how often it fails, with an interval.

Taught in lesson 5.3 (stress tests), with the test types of CheckList.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.metrics import wilson_interval
from mlhelpers.validation.metrics.rules import in_dtype_of

_KINDS = ("works", "correct", "invariant", "increasing", "decreasing")


@dataclass(frozen=True)
class StressCase:
    """Changed rows and what is expected of the predictions on them.

    Attributes
    ----------
    name : str
        Shown in the table.
    kind : str
        "works": a probability comes out. "correct": it is on the expected side of 0.5. "invariant": it equals
        the one of the original row. "increasing", "decreasing": it is not below, not above the one of the
        original row.
    original, changed : DataFrame, array or list of text, of n_rows
        The rows before and after the change, in the same order.
    tolerance : float
        Difference in probability that is not yet a failure.
    expected : array-like of shape (n_rows,), optional
        Labels 0 and 1, for the kind "correct".
    """

    name: str
    kind: str
    original: Any = field(repr=False)
    changed: Any = field(repr=False)
    tolerance: float = 1e-9
    expected: Any = field(default=None, repr=False)

    def __post_init__(self):
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {self.kind!r}")
        for side, rows in (("original", self.original), ("changed", self.changed)):
            if isinstance(rows, pd.DataFrame):
                require_unique_columns(rows, f"case {self.name!r}, {side}")
        if len(self.original) != len(self.changed) or not len(self.original):
            raise ValueError(f"case {self.name!r}: original and changed need the same rows, at least one")
        if self.kind == "correct" and (self.expected is None or len(self.expected) != len(self.changed)):
            raise ValueError(f"case {self.name!r}: the kind 'correct' needs one expected label per row")


def run_stress_cases(
    predict: Callable[[Any], Any], cases: Iterable[StressCase], *, limit: float = 0.0
) -> pd.DataFrame:
    """Run a model through stress cases.

    Taught in lesson 5.3.

    Parameters
    ----------
    predict : callable
        From rows to probabilities of shape (n_rows,), such as ``bundle.predict``. A function that returns
        decisions, 0 and 1, turns an invariance case into a count of flipped decisions.
    cases : iterable of StressCase
        For example from `tabular_cases`.
    limit : float, default=0.0
        Share of rows that may fail before the case does.

    Returns
    -------
    DataFrame
        Columns case, kind, n, failures, failure_rate, max_change (largest move of a probability, NaN if none
        came out), passed, error (of the model, empty if none).
    """
    rows = []
    before: dict[int, np.ndarray] = {}
    for case in cases:
        key = id(case.original)
        if case.kind == "correct":
            rows.append(_run(predict, case, np.full(len(case.changed), np.nan), limit))
            continue
        if key not in before:
            before[key] = np.asarray(predict(case.original), dtype=float)
        rows.append(_run(predict, case, before[key], limit))
    if not rows:
        raise ValueError("no stress cases; nothing would be tested")
    return pd.DataFrame(rows)


def _run(predict: Callable, case: StressCase, before: np.ndarray, limit: float) -> dict[str, Any]:
    error, after = "", np.full(len(case.changed), np.nan)
    change, valid = after.copy(), np.zeros(len(case.changed), dtype=bool)
    tolerance, compared = case.tolerance, change
    try:
        given = np.asarray(predict(case.changed))
        found = given.astype(float)
        if found.shape != before.shape:
            raise ValueError(f"predictions of shape {found.shape} for {len(before)} rows")
        after = found
        valid = (after >= 0) & (after <= 1)
        change = compared = np.where(valid, after - before, np.nan)
        if given.dtype.kind == "f":  # a move is held against the tolerance in the predictions' precision
            tolerance, compared = in_dtype_of(given, tolerance), change.astype(given.dtype).astype(float)
    except Exception as problem:  # noqa: BLE001 - whatever the model raises is the finding
        error = f"{type(problem).__name__}: {problem}"
    kept = {
        "works": valid,
        "correct": valid & ((after >= 0.5) == _expected(case)),
        "invariant": np.abs(compared) <= tolerance,
        "increasing": compared >= -tolerance,
        "decreasing": compared <= tolerance,
    }[case.kind]
    failures, n = int((~kept).sum()), len(kept)
    moved = float(np.nanmax(np.abs(change))) if not np.isnan(change).all() else np.nan
    return {
        "case": case.name,
        "kind": case.kind,
        "n": n,
        "failures": failures,
        "failure_rate": failures / n,
        "max_change": moved,
        "passed": failures / n <= limit,
        "error": error,
    }


def _expected(case: StressCase) -> np.ndarray:
    return np.asarray(case.expected if case.expected is not None else np.zeros(len(case.changed))) == 1


def minimum_functionality_case(name: str, rows: Any, expected: Any) -> StressCase:
    """Easy rows with a known answer that any useful model gets right.

    Taught in lesson 5.3.

    Parameters
    ----------
    name : str
        The one ability that the rows ask for, such as "simple negation".
    rows : DataFrame, array or list of text, of n_rows
        Written by hand or by a template; labels need no data set.
    expected : 0, 1 or array-like of shape (n_rows,)
        The right label of all rows or of each.
    """
    labels = np.full(len(rows), expected) if np.ndim(expected) == 0 else np.asarray(expected)
    if not np.isin(labels, [0, 1]).all():
        raise ValueError(f"case {name!r}: expected labels must be 0 or 1")
    return StressCase(name, "correct", rows, rows, expected=labels)


def failure_report(failures: pd.DataFrame | Mapping[str, Any], *, level: float = 0.95) -> pd.DataFrame:
    """Failure rate of each case with its Wilson interval, the worst first.

    Taught in lesson 5.3.

    Parameters
    ----------
    failures : DataFrame or mapping of str to array-like of bool
        The table of `run_stress_cases`, or for each case one value per row: True where it failed.
    level : float, default=0.95
        Coverage of the intervals. A case without a failure still has an upper bound.

    Returns
    -------
    DataFrame
        Columns case, n, failures, failure_rate, low, high, ordered by failure rate; a table keeps its kind.

    Raises
    ------
    ValueError
        If there is no case, or one without rows.
    """
    if isinstance(failures, pd.DataFrame):
        require_unique_columns(failures, "failures")
        table = failures[[name for name in ("case", "kind", "n", "failures") if name in failures]].copy()
    else:
        flags = {name: np.asarray(values, dtype=bool).ravel() for name, values in failures.items()}
        table = pd.DataFrame(
            {
                "case": list(flags),
                "n": [len(f) for f in flags.values()],
                "failures": [f.sum() for f in flags.values()],
            }
        )
    if table.empty or (table["n"] == 0).any():
        raise ValueError("a report needs at least one case, and each case at least one row")
    table["failure_rate"] = table["failures"] / table["n"]
    table["low"], table["high"] = wilson_interval(table["failures"], table["n"], level=level)
    return table.sort_values("failure_rate", ascending=False, kind="stable", ignore_index=True)
