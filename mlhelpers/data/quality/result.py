"""The quality report as an object: six scores, the checks behind them, the failing rows; as text and as HTML.

Used by the quality report of lesson 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

__all__ = ["DIMENSIONS", "CheckResult", "QualityReport", "result_of"]

DIMENSIONS = {
    "accuracy": "share of compared cells that agree with the reference, or are plausible when there is none",
    "completeness": "share of cells that hold a value, over all columns but the optional ones",
    "consistency": "share of rows that keep the rules across columns, over the rows each rule applies to",
    "timeliness": "share of dates that are neither after the report date nor older than allowed",
    "validity": "share of known cells that keep the contract's type, range, choices and form",
    "uniqueness": "share of rows that do not repeat the key, or all values, of an earlier row",
}


@dataclass(frozen=True)
class CheckResult:
    """One check of a report.

    Attributes
    ----------
    dimension : str
        One of the six.
    name : str
        What was checked.
    tested : int
        Cells or rows that the check applies to.
    failed : int
        How many of them fail.
    rows : ndarray of int
        Positions of the first failing rows, from 0, ascending; as many as the report was asked to list.
    note : str
        A figure that helps to read the result, such as the newest date.
    """

    dimension: str
    name: str
    tested: int
    failed: int
    rows: np.ndarray
    note: str = ""


def result_of(
    dimension: str, name: str, tested: int, broken: np.ndarray, max_rows: int | None, note: str = ""
) -> CheckResult:
    """Check from the boolean array of shape (n_rows,) of the failing rows."""
    rows = np.flatnonzero(broken)
    return CheckResult(dimension, name, int(tested), len(rows), rows[:max_rows].copy(), note)


@dataclass(frozen=True, repr=False)
class QualityReport:
    """Scores of a table on six dimensions, with what is behind them.

    Taught in lesson 2.4. There is no overall score on purpose: an average hides the one dimension that a use
    of the table cannot do without.

    Attributes
    ----------
    n_rows, n_columns : int
        Size of the table.
    checks : tuple of CheckResult
        In the order of the dimensions.
    notes : mapping of str to str
        What a dimension rests on, or why it was not judged.
    repeated : int
        Rows that fail at least one check of uniqueness.
    """

    n_rows: int
    n_columns: int
    checks: tuple[CheckResult, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0

    @property
    def summary(self) -> pd.DataFrame:
        """One row per dimension: score (NaN if not judged), tested, failed, largest (most failures)."""
        rows = {}
        for name in DIMENSIONS:
            checks = [check for check in self.checks if check.dimension == name]
            tested, failed = (sum(getattr(check, what) for check in checks) for what in ("tested", "failed"))
            if name == "uniqueness" and checks:
                tested, failed = self.n_rows, self.repeated
            worst = max(checks, key=lambda check: check.failed, default=None)
            largest = f"{worst.name}: {worst.failed:,}" if worst is not None and worst.failed else ""
            rows[name] = (1 - failed / tested if tested else np.nan, tested, failed, largest)
        return pd.DataFrame.from_dict(rows, orient="index", columns=["score", "tested", "failed", "largest"])

    @property
    def scores(self) -> pd.Series:
        """Score of each dimension, 0 to 1; NaN where the report was given nothing to judge it by."""
        return self.summary["score"]

    @property
    def table(self) -> pd.DataFrame:
        """One row per check: dimension, check, tested, failed, share (passed), note."""
        rows = [
            (c.dimension, c.name, c.tested, c.failed, 1 - c.failed / c.tested if c.tested else np.nan, c.note)
            for c in self.checks
        ]
        return pd.DataFrame(rows, columns=["dimension", "check", "tested", "failed", "share", "note"])

    def failing_rows(self, dimension: str | None = None) -> pd.DataFrame:
        """List failing rows: dimension, check, row (position from 0), total (failing rows of that check).

        Parameters
        ----------
        dimension : str, optional
            One of the six; default is all.

        Raises
        ------
        ValueError
            If there is no such dimension.
        """
        if dimension is not None and dimension not in DIMENSIONS:
            raise ValueError(f"no dimension {dimension!r}; there are: {', '.join(DIMENSIONS)}")
        checks = [c for c in self.checks if c.failed and dimension in (None, c.dimension)]
        return pd.DataFrame(
            {
                "dimension": np.repeat([c.dimension for c in checks], [len(c.rows) for c in checks]),
                "check": np.repeat([c.name for c in checks], [len(c.rows) for c in checks]),
                "row": np.concatenate([np.zeros(0, dtype=np.int64), *(c.rows for c in checks)]),
                "total": np.repeat([c.failed for c in checks], [len(c.rows) for c in checks]).astype(
                    np.int64
                ),
            }
        )

    def _lines(self) -> list[tuple[str, str, str, str]]:
        lines = []
        for name, row in self.summary.iterrows():
            judged = row["tested"] > 0
            figures = f"{int(row['failed']):,} of {int(row['tested']):,} fail" if judged else "not judged"
            more = "; ".join(text for text in (self.notes.get(str(name), ""), row["largest"]) if text)
            lines.append((str(name), f"{row['score']:.3f}" if judged else "-", figures, more))
        return lines

    def __str__(self) -> str:
        title = f"Quality of {self.n_rows:,} rows x {self.n_columns} columns"
        return "\n".join(
            [title, *(f"{a:13}{b:>6}  {c}{f'; {d}' if d else ''}" for a, b, c, d in self._lines())]
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{name}</th>" for name in ("dimension", "score", "", "figures", "basis and largest")
        )
        body = []
        for (name, score, figures, more), value in zip(self._lines(), self.scores, strict=True):
            width = 0 if np.isnan(value) else round(100 * value)
            bar = (
                '<div style="width:100px;background:#dddddd">'
                f'<div style="width:{width}px;height:10px;background:#0072B2"></div></div>'
            )
            cells = (
                f'<span title="{escape(DIMENSIONS[name])}">{name}</span>',
                score,
                bar,
                figures,
                escape(more),
            )
            body.append("<tr>" + "".join(f'<td style="text-align:left">{c}</td>' for c in cells) + "</tr>")
        failing = (
            self.table.query("failed > 0")
            .drop(columns="share")
            .assign(rows=[_some(check.rows, check.failed) for check in self.checks if check.failed])
        )
        return (
            f"<p>Quality of {self.n_rows:,} rows x {self.n_columns} columns</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
            f"<details><summary>{len(failing)} of {len(self.checks)} checks fail: rows</summary>"
            f"{failing.to_html(index=False)}</details>"
        )


def _some(rows: np.ndarray, total: int, shown: int = 5) -> str:
    listed = ", ".join(map(str, rows[:shown]))
    return listed if total <= shown else f"{listed}, ... ({total:,} in all)"
