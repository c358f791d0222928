"""The grades of a class as Moodle and Canvas import them.

Behind `mle exercise grade --moodle` and `--canvas`; only people of the roster are in these files.
"""

from __future__ import annotations

import csv
import io

from mlhelpers.course.exercises.class_table import ClassTable
from mlhelpers.course.exercises.policy import Policy
from mlhelpers.course.exercises.roster import Person, Roster

_MOODLE = (("email", "Email address"), ("username", "Username"), ("id_number", "ID number"))
_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def moodle_csv(table: ClassTable, roster: Roster, policy: Policy | None = None) -> str:
    """Grades for Moodle: Grades, Import, CSV file.

    Parameters
    ----------
    table : ClassTable
    roster : Roster
        Everybody needs the same of email, username and id_number.
    policy : Policy, optional
        Its titles are the names of the columns.

    Returns
    -------
    str
        One column by which Moodle finds a person, one an assignment; ``-`` where nothing was handed in.

    Raises
    ------
    ValueError
        If no column is filled for everybody.
    """
    policy = policy or Policy()
    people = list(roster)
    filled = [(column, title) for column, title in _MOODLE if all(getattr(p, column) for p in people)]
    if not filled:
        lacks = "; ".join(
            f"{column} is missing for {next(p.student for p in people if not getattr(p, column))}"
            for column, _ in _MOODLE
        )
        raise ValueError(f"Moodle needs a column of the roster that is filled for everybody: {lacks}")
    column, title = filled[0]
    head = [title, *(policy.title(exercise) for exercise in table.exercises)]
    rows = [
        [getattr(person, column), *("-" if value is None else f"{value:g}" for value in points)]
        for person, points in _points(table, roster)
    ]
    return _text([head, *rows])


def canvas_csv(table: ClassTable, roster: Roster, policy: Policy | None = None) -> str:
    """Grades for Canvas: Grades, Import.

    Parameters
    ----------
    table : ClassTable
    roster : Roster
        Everybody needs canvas_id, or sis_id, or login.
    policy : Policy, optional
        Its titles are the names of the columns; ``Homework 1 (4711)`` fills an assignment that is there.

    Returns
    -------
    str
        Canvas's five leading columns, the line ``Points Possible``, and empty cells where nothing was
        handed in.

    Raises
    ------
    ValueError
        If Canvas could not find somebody.
    """
    policy = policy or Policy()
    for person in roster:
        if not (person.canvas_id or person.sis_id or person.login):
            raise ValueError(f"Canvas needs canvas_id, sis_id or login of {person.student} in the roster")
    head = [*_CANVAS, *(policy.title(exercise) for exercise in table.exercises)]
    possible = ["    Points Possible", *[""] * 4, *(f"{table.possible[e.name]:g}" for e in table.exercises)]
    rows = [
        [
            person.name or person.student,
            person.canvas_id,
            person.sis_id,
            person.login,
            person.section,
            *("" if value is None else f"{value:g}" for value in points),
        ]
        for person, points in _points(table, roster)
    ]
    return _text([head, possible, *rows])


def _points(table: ClassTable, roster: Roster) -> list[tuple[Person, tuple[float | None, ...]]]:
    by_student = {row.student: row.points for row in table.rows}
    return [(p, by_student[p.student]) for p in roster if p.student in by_student]


def _text(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
