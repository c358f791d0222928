"""Stress cases for tables, with the perturbations of images and texts and the report of failures beside them.

Taught in lesson 5.3 (stress tests), with the test types of CheckList.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.stress.images import add_noise, blur, change_contrast, occlude, rotate
from mlhelpers.validation.stress.tables import (
    StressCase,
    failure_report,
    minimum_functionality_case,
    run_stress_cases,
)
from mlhelpers.validation.stress.text import change_case, lengthen, misspell, negate

__all__ = [
    "StressCase",
    "add_noise",
    "blur",
    "change_case",
    "change_contrast",
    "directional_case",
    "extreme_cases",
    "failure_report",
    "invariance_case",
    "lengthen",
    "minimum_functionality_case",
    "missing_cases",
    "misspell",
    "negate",
    "occlude",
    "rotate",
    "run_stress_cases",
    "tabular_cases",
    "unit_cases",
    "unseen_category_cases",
]


def missing_cases(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> list[StressCase]:
    """One case per column with all of its values missing.

    Taught in lesson 5.3.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change.
    columns : sequence of str, optional
        All without it.
    """
    names = list(frame.columns) if columns is None else list(columns)
    return [StressCase(f"{name} missing", "works", frame, _with(frame, name, np.nan)) for name in names]


def extreme_cases(
    frame: pd.DataFrame, numeric: Sequence[str], *, values: Sequence[float] = (-1e6, 0.0, 1e9)
) -> list[StressCase]:
    """One case per numeric column and extreme value.

    Taught in lesson 5.3.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change.
    numeric : sequence of str
        Columns to change.
    values : sequence of float, default=(-1e6, 0, 1e9)
        Put into all rows of the column, in the column's unit.
    """
    return [
        StressCase(f"{name} = {value:g}", "works", frame, _with(frame, name, float(value)))
        for name in numeric
        for value in values
    ]


def unseen_category_cases(
    frame: pd.DataFrame, categorical: Sequence[str], *, value: str = "never seen before"
) -> list[StressCase]:
    """One case per categorical column with a value that the model was not trained on.

    Taught in lesson 5.3.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change.
    categorical : sequence of str
        Columns to change.
    value : str
        The unseen value.
    """
    return [StressCase(f"{name} unseen", "works", frame, _with(frame, name, value)) for name in categorical]


def unit_cases(frame: pd.DataFrame, factors: Mapping[str, float]) -> list[StressCase]:
    """One case per column whose values arrive in another unit.

    Taught in lesson 5.3. The model survives; `max_change` says how wrong it is then.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change.
    factors : mapping of str to float
        Column and what its values are multiplied by, such as ``{"data_gb": 1024}`` for MB.
    """
    return [
        StressCase(f"{name} x {factor:g}", "works", frame, _with(frame, name, frame[name] * factor))
        for name, factor in factors.items()
    ]


def invariance_case(frame: pd.DataFrame, column: str, value: Any, *, tolerance: float = 1e-9) -> StressCase:
    """A change that must not move any prediction.

    Taught in lesson 5.3.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change.
    column : str
        Column that must not matter, such as ``sim_batch``.
    value : scalar or array-like of shape (n_rows,)
        Its new values.
    tolerance : float, default=1e-9
        In probability.
    """
    return StressCase(
        f"{column} changed", "invariant", frame, _with(frame, column, value), tolerance=tolerance
    )


def directional_case(
    frame: pd.DataFrame, column: str, step: float, *, direction: str = "increasing", tolerance: float = 1e-9
) -> StressCase:
    """A change that may move predictions one way only.

    Taught in lesson 5.3.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change.
    column : str
        Numeric column, such as ``late_payments_6m``.
    step : float
        Added to its values; missing ones stay missing.
    direction : {"increasing", "decreasing"}
        What the probability may do.
    tolerance : float, default=1e-9
        Move in the wrong direction that is not yet a failure, in probability.
    """
    sign = "+" if step >= 0 else "-"
    name = f"{column} {sign} {abs(step):g}"
    return StressCase(name, direction, frame, _with(frame, column, frame[column] + step), tolerance=tolerance)


def tabular_cases(
    frame: pd.DataFrame,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    units: Mapping[str, float] | None = None,
    invariant: Mapping[str, Any] | None = None,
    increasing: Mapping[str, float] | None = None,
    decreasing: Mapping[str, float] | None = None,
    tolerance: float = 1e-9,
) -> list[StressCase]:
    """All stress cases of this module for one frame.

    Taught in lesson 5.3.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Rows to change, a few hundred are enough.
    numeric, categorical : sequence of str
        Columns of the model: each goes missing, goes to extremes or gets an unseen category.
    units : mapping of str to float, optional
        See `unit_cases`.
    invariant : mapping of str to value, optional
        Column and its new value, see `invariance_case`.
    increasing, decreasing : mapping of str to float, optional
        Column and step, see `directional_case`.
    tolerance : float, default=1e-9
        Of the invariance and directional cases, in probability.

    Returns
    -------
    list of StressCase
    """
    cases = missing_cases(frame, [*numeric, *categorical])
    cases += extreme_cases(frame, numeric)
    cases += unseen_category_cases(frame, categorical)
    cases += unit_cases(frame, units or {})
    for column, value in (invariant or {}).items():
        cases.append(invariance_case(frame, column, value, tolerance=tolerance))
    for direction, steps in (("increasing", increasing), ("decreasing", decreasing)):
        for column, step in (steps or {}).items():
            cases.append(directional_case(frame, column, step, direction=direction, tolerance=tolerance))
    return cases


def _with(frame: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    require_unique_columns(frame)
    if column not in frame.columns:
        raise ValueError(f"no column {column!r} in the frame")
    return frame.assign(**{column: value})
