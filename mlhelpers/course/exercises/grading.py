"""Grading one notebook, behind `mle exercise check`; a class is graded in `classroom`.

The visible and the hidden tests are run by `runner`; a learner reads points, messages and hints.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader.utils import determine_grade

from mlhelpers.course.exercises.exercise import Exercise, ExerciseError, task_of
from mlhelpers.course.exercises.messages import STOPPED, answer_error, error_of, one_line, shown_error
from mlhelpers.course.exercises.nbgrader import TemporaryCourse
from mlhelpers.course.exercises.per_student import Solver, personal, seed_of, without_expressions
from mlhelpers.course.exercises.restore import id_of, marks_of, missing_cells, repeated_cells, restored
from mlhelpers.course.exercises.runner import Judges, run_cells
from mlhelpers.course.exercises.sandbox import Limits
from mlhelpers.course.files import read_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

TIMEOUT = Limits.cell_seconds


@dataclass(frozen=True)
class Task:
    """Result of one task: name, heading above it, points, and why points are missing."""

    name: str
    title: str
    points: float
    max_points: float
    message: str

    @property
    def passed(self) -> bool:
        """Whether it has all its points."""
        return self.points >= self.max_points


@dataclass(frozen=True)
class Grading:
    """Result of one notebook.

    Attributes
    ----------
    exercise : Exercise
    tasks : tuple of Task
        In the order of the notebook.
    notes : tuple of str
        Cells that failed outside of the tasks, and cells that were put back.
    """

    exercise: Exercise
    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """Sum of the points."""
        return sum(task.points for task in self.tasks)

    @property
    def max_points(self) -> float:
        """Sum of the possible points."""
        return sum(task.max_points for task in self.tasks)

    @property
    def passed(self) -> bool:
        """Whether every task has all its points."""
        return all(task.passed for task in self.tasks)

    def __str__(self) -> str:
        """Lines for a terminal."""
        lesson = self.exercise.lesson
        lines = [f"{lesson.number} {lesson.title}"]
        for task in self.tasks:
            mark = "\u2713" if task.passed else "\u2717"
            lines.append(f"{mark} {task.title}  ({task.points:g} of {task.max_points:g})")
            if task.message:
                lines.append(f"    {task.message}")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join([*lines, f"{self.points:g} of {self.max_points:g} points"])


def check(exercise: Exercise, path: str | os.PathLike[str], *, timeout: float = TIMEOUT) -> Grading:
    """Grade a learner's notebook with the visible and the hidden tests.

    Parameters
    ----------
    exercise : Exercise
    path : path-like
        The learner's notebook; it is not changed.
    timeout : float, default=60
        Seconds for one cell.

    Returns
    -------
    Grading

    Raises
    ------
    FileNotFoundError
        If the notebook does not exist.
    ExerciseError
        If cells of the exercise are gone or stand there twice.
    """
    notebook = read_notebook(path)
    prepared = Prepared.of(exercise)
    problems = missing_cells(notebook, prepared.released), repeated_cells(notebook)
    for names, fault in zip(problems, ("gone", "there twice"), strict=True):
        if names:
            raise ExerciseError(
                f"{Path(path).name}: cells of the exercise are {fault}: {', '.join(names)}; undo the "
                "change, or rename the file and begin anew with "
                f"`mle exercise start {exercise.lesson.number}`"
            )
    seed = seed_of(notebook)
    if seed is not None and seed_of(prepared.source) not in (seed, None):  # a copy with numbers of its own
        with Solver(prepared.original) as solver:
            prepared = prepared.with_numbers(seed, solver.values(seed))
    with Judges(prepared.source) as judges:
        return run_and_grade(prepared, judges, notebook, limits=Limits(cell_seconds=timeout))[0]


@dataclass(frozen=True)
class Prepared:
    """An exercise read once for a whole class; submissions are compared with it, never with a file.

    Attributes
    ----------
    exercise : Exercise
    source, released : nbformat.NotebookNode
        With solutions and hidden tests, and without.
    files : dict of str to bytes
        Course folder of nbgrader in which the release version was generated.
    own : dict of int to str
        Texts of the cells of `source`, by their number from 1, that a student has with numbers of his own.
    original : nbformat.NotebookNode or None
        The source as it stands, with what says how a value per student is found.
    """

    exercise: Exercise
    source: NotebookNode
    released: NotebookNode
    files: dict[str, bytes]
    own: dict[int, str] = field(default_factory=dict)
    original: NotebookNode | None = None

    @classmethod
    def of(cls, exercise: Exercise) -> Prepared:
        """Read an exercise and generate its release version."""
        with TemporaryCourse(exercise) as course:
            released = read_notebook(course.release())
            source = read_notebook(exercise.source)
            return cls(exercise, without_expressions(source), released, course.files(), original=source)

    def with_numbers(self, seed: int, values: Sequence[str]) -> Prepared:
        """The exercise as a student has it, with a seed and values of his own."""
        source, released = personal(self.source, seed, values), personal(self.released, seed, values)
        pairs = enumerate(zip(self.source.cells, source.cells, strict=True), 1)
        own = {number: new.source for number, (old, new) in pairs if old.source != new.source}
        return replace(self, source=source, released=released, own=own)

    def course(self) -> TemporaryCourse:
        """Course folder for the page of feedback."""
        cells = [self.source.cells[number - 1] for number in self.own]
        own = [cell for cell in cells if id_of(cell)]
        return TemporaryCourse(self.exercise, files=self.files, own=own)


def run_and_grade(
    prepared: Prepared,
    judges: Judges,
    notebook: NotebookNode,
    notes: tuple[str, ...] = (),
    *,
    limits: Limits | None = None,
) -> tuple[Grading, NotebookNode]:
    """Put a submission into the exercise, run it, and say what each task earned.

    Parameters
    ----------
    prepared : Prepared
    judges : Judges
        Of the same exercise.
    notebook : nbformat.NotebookNode
        Submission; it is not changed.
    notes : tuple of str
        What was found before.
    limits : Limits, optional

    Returns
    -------
    grading : Grading
    executed : nbformat.NotebookNode
        With hidden tests and outputs.
    """
    executed = restored(notebook, prepared.source, prepared.released)
    found = run_cells(executed, judges, limits=limits, own=prepared.own)
    points = {id_of(cell): determine_grade(cell) for cell in executed.cells if marks_of(cell).get("grade")}
    return grading_of(prepared.exercise, executed, points, (*notes, *found)), executed


def grading_of(
    exercise: Exercise,
    executed: NotebookNode,
    points: dict[str, tuple[float, float]],
    notes: tuple[str, ...] = (),
) -> Grading:
    """Say of an executed notebook what each task earned and why points are missing.

    Parameters
    ----------
    exercise : Exercise
    executed : nbformat.NotebookNode
        With hidden tests and outputs.
    points : dict of str to (float, float)
        Score and maximum of each test cell.
    notes : tuple of str
        What was found before.

    Returns
    -------
    Grading
    """
    answers = {id_of(cell): cell for cell in executed.cells if id_of(cell)}
    tasks = []
    for cell, title in graded_cells(executed):
        name = task_of(id_of(cell))
        reached, possible = points[id_of(cell)]
        message = ""
        if reached < possible:
            message = answer_error(answers[name]) if name in answers else ""
            message = message or shown_error(cell) or "part of the points"
        tasks.append(Task(name, title, reached, possible, message))
    return Grading(exercise, tuple(tasks), (*notes, *_other_errors(executed)))


def _other_errors(notebook: NotebookNode) -> list[str]:
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        marks = marks_of(cell)
        graded = marks.get("grade") or marks.get("solution")
        error = error_of(cell) if cell.cell_type == "code" else None
        if error is not None and error.ename in STOPPED:
            if error.ename == "GradingError":
                continue  # noted already
            found.append(f"cell {number} was stopped: {one_line(error)}")
        elif error is not None and not graded:
            found.append(f"cell {number} fails: {one_line(error)}")
    return found


def graded_cells(notebook: NotebookNode) -> list[tuple[NotebookNode, str]]:
    """Test cells with the heading that each stands under."""
    found, title = [], ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            title = headings[-1] if headings else title
        elif marks_of(cell).get("grade"):
            found.append((cell, title or task_of(id_of(cell) or "")))
    return found
