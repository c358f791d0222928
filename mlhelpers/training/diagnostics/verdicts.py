"""A diagnosis in words that follows from the intervals of a curve by stated rules.

Taught in lesson 4.5 (over- and underfitting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlhelpers.training.diagnostics.result import Curve

__all__ = ["Verdict", "verdict"]

UNDER, OVER, DATA, FLOOR = "underfitting", "overfitting", "more data helps", "at the noise floor"
AS_GOOD, OPEN = "as good as the best", "undecided"


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a curve says, and the numbers it rests on.

    Taught in lesson 4.5.

    Attributes
    ----------
    words : tuple of str
        Of a learning curve: what holds at its largest size, the largest amount first. Of a validation or
        complexity curve: one word per point.
    table : DataFrame
        The numbers: value, low and high of each statement or point, and what follows from them.
    text : str
        One sentence.
    """

    words: tuple[str, ...]
    table: pd.DataFrame
    text: str

    def __str__(self) -> str:
        return f"{self.text}\n{self.table.round(3).to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{self.text}</p>{self.table.round(3).to_html()}"


def verdict(curve: Curve, *, reference: float | None = None) -> Verdict:
    """Say what a curve shows, from its intervals alone.

    Taught in lesson 4.5. Rules for a learning curve, at its largest size:

    - *overfitting*: the interval of train - validation lies above 0;
    - *more data helps*: the interval of the gain from the size before to the largest lies above 0;
    - *underfitting*: the interval of the training score lies below `reference`;
    - *at the noise floor*: the interval of the validation score reaches `reference`; then nothing else is
      said but that more data helps;
    - *undecided*: none of these.

    Several may hold; they are ordered by their amount, since reference - validation is the sum of the
    shortfall in training and of the gap. Without a reference a flat curve without a gap stays undecided: it
    may underfit or stand at the noise floor, and the curve itself cannot tell.

    Rules for a validation or complexity curve, at each point: if the interval of the difference to the best
    point includes 0, it is *as good as the best*. Else it is *underfitting* if its training score is below
    that of the best point, and *overfitting* if it is not. The best point is chosen on these same folds.

    Parameters
    ----------
    curve : Curve
        From `learning_curve`, `validation_curve` or `complexity_curve`.
    reference : float, optional
        Score that is known to be possible: of the true probabilities, of a second annotator, of a better
        model. For learning curves only.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If `reference` is given for a curve that is none of learning, or is no finite number.
    """
    if curve.kind != "learning":
        if reference is not None:
            raise ValueError(f"reference has no meaning for a {curve.kind} curve; leave it out")
        return _points(curve)
    if reference is not None and not abs(reference) < float("inf"):
        raise ValueError(f"reference must be a finite score, got {reference!r}")
    return _learning(curve, reference)


def _learning(curve: Curve, reference: float | None) -> Verdict:
    last, before = curve.table.iloc[-1], curve.table.index[-2]
    size = curve.table.index[-1]
    gap = tuple(last[["gap", "gap_low", "gap_high"]])
    gain = curve.change(before, size)
    rows = {
        "train - validation": (*gap, OVER if gap[1] > 0 else ""),
        f"gain from {before:,} to {size:,} rows": (*gain, DATA if gain[1] > 0 else ""),
    }
    if reference is not None:
        below = tuple(reference - last[["train", "train_high", "train_low"]])
        rest = tuple(reference - last[["validation", "validation_high", "validation_low"]])
        floor = rest[1] <= 0
        rows["reference - train"] = (*below, UNDER if below[1] > 0 and not floor else "")
        rows["reference - validation"] = (*rest, FLOOR if floor else "")
        if floor:
            rows["train - validation"] = (*gap, "")
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "verdict"])
    held = table[table["verdict"] != ""].sort_values("value", ascending=False, kind="stable")
    words = tuple(held["verdict"]) or (OPEN,)
    words = tuple(sorted(words, key=lambda word: word != FLOOR))
    score = f"{curve.scoring} {last['validation']:.3f} at {size:,} training rows"
    return Verdict(words, table, f"{', '.join(words)} ({score})")


def _points(curve: Curve) -> Verdict:
    best, table = curve.best, curve.table
    rows = []
    for point in table.index:
        change = curve.change(best, point)
        word = AS_GOOD
        if change[2] < 0:
            word = UNDER if table.loc[point, "train"] < table.loc[best, "train"] else OVER
        rows.append((*change, table.loc[point, "train"] - table.loc[best, "train"], word))
    columns = ["change", "low", "high", "train_change", "verdict"]
    found = pd.DataFrame(rows, table.index, columns)
    parts = []
    for word in (AS_GOOD, UNDER, OVER):
        points: list[Any] = [point for point in found.index[found["verdict"] == word] if point != best]
        if points:
            parts.append(f"{word}: {', '.join(str(point) for point in points)}")
    text = f"best {curve.name} {best} ({curve.scoring} {table.loc[best, 'validation']:.3f})"
    return Verdict(tuple(found["verdict"]), found, "; ".join([text, *parts]))
