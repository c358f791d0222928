"""Whether two forms of a model answer alike: their probabilities, and the decisions made from them.

Taught in lesson 6.1 (serialization formats).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Answers = Callable[["pd.DataFrame"], Any]


@dataclass(frozen=True)
class Parity:
    """What `compare` found; true if no decision changes.

    Attributes
    ----------
    rows : int
        Rows compared.
    largest : float
        Largest difference of two probabilities.
    worst_row : int
        Position of the row that has it.
    changed : int
        Rows on which the decision at the threshold is another.
    changed_rows : ndarray of shape (changed,)
        Their positions.
    near : int
        Rows whose reference lies within the tolerance of the threshold: there a decision hangs on the last
        digit.
    beyond : int
        Rows that differ by more than the tolerance.
    largest_with_gaps, largest_extreme : float
        Largest difference among the rows with a missing value, and among those with the smallest or largest
        value of a column; NaN if there are none.
    threshold, tolerance : float
        As given.
    """

    rows: int
    largest: float
    worst_row: int
    changed: int
    changed_rows: np.ndarray = field(repr=False)
    near: int
    beyond: int
    largest_with_gaps: float
    largest_extreme: float
    threshold: float
    tolerance: float

    def __bool__(self) -> bool:
        return self.changed == 0

    def __str__(self) -> str:
        verdict = "no decision changes" if self else f"{self.changed:,} decisions change"
        return (
            f"{verdict} at {self.threshold:g} on {self.rows:,} rows; largest difference {self.largest:.2g} "
            f"(row {self.worst_row}); {self.beyond:,} beyond {self.tolerance:g}, "
            f"{self.near:,} on the threshold"
        )

    def _repr_html_(self) -> str:
        import pandas as pd

        shown = {
            "rows": self.rows,
            "decisions changed": self.changed,
            "rows on the threshold": self.near,
            "rows beyond the tolerance": self.beyond,
            "largest difference": f"{self.largest:.2g}",
            "with a gap": f"{self.largest_with_gaps:.2g}",
            "at an extreme value": f"{self.largest_extreme:.2g}",
        }
        title = f"parity at threshold {self.threshold:g}"
        return pd.Series(shown, name=title, dtype=object).to_frame().to_html()


def compare(
    reference: Answers | np.ndarray,
    candidate: Answers | np.ndarray,
    X: pd.DataFrame | None = None,
    *,
    threshold: float,
    tolerance: float = 1e-6,
    digits: int | None = None,
) -> Parity:
    """Compare the answers of two forms of a model, and the decisions at a threshold.

    Taught in lesson 6.1. A difference of 1e-7 changes a decision where a score lies on the threshold, and
    scores of trees lie there in numbers: they have few values.

    Parameters
    ----------
    reference, candidate : callable or array-like of shape (n_rows,)
        Function of a frame to the probability of the positive class of each row, such as `Bundle.predict`,
        or these probabilities.
    X : DataFrame of shape (n_rows, n_columns), optional
        Rows that occur, with gaps and extremes; `mlhelpers.packaging.probe_rows` makes those that hurt. May
        be left out if both are probabilities; then gaps and extremes are not told apart.
    threshold : float
        A row is positive from this probability on.
    tolerance : float, default=1e-6
        Largest difference that counts as none.
    digits : int, optional
        Round both sides to so many digits before they are compared with the threshold, as a service does
        that answers rounded probabilities.

    Returns
    -------
    Parity

    Raises
    ------
    ValueError
        If there is no row, the two differ in length, or one of them answers NaN; the message names the row.
    """
    if X is None and (callable(reference) or callable(candidate)):
        raise ValueError("give X, the rows that reference and candidate are to answer")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be from 0 to 1, got {threshold}")
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    n_rows = len(np.asarray(reference)) if X is None else len(X)
    if not n_rows:
        raise ValueError("there is no row to compare; give X with at least one")
    old = _answers(reference, X, n_rows, "reference")
    new = _answers(candidate, X, n_rows, "candidate")
    apart = np.abs(old - new)
    left, right = (old, new) if digits is None else (np.round(old, digits), np.round(new, digits))
    changed = np.flatnonzero((left >= threshold) != (right >= threshold))
    gaps, extreme = (np.zeros(n_rows, dtype=bool),) * 2 if X is None else _odd_rows(X)
    return Parity(
        rows=n_rows,
        largest=float(apart.max()),
        worst_row=int(apart.argmax()),
        changed=len(changed),
        changed_rows=changed,
        near=int((np.abs(old - threshold) <= tolerance).sum()),
        beyond=int((apart > tolerance).sum()),
        largest_with_gaps=float(apart[gaps].max()) if gaps.any() else float("nan"),
        largest_extreme=float(apart[extreme].max()) if extreme.any() else float("nan"),
        threshold=float(threshold),
        tolerance=float(tolerance),
    )


def _answers(given: Answers | np.ndarray, X: pd.DataFrame | None, n_rows: int, name: str) -> np.ndarray:
    answers = np.asarray(given(X) if callable(given) else given, dtype=np.float64)
    if answers.shape != (n_rows,):
        raise ValueError(f"{name} has shape {answers.shape}, not ({n_rows},): one probability a row")
    if np.isnan(answers).any():
        raise ValueError(f"{name} answers NaN, first in row {int(np.isnan(answers).argmax())}")
    return answers


def _odd_rows(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have a gap, and which the smallest or largest value of a number's column."""
    import pandas as pd

    gaps = X.isna().to_numpy().any(axis=1)
    extreme = np.zeros(len(X), dtype=bool)
    for place in range(X.shape[1]):
        column = X.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column.dtype) and column.notna().any():
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            extreme |= (values == np.nanmin(values)) | (values == np.nanmax(values))
    return gaps, extreme
