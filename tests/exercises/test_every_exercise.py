"""What holds for every exercise under exercises/*/source; a new one is proved without a new test."""

from __future__ import annotations

import ast
import contextlib
import copy
import html
import io
import re
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import yaml
from nbgrader.utils import determine_grade, is_grade

from mlhelpers.course.exercises import find_exercises, orphans, release
from mlhelpers.course.exercises.classroom import grade_class
from mlhelpers.course.exercises.grading import grading_of
from mlhelpers.course.exercises.rules import (
    BEGIN_SOLUTION,
    END_SOLUTION,
    asserts_without_message,
    hidden_lines,
)
from mlhelpers.course.files import find_root, read_notebook
from mlhelpers.course.syllabus import load_syllabus

SYLLABUS = load_syllabus(find_root(Path(__file__).parent))
EXERCISES = find_exercises(syllabus=SYLLABUS)
BY_NUMBER = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.lesson.number)


@dataclass(frozen=True)
class Wrong:
    """A typical wrong answer: code in place of a task's solution, and what the learner must read."""

    exercise: object
    task: str
    why: str
    code: str
    message: str


def wrong_answers(exercise):
    entries = yaml.safe_load(exercise.wrong_answers.read_text(encoding="utf-8"))
    return [Wrong(exercise, **entry) for entry in entries]


WRONG = [wrong for e in EXERCISES if e.wrong_answers.exists() for wrong in wrong_answers(e)]
RIGHT = [
    (exercise, entry["task"], entry["why"], entry["code"])
    for exercise in EXERCISES
    if exercise.right_answers.exists()
    for entry in yaml.safe_load(exercise.right_answers.read_text(encoding="utf-8"))
]


def with_answer(exercise, task, code, notebook=None):
    """The solution notebook with `code` in place of one task's solution, indented as the solution was."""
    notebook = copy.deepcopy(notebook) if notebook else read_notebook(exercise.source)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == task)
    lines = cell.source.splitlines()
    begin, end = (
        next(i for i, x in enumerate(lines) if x.strip() == m) for m in (BEGIN_SOLUTION, END_SOLUTION)
    )
    indent = lines[begin][: -len(BEGIN_SOLUTION)] if lines[begin] != BEGIN_SOLUTION else ""
    new = [indent + line if line else "" for line in code.rstrip("\n").splitlines()]
    cell.source = "\n".join(lines[:begin] + new + lines[end + 1 :])
    return notebook


def run_plainly(notebook):
    """Execute the cells in this process, much faster than a kernel, with errors as Jupyter stores them."""
    namespace = {"__name__": "__main__"}
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code":
            continue
        cell.outputs, file = [], f"cell {number}"
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # nbgrader does not count them either
                exec(compile(cell.source, file, "exec"), namespace)
        except Exception as error:  # noqa: BLE001  (a learner's code may raise anything)
            lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
            where = [f"Cell In[{number}], line {line}" for line in lines[:1]]
            cell.outputs = [
                nbformat.v4.new_output(
                    "error", ename=type(error).__name__, evalue=str(error), traceback=where
                )
            ]
    return notebook


def grade_plainly(exercise, notebook):
    executed = run_plainly(notebook)
    tests = [cell for cell in executed.cells if is_grade(cell)]
    return grading_of(exercise, executed, {c.metadata.nbgrader.grade_id: determine_grade(c) for c in tests})


def hidden_code(exercise):
    """Lines of the hidden tests that say something."""
    found = set()
    for cell in read_notebook(exercise.source).cells:
        lines = cell.source.splitlines()
        found |= {lines[n - 1].strip() for n in hidden_lines(cell.source)[1:-1]}
    return {line for line in found if len(line) >= 12}


def test_nothing_is_left_of_removed_exercises():
    assert orphans(SYLLABUS) == []


def test_every_written_lesson_of_the_data_chapter_has_an_exercise():
    written = {lesson.number for lesson in SYLLABUS if lesson.written and lesson.number.startswith("2.")}
    assert written <= {exercise.lesson.number for exercise in EXERCISES}


@BY_NUMBER
def test_release_is_in_sync(exercise):
    assert release(exercise, check=True), f"run `mle exercise release {exercise.lesson.number}`"


@BY_NUMBER
def test_release_holds_no_solution_and_no_hidden_test(exercise):
    text = "\n".join(cell.source for cell in read_notebook(exercise.release).cells)
    assert "HIDDEN TESTS" not in text
    assert "SOLUTION" not in text
    lines = {line.strip() for line in text.splitlines()}
    visible = {
        line.strip()
        for cell in read_notebook(exercise.source).cells
        for number, line in enumerate(cell.source.splitlines(), 1)
        if number not in hidden_lines(cell.source)
    }
    assert (hidden_code(exercise) - visible).isdisjoint(lines)


@BY_NUMBER
def test_every_assertion_of_the_source_has_a_message(exercise):
    for cell in read_notebook(exercise.source).cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            if cell.metadata.get("nbgrader", {}).get("grade"):
                assert asserts_without_message(cell.source) == []


@BY_NUMBER
def test_solution_earns_everything_and_release_nothing_and_feedback_leaks_nothing(exercise, tmp_path):
    first = wrong_answers(exercise)[0]
    handed_in = {
        "solution": read_notebook(exercise.source),
        "release": read_notebook(exercise.release),
        "wrong": with_answer(exercise, first.task, first.code),
    }
    for student, notebook in handed_in.items():
        target = tmp_path / "submitted" / student / exercise.name / f"{exercise.name}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)
    results = dict(
        grade_class([exercise], tmp_path / "submitted", tmp_path / "g.csv", feedback=tmp_path / "feedback")
    )
    solved, empty = results["solution"], results["release"]
    assert solved.passed, str(solved)
    assert solved.notes == ()
    assert empty.points == 0, str(empty)
    points = [task.max_points for task in solved.tasks]
    assert points == sorted(points), "tasks go from easy to hard"
    assert grade_plainly(exercise, handed_in["wrong"]) == results["wrong"], (
        "the quick runner and nbgrader differ"
    )
    released = "\n".join(cell.source for cell in read_notebook(exercise.release).cells)
    for student in ("release", "wrong"):
        page = (tmp_path / "feedback" / student / f"{exercise.name}.html").read_text(encoding="utf-8")
        text = html.unescape(re.sub(r"<[^>]+>", "", page))
        assert first.task in text
        assert [line for line in hidden_code(exercise) if line in text and line not in released] == []


@BY_NUMBER
def test_every_exercise_knows_two_wrong_answers_to_its_own_tasks(exercise):
    wrong = wrong_answers(exercise)
    tasks = {c.metadata.get("nbgrader", {}).get("grade_id") for c in read_notebook(exercise.source).cells}
    assert len(wrong) >= 2
    assert {w.task for w in wrong} <= tasks
    assert len({w.why for w in wrong}) == len(wrong)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w.exercise.lesson.number} {w.task}: {w.why}"[:70])
def test_wrong_answer_costs_its_task_and_tells_the_learner_why(wrong):
    result = grade_plainly(wrong.exercise, with_answer(wrong.exercise, wrong.task, wrong.code))
    failed = {task.name: task.message for task in result.tasks if not task.passed}
    assert set(failed) == {wrong.task}, str(result)
    assert wrong.message in failed[wrong.task]
    assert not any(line in str(result) for line in hidden_code(wrong.exercise))


@pytest.mark.parametrize(
    ("exercise", "task", "why", "code"),
    RIGHT,
    ids=[f"{e.lesson.number} {t}: {why}"[:70] for e, t, why, _ in RIGHT],
)
def test_right_answer_of_another_form_earns_its_points(exercise, task, why, code):
    result = grade_plainly(exercise, with_answer(exercise, task, code))
    assert result.passed, f"{why}: {result}"
