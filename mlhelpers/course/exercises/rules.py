"""What the source of an exercise must be, so that it can be released and graded.

Checked by `mle exercise release`; a broken rule is an error that names the cell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlhelpers.course.exercises.exercise import Exercise, ExerciseError, task_of
from mlhelpers.course.exercises.per_student import mark_problems, wrong_values
from mlhelpers.course.files import read_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

TASKS = (3, 5)
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
HINT = re.compile(r"^# Hidden tests: (.+)$", re.MULTILINE)


def check_source(exercise: Exercise) -> None:
    """Raise an error that lists every rule that the source breaks.

    Parameters
    ----------
    exercise : Exercise

    Raises
    ------
    ExerciseError
        With one line per problem.
    """
    problems = list(_file_problems(exercise))
    notebook = read_notebook(exercise.source)
    problems += _notebook_problems(notebook, exercise)
    problems += list(mark_problems(notebook)) or wrong_values(notebook)
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ExerciseError(f"{exercise.source.relative_to(exercise.root)}:\n{lines}")


def _file_problems(exercise: Exercise) -> Iterator[str]:
    for path in sorted(exercise.source.parent.iterdir()):
        if path != exercise.source and not path.name.startswith("."):
            yield f"{path.name} would be handed out with the release version; move it elsewhere"


def _notebook_problems(notebook: NotebookNode, exercise: Exercise) -> Iterator[str]:
    first = notebook.cells[0].source.splitlines()[:1] if notebook.cells else []
    wanted = f"# Exercise {exercise.lesson.number}: {exercise.lesson.title}"
    if first != [wanted]:
        yield f"the first line must be `{wanted}`"
    seen: dict[str, int] = {}
    solutions, tests = [], []
    for number, cell in enumerate(notebook.cells, 1):
        marks = cell.metadata.get("nbgrader")
        yield from _stray_regions(number, cell, marks)
        if not marks:
            continue
        name = marks.get("grade_id")
        if not name:
            yield f"cell {number} has nbgrader metadata without a grade_id"
            continue
        if name in seen:
            yield f"cells {seen[name]} and {number} have one grade_id, {name}"
        seen[name] = number
        if marks.get("solution") and marks.get("grade"):
            yield f"cell {number}, {name}, is answer and test at once; split it"
        elif marks.get("solution"):
            solutions.append(name)
        elif marks.get("grade"):
            tests.append(name)
            yield from _test_problems(number, cell, name)
    yield from _pair_problems(solutions, tests)


def _pair_problems(solutions: list[str], tests: list[str]) -> Iterator[str]:
    for name in tests:
        if not name.endswith("_test") or task_of(name) not in solutions:
            yield f"test {name} has no answer cell; the ids of a task are `x` and `x_test`"
    for name in sorted(set(solutions) - {task_of(test) for test in tests}):
        yield f"answer {name} has no test cell {name}_test"
    if not TASKS[0] <= len(tests) <= TASKS[1]:
        yield f"{len(tests)} tasks; keep {TASKS[0]} to {TASKS[1]}"


def _stray_regions(number: int, cell: NotebookNode, marks: dict | None) -> Iterator[str]:
    marks = marks or {}
    for begin, end, kind in (
        (BEGIN_SOLUTION, END_SOLUTION, "solution"),
        (BEGIN_HIDDEN, END_HIDDEN, "grade"),
    ):
        opened, closed = (
            sum(line.strip() == mark for line in cell.source.splitlines()) for mark in (begin, end)
        )
        if opened != closed:
            yield f"cell {number}: {opened} times `{begin}` but {closed} times `{end}`"
        if opened and not marks.get(kind):
            yield f"cell {number} has `{begin}` but is no {kind} cell of nbgrader"
        if kind == "solution" and marks.get("solution") and not opened:
            yield f"cell {number} is an answer without `{begin}`; its solution would be handed out"


def _test_problems(number: int, cell: NotebookNode, name: str) -> Iterator[str]:
    if not marks_points(cell) > 0:
        yield f"cell {number}, {name}, has no points"
    if not hidden_lines(cell.source):
        yield f"cell {number}, {name}, has no hidden tests"
    elif not HINT.search(cell.source):
        yield f"cell {number}, {name}, lacks the line `# Hidden tests: ...` that says what they look at"
    for line in asserts_without_message(cell.source):
        yield f"cell {number}, {name}, line {line}: the assertion has no message for the learner"


def marks_points(cell: NotebookNode) -> float:
    """Points of a test cell."""
    return float(cell.metadata.nbgrader.get("points") or 0)


def hidden_lines(source: str) -> list[int]:
    """Numbers, from 1, of the lines of a cell that are hidden from learners.

    Parameters
    ----------
    source : str

    Returns
    -------
    list of int
        With the lines that mark the region.
    """
    lines, inside = [], False
    for number, line in enumerate(source.splitlines(), 1):
        inside |= line.strip() == BEGIN_HIDDEN
        if inside:
            lines.append(number)
        inside &= line.strip() != END_HIDDEN
    return lines


def asserts_without_message(source: str) -> list[int]:
    """Lines of a cell with an ``assert`` that says nothing."""
    return [
        node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert) and not node.msg
    ]
