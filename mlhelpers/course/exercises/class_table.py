"""The table of a class: a row per student with points per assignment, total, percent and passed.

Made by `mle exercise grade` beside the grades; `export` and `gradebook` are made from it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mlhelpers.course.exercises.exercise import Exercise
from mlhelpers.course.exercises.grading import Grading


@dataclass(frozen=True)
class Entry:
    """What one student has for one exercise.

    Attributes
    ----------
    student : str
    grading : Grading
        What the tests gave.
    submitted : datetime.datetime or None
        When it was handed in, where that is known.
    deducted : float
        Points that lateness costs.
    handed_in : bool
    """

    student: str
    grading: Grading
    submitted: datetime | None = None
    deducted: float = 0.0
    handed_in: bool = True

    @property
    def points(self) -> float:
        """Points that count."""
        return max(self.grading.points - self.deducted, 0.0)


@dataclass(frozen=True)
class Row:
    """A student in the table; `points` has an entry per exercise, None where nothing was handed in."""

    student: str
    points: tuple[float | None, ...]
    possible: float
    pass_mark: float

    @property
    def total(self) -> float:
        """Sum of the points."""
        return sum(points or 0.0 for points in self.points)

    @property
    def percent(self) -> float:
        """Share of the possible points, with one decimal."""
        return round(100 * self.total / self.possible, 1) if self.possible else 0.0

    @property
    def passed(self) -> bool:
        """Whether the share reaches the pass mark; compared before it is rounded."""
        return 100 * self.total >= self.pass_mark * self.possible - 1e-9


class ClassTable:
    """All entries of a class.

    Parameters
    ----------
    entries : sequence of Entry
        At most one for a student and an exercise.
    pass_mark : float, default=50
        Percent of all possible points.

    Raises
    ------
    ValueError
        If the pass mark is no percentage.
    """

    def __init__(self, entries: Sequence[Entry], *, pass_mark: float = 50.0) -> None:
        if not 0 <= pass_mark <= 100:
            raise ValueError(f"the pass mark is a percentage between 0 and 100, not {pass_mark:g}")
        self.entries, self.pass_mark = list(entries), pass_mark
        exercises = {entry.grading.exercise.name: entry.grading for entry in self.entries}
        order = sorted(exercises.values(), key=lambda grading: _number(grading.exercise))
        self.exercises = [grading.exercise for grading in order]
        self.possible = {grading.exercise.name: grading.max_points for grading in order}
        self.by_place = {(entry.student, entry.grading.exercise.name): entry for entry in self.entries}

    @property
    def rows(self) -> list[Row]:
        """Rows by name of the student."""
        possible = sum(self.possible.values())
        found = []
        for student in sorted({entry.student for entry in self.entries}):
            entries = [self.by_place.get((student, exercise.name)) for exercise in self.exercises]
            points = tuple(entry.points if entry and entry.handed_in else None for entry in entries)
            found.append(Row(student, points, possible, self.pass_mark))
        return found

    def csv_text(self) -> str:
        """The table as CSV; the second line holds the possible points."""
        stream = io.StringIO()
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(
            ["student", *(exercise.name for exercise in self.exercises), "total", "percent", "passed"]
        )
        possible = [f"{self.possible[exercise.name]:g}" for exercise in self.exercises]
        table.writerow(["(possible)", *possible, f"{sum(self.possible.values()):g}", "100", ""])
        for row in self.rows:
            points = ["" if value is None else f"{value:g}" for value in row.points]
            passed = "yes" if row.passed else "no"
            table.writerow([row.student, *points, f"{row.total:g}", f"{row.percent:g}", passed])
        return stream.getvalue()

    def __str__(self) -> str:
        """Lines for a terminal: lessons by number."""
        head = ["student", *(e.lesson.number for e in self.exercises), "total", "percent", "passed"]
        lines = [head]
        for row in self.rows:
            points = ["-" if value is None else f"{value:g}" for value in row.points]
            passed = "yes" if row.passed else "no"
            lines.append([row.student, *points, f"{row.total:g}", f"{row.percent:.1f}", passed])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = []
        for line in lines:
            first, *rest = (
                cell.ljust(width) if not place else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            texts.append("  ".join([first, *rest]))
        return "\n".join(texts)


def _number(exercise: Exercise) -> tuple[int, ...]:
    return tuple(int(part) for part in exercise.lesson.number.split("."))
