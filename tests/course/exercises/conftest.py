"""Exercises of the small course, released or answered, its people, a policy and a table of grades."""

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import Exercise, find_exercises, release
from mlhelpers.course.exercises.class_table import ClassTable, Entry
from mlhelpers.course.exercises.grading import Grading, Task
from mlhelpers.course.exercises.policy import Policy
from mlhelpers.course.exercises.roster import Roster
from mlhelpers.course.files import read_notebook
from mlhelpers.course.syllabus import load_syllabus


@pytest.fixture
def exercise(course):
    """Exercise 2.1 as `mle exercise new` makes it, released."""
    assert main(["exercise", "new", "2.1"]) == 0
    (found,) = find_exercises("2.1")
    release(found)
    return found


@pytest.fixture
def edit(exercise):
    """Change the source notebook by a function of its cells."""

    def change(function):
        notebook = read_notebook(exercise.source)
        function(notebook.cells)
        nbformat.write(notebook, exercise.source)
        return exercise

    return change


@pytest.fixture
def two(course):
    """Exercises of the lessons 2.1 and 2.2, whose tasks have ids of their own."""
    for number in ("2.1", "2.2"):
        assert main(["exercise", "new", number]) == 0
        (exercise,) = find_exercises(number)
        text = exercise.source.read_text(encoding="utf-8")
        exercise.source.write_text(text.replace("task_", f"part_{number[-1]}_"), encoding="utf-8")
        release(exercise)
    return find_exercises("2")


@pytest.fixture
def answered(exercise, tmp_path):
    """Write the release version with answers to some tasks; the others are solved."""

    def write(path, change=None, **answers):
        notebook = read_notebook(exercise.release)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = answers.get(name, f"def {name}(values):\n    return sum(values)")
        if change:
            change(notebook.cells)
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return write


PEOPLE = (
    "Student;Name;Email;canvas id\nlee1;Ann Lee;ann.lee@x.org;77\nmue;Müller, Jörg;jm@x.org;\n"
    "ng1;Ng Li;a@x.org;\nng2;Li Ng;b@x.org;\n"
)


@pytest.fixture
def roster(tmp_path):
    """Write a roster and read it."""

    def make(text):
        path = tmp_path / "roster.csv"
        path.write_text(text, encoding="utf-8")
        return Roster.read(path)

    return make


@pytest.fixture
def planned(course):
    syllabus = load_syllabus()
    return [Exercise(course, syllabus.lesson(number)) for number in ("2.1", "2.2")]


@pytest.fixture
def read_policy(tmp_path):
    """Write a policy and read it."""

    def make(text):
        path = tmp_path / "policy.yml"
        path.write_text(text, encoding="utf-8")
        return Policy.read(path)

    return make


def grading(exercise, first, second=0.0, message="low", notes=()):
    tasks = (
        Task("a", "Task a", first, 4.0, "" if first == 4 else message),
        Task("b", "Task b", second, 2.0, "" if second == 2 else "<b>none</b>"),
    )
    return Grading(exercise, tasks, notes)


@pytest.fixture
def table(planned):
    entries = [
        Entry("ann", grading(planned[0], 4.0, 2.0)),
        Entry("ann", grading(planned[1], 2.0, 0.0, "too low"), deducted=0.5),
        Entry("ben", grading(planned[0], 2.0, 0.0)),
        Entry("ben", grading(planned[1], 0.0, 0.0, "too low", ("cell 3 fails: <script>",))),
        Entry("cem", grading(planned[0], 0.0), handed_in=False),
        Entry("zed", grading(planned[1], 4.0, 2.0)),
    ]
    return ClassTable(entries)
