"""What must agree inside a report, and between a report and the run it is logged to.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlhelpers.validation.gates import Gate

if TYPE_CHECKING:
    from mlhelpers.validation.report.result import ValidationReport

_FROM_COUNTS = {
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "recall": lambda tp, fp, fn, tn: (tp, tp + fn),
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
}


def contradictions(report: ValidationReport) -> list[str]:
    """One sentence for each pair of parts that do not agree; empty for a report that may be used."""
    checks = (_metric_errors, _count_errors, _gate_errors, _group_errors)
    return [sentence for check in checks for sentence in check(report)]


def shown_beside_limit(value: float, limit: float, *, digits: int = 3) -> str:
    """Figure as text, with as many digits as it takes to stay on its side of a limit.

    Taught in lesson 5.5: 0.7996 beside a limit of 0.80 must not be shown as 0.80.

    Parameters
    ----------
    value, limit : float
        Figure and limit.
    digits : int, default=3
        Decimals where nothing is at stake.

    Returns
    -------
    str
    """
    if not math.isfinite(value):
        return str(value)
    side = np.sign(value - limit)
    for decimals in range(digits, 17):
        text = f"{value:.{decimals}f}"
        if np.sign(float(text) - limit) == side:
            return text
    return repr(float(value))


def require_same_identity(identity: Mapping[str, str], tags: Mapping[str, str], run_id: str) -> None:
    """Raise a ValueError unless the tags of a run hold the hashes of a report."""
    common = [name for name in identity if name in tags]
    if not common:
        raise ValueError(
            f"run {run_id} has none of the tags {', '.join(identity) or '(the report has no identity)'}; "
            "nothing shows that the report is about it"
        )
    for name in common:
        if identity[name] != tags[name]:
            raise ValueError(
                f"the report is not about run {run_id}: {name} is {identity[name][:12]} in the report, "
                f"{tags[name][:12]} in the run"
            )


def _metric_errors(report: ValidationReport) -> list[str]:
    wrong = []
    for row in report.metrics.itertuples():
        for name, value in (
            (row.metric, row.value),
            (f"{row.metric}_low", row.low),
            (f"{row.metric}_high", row.high),
        ):
            if not np.isclose(report.figures.get(name, np.nan), value, equal_nan=True, rtol=1e-9, atol=1e-12):
                wrong.append(
                    f"{name} is {value:.4g} in the metrics, {report.figures.get(name)} in the figures"
                )
    return wrong


def _count_errors(report: ValidationReport) -> list[str]:
    if report.confusion is None:
        return []
    (tn, fp), (fn, tp) = report.confusion.to_numpy().tolist()
    wrong = []
    if tn + fp + fn + tp != report.data.get("rows"):
        wrong.append(
            f"the confusion matrix holds {tn + fp + fn + tp} rows, the data {report.data.get('rows')}"
        )
    for name, rule in _FROM_COUNTS.items():
        top, bottom = rule(tp, fp, fn, tn)
        value = top / bottom if bottom else np.nan
        typed = report.figures.get(name, value)
        if not np.isclose(typed, value, equal_nan=True, rtol=1e-9, atol=1e-12):
            wrong.append(f"{name} is {typed:.4g}, the confusion matrix gives {value:.4g}")
    return wrong


def _gate_errors(report: ValidationReport) -> list[str]:
    if report.gates is None:
        return []
    wrong = []
    for row in report.gates.table.itertuples():
        value = report.figures.get(row.figure, np.nan)
        if not np.isclose(value, row.value, equal_nan=True, rtol=0, atol=0):
            wrong.append(f"the gate {row.figure} saw {row.value:.6g}, the figure is {value:.6g}")
        elif Gate(row.figure, row.rule, row.limit).passes(row.value) != row.passed:
            wrong.append(f"the gate {row.figure} is marked {'passed' if row.passed else 'failed'}")
    return wrong


def _group_errors(report: ValidationReport) -> list[str]:
    table = report.tables.get("fairness")
    if table is None:
        return []
    sums = table.groupby("by")["n"].sum()
    off = sums[sums != report.data.get("rows")]
    return [f"groups by {by} hold {n} rows, the data {report.data.get('rows')}" for by, n in off.items()]
