"""Limits that figures must keep before a model may go on.

Taught in lessons 2.1 (success criteria) and 8.2 (automated validation).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from mlhelpers.validation.metrics.rules import in_dtype_of


@dataclass(frozen=True)
class Gate:
    """One limit: a figure must be at least, or at most, a number.

    Attributes
    ----------
    figure : str
        Name of the figure.
    rule : str
        "min" or "max".
    limit : float
        The number; itself allowed.
    """

    figure: str
    rule: str
    limit: float

    def passes(self, value: float) -> bool:
        """Whether the value keeps the limit, in the value's own precision; NaN never does."""
        limit = in_dtype_of(value, self.limit)
        return bool(value >= limit if self.rule == "min" else value <= limit)


@dataclass(frozen=True)
class GateReport:
    """What became of each gate.

    Attributes
    ----------
    table : DataFrame
        Columns figure, value, rule, limit, passed.
    """

    table: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return bool(self.table["passed"].all())

    @property
    def failures(self) -> list[str]:
        """One sentence per gate that failed."""
        failed = self.table[~self.table["passed"]]
        words = {"min": "below the minimum", "max": "above the maximum"}
        return [
            f"{row.figure} is {row.value:.4g}, {words[row.rule]} of {row.limit:g}"
            if math.isfinite(row.value)
            else f"{row.figure} is {row.value}, not a number that {row.rule} {row.limit:g} could judge"
            for row in failed.itertuples()
        ]

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return "passed" if self.passed else "failed: " + "; ".join(self.failures)

    def _repr_html_(self) -> str:
        return f"<p><b>{'passed' if self.passed else 'failed'}</b></p>{self.table.to_html(index=False)}"


def check_gates(
    figures: Mapping[str, float], rules: Mapping[str, Mapping[str, float]] | Iterable[Gate]
) -> GateReport:
    """Compare figures with limits.

    Taught in lesson 8.2.

    Parameters
    ----------
    figures : mapping of str to float
        What was measured, by name.
    rules : mapping of str to mapping, or iterable of Gate
        As in notebooks/criteria.yml: ``{"auc_low": {"min": 0.80}}``.

    Returns
    -------
    GateReport
        True where a bool is asked for, if every gate passed.

    Raises
    ------
    ValueError
        If a rule names a figure that was not measured or is no rule; the nearest name is suggested. If there
        is no rule at all.
    """
    gates = _gates_of(rules) if isinstance(rules, Mapping) else list(rules)
    if not gates:
        raise ValueError("no gates; an empty list of rules would pass anything")
    rows = []
    for gate in gates:
        if gate.figure not in figures:
            raise ValueError(f"no figure {gate.figure!r}{_nearest(gate.figure, figures)}")
        value = float(figures[gate.figure])
        rows.append(
            {
                "figure": gate.figure,
                "value": value,
                "rule": gate.rule,
                "limit": gate.limit,
                "passed": gate.passes(figures[gate.figure]),
            }
        )
    return GateReport(pd.DataFrame(rows))


def _gates_of(rules: Mapping[str, Mapping[str, float]]) -> list[Gate]:
    gates = []
    for figure, limits in rules.items():
        if not isinstance(limits, Mapping) or not limits:
            raise ValueError(f"gate {figure!r}: give min, max or both, such as {{'min': 0.8}}")
        for rule, limit in limits.items():
            if rule not in ("min", "max"):
                raise ValueError(f"gate {figure!r}: no rule {rule!r}{_nearest(rule, ('min', 'max'))}")
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
                raise ValueError(f"gate {figure!r}: {rule} must be a number, got {limit!r}")
            gates.append(Gate(figure, rule, float(limit)))
    return gates


def _nearest(name: str, names: Iterable[str]) -> str:
    names = list(names)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names) or 'none'}"
