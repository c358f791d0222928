"""Data quality: a scored report with the failing rows, rules, Little's test, imputations compared.

Taught in lesson 2.4 (data quality and missing data).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.contracts import Contract
from mlhelpers.data.contracts.schema import rules_applied
from mlhelpers.data.frames import as_columns, require_unique_columns
from mlhelpers.data.quality.checks import agreement, plausible, repeated_rows, timeliness, uniqueness
from mlhelpers.data.quality.result import DIMENSIONS, CheckResult, QualityReport, result_of
from mlhelpers.data.quality.rules import Check, Compare, Implies, Present, Rule, require_columns
from mlhelpers.data.quality.validity import Column, broken_rules, value_rules

_LATER = {
    "McarTest": "quality_mcar",
    "little_mcar_test": "quality_mcar",
    "ImputationComparison": "quality_imputation",
    "STRATEGIES": "quality_imputation",
    "compare_imputations": "quality_imputation",
}
__all__ = [  # noqa: F822  (some are loaded on first use)
    "DIMENSIONS",
    "STRATEGIES",
    "Check",
    "CheckResult",
    "Compare",
    "Implies",
    "ImputationComparison",
    "McarTest",
    "Present",
    "QualityReport",
    "Rule",
    "broken_rules",
    "compare_imputations",
    "little_mcar_test",
    "quality_report",
    "repeated_rows",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__package__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def quality_report(
    frame: pd.DataFrame,
    *,
    contract: Contract | None = None,
    key: str | Sequence[str] | None = None,
    rules: Sequence[Rule] = (),
    dates: Mapping[str, float | None] | None = None,
    as_of: str | pd.Timestamp | None = None,
    reference: pd.DataFrame | None = None,
    optional: Sequence[str] = (),
    tolerance: float = 1e-9,
    fence: float = 3.0,
    max_rows: int | None = 20,
) -> QualityReport:
    """Score a table on six dimensions and list the rows behind every figure.

    Taught in lesson 2.4. A dimension that nothing was declared for is not judged (NaN), never assumed good.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    contract : Contract, optional
        For validity: type, range, choices and form of each column. Its columns must be those of `frame`.
    key : str or sequence of str, optional
        Columns that name a row: for uniqueness, and to find the row of `reference`.
    rules : sequence of Compare, Present, Implies, Check
        For consistency: rules across columns.
    dates : mapping of str to number or None, optional
        For timeliness: columns of dates and the largest age in days, None for any age.
    as_of : date, optional
        Report date that ages are counted to; wanted with `dates`.
    reference : DataFrame, optional
        For accuracy: the true values of some columns, one row a key. Without it numbers are judged by
        plausibility.
    optional : sequence of str, default=()
        Columns whose gaps mean that there is nothing to know, such as the date of an order never placed.
    tolerance : float, default=1e-9
        Relative difference up to which a number agrees with the reference.
    fence : float, default=3.0
        A number is plausible within so many interquartile ranges of the quartiles; columns with at least half
        of their values in one point (range 0) are not judged.
    max_rows : int or None, default=20
        Failing rows listed per check; None for all. Totals always count all.

    Returns
    -------
    QualityReport

    Raises
    ------
    ContractError
        If `frame` lacks columns of the contract or has others.
    ValueError
        If `frame` has no rows, a named column is not there, `as_of` is missing, or the reference has no key,
        repeats one, or holds a column as another type (text against numbers, dates without a zone) than
        `frame`.
    TypeError
        If `frame` is not a DataFrame, or holds values that cannot be compared.

    References
    ----------
    .. [1] DAMA UK, "The six primary dimensions for data quality assessment", 2013.
    """
    _check_arguments(frame, optional, dates, as_of, reference, key)
    if contract is not None:
        contract.check_columns(frame)
    keys = as_columns(key)
    require_columns(frame, keys, "key")
    numbers = _numeric_columns(frame, contract)
    checks: list[CheckResult] = []
    notes: dict[str, str] = {}
    for name in frame.columns:  # one column at a time, so that little memory is taken
        column = Column(frame[name])
        if contract is not None:
            checks += _validity(column, contract, name, max_rows)
        if name not in optional:
            checks.append(result_of("completeness", f"{name} is missing", len(frame), column.gaps, max_rows))
        if reference is None and name in numbers and name not in keys:
            checks += plausible(column, str(name), fence, max_rows)
    if reference is not None:
        checks += agreement(frame, reference, keys, tolerance, max_rows)
    notes["accuracy"] = (
        "against the reference" if reference is not None else f"plausible within {fence:g} IQR"
    )
    for rule in rules:
        require_columns(frame, rule.columns, f"rule {rule.name!r}")
        tested, passed = rule.test(frame)
        checks.append(result_of("consistency", rule.name, tested.sum(), tested & ~passed, max_rows))
    for name, age in (dates or {}).items():
        checks += timeliness(frame[name], str(name), age, pd.Timestamp(as_of), max_rows)
    unique = [] if contract is None else [name for name, rule in contract.columns.items() if rule.unique]
    repeated, found = uniqueness(frame, keys, [name for name in unique if [name] != keys], max_rows)
    order = list(DIMENSIONS)
    checks = sorted([*checks, *found], key=lambda check: order.index(check.dimension))
    if contract is None:
        notes["validity"] = "no contract given"
    if not rules:
        notes["consistency"] = "no rules given"
    if not dates:
        notes["timeliness"] = "no dates given"
    return QualityReport(len(frame), frame.shape[1], tuple(checks), notes, int(repeated.sum()))


def _check_arguments(frame, optional, dates, as_of, reference, key) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}")
    if frame.empty:
        raise ValueError("the frame has no rows or no columns, so there is nothing to score")
    require_unique_columns(frame)
    if reference is not None:
        require_unique_columns(reference, "the reference")
    require_columns(frame, list(optional), "optional")
    require_columns(frame, list(dates or ()), "dates")
    if dates and as_of is None:
        raise ValueError("dates needs as_of, the day that ages are counted to")
    if reference is not None and key is None:
        raise ValueError("reference needs key, the columns that name a row in both tables")


def _numeric_columns(frame: pd.DataFrame, contract: Contract | None) -> set[str]:
    rules = {} if contract is None else contract.columns
    return {
        name
        for name, dtype in frame.dtypes.items()
        if (name in rules and rules[name].type in ("integer", "number"))
        or (
            name not in rules
            and pd.api.types.is_numeric_dtype(dtype)
            and not pd.api.types.is_bool_dtype(dtype)
        )
    }


def _validity(column: Column, contract: Contract, name: Any, max_rows: int | None) -> list[CheckResult]:
    with rules_applied(contract.name, name):
        broken = {label: rows for label, rows in value_rules(column, contract.columns[name]) if rows.any()}
    known = len(column.values) - np.count_nonzero(column.gaps)
    if len(broken) < 2:
        label, rows = next(iter(broken.items()), ("keeps the contract", np.zeros(0, dtype=bool)))
        return [result_of("validity", f"{name} {label}", known, rows, max_rows)]
    # A cell that breaks two rules is one invalid cell: it counts for the first.
    results, seen = [], np.zeros(len(column.values), dtype=bool)
    for label, rows in broken.items():
        results.append(
            result_of("validity", f"{name} {label}", 0 if results else known, rows & ~seen, max_rows)
        )
        seen |= rows
    return results
