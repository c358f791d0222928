"""The leakage report as an object: findings with rows, features by what they predict alone; as text and HTML.

Used by the scan of lesson 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["SEVERITIES", "LeakageReport"]

SEVERITIES = ("high", "medium", "low")
FINDING_COLUMNS = ["severity", "check", "column", "count", "of", "note", "rows"]


@dataclass(frozen=True, repr=False)
class LeakageReport:
    """What a scan found between a training set and a test set.

    Taught in lesson 5.1.

    Attributes
    ----------
    n_train, n_test : int
        Rows of the two sides.
    findings : DataFrame
        One row per finding, the most severe first: severity (high, medium, low), check, column, count, of
        (what the count is a part of), note, rows (positions in the test set, from 0, the first few).
    features : DataFrame
        One row per feature, the best first: column, kind (number or category), auc (of the feature alone,
        at least 0.5), low (lower end of its 95% interval). Empty if there are too few labels of a kind.
    checks : tuple of str
        What was looked at.
    """

    n_train: int
    n_test: int
    findings: pd.DataFrame
    features: pd.DataFrame
    checks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing of high severity was found."""
        return not (self.findings["severity"] == "high").any()

    def count(self, check: str) -> int:
        """Sum of the counts of one check; 0 if it found nothing.

        Raises
        ------
        ValueError
            If the check was not made.
        """
        if check not in self.checks:
            raise ValueError(f"no check {check!r} was made; there are: {', '.join(self.checks)}")
        return int(self.findings.loc[self.findings["check"] == check, "count"].sum())

    def _title(self) -> str:
        counts = self.findings["severity"].value_counts()
        found = ", ".join(f"{counts[name]} {name}" for name in SEVERITIES if name in counts)
        sizes = f"{self.n_train:,} training and {self.n_test:,} test rows"
        return f"Leakage scan of {sizes}: {found or 'nothing found'}"

    def __str__(self) -> str:
        lines = [self._title()]
        for row in self.findings.itertuples():
            where = f" ({row.column})" if row.column else ""
            lines.append(
                f"{row.severity:7}{row.check}{where}: {row.count:,} of {row.of:,}"
                + (f"; {row.note}" if row.note else "")
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        shown = self.findings.assign(
            rows=[", ".join(map(str, rows)) for rows in self.findings["rows"]],
            count=[f"{value:,}" for value in self.findings["count"]],
            of=[f"{value:,}" for value in self.findings["of"]],
        )
        body = shown.to_html(index=False) if len(shown) else ""
        best = self.features.head(8).round(3).to_html(index=False) if len(self.features) else ""
        return (
            f"<p>{self._title()}</p>{body}"
            f"<details><summary>Features that predict the target alone, best first</summary>{best}</details>"
        )
