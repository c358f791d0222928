"""Grading with real kernels: what a learner reads, and a class in which everything goes wrong."""

import csv
import json

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import find_exercises, release
from mlhelpers.course.exercises.classroom import grade_class
from mlhelpers.course.exercises.grading import check
from mlhelpers.course.exercises.messages import answer_error, leaks, one_line, shown_error
from mlhelpers.course.files import read_notebook
from mlhelpers.course.syllabus.progress import progress_file

SECRET = 'assert task_1([4, 5, 6]) == 15, "TODO"'


def again(cells):
    """A second copy of the first answer, as Jupyter pastes it."""
    cells.append(nbformat.v4.new_code_cell("def task_1(values):\n    return 0", metadata=cells[2].metadata))


@pytest.fixture
def exercise(course):
    main(["exercise", "new", "2.1"])
    (found,) = find_exercises("2.1")
    release(found)
    return found


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


def test_check_prints_one_line_per_task_and_records_the_points(answered, capsys):
    path = answered(
        "mine.ipynb",
        task_1="def task_1(values):\n    return 3",
        task_2="def task_2(values):\n    return 4",
        task_3="def task_3(values):\n    return sum(values",
    )
    before = path.read_bytes()
    assert main(["exercise", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert (
        "✗ Task 1: TODO title  (0 of 1)\n    a hidden test fails; it looks at TODO what they look at" in out
    )
    assert "✗ Task 2: TODO title  (0 of 2)\n    TODO: what is wrong and what to do, in one line" in out
    assert "    the answer's cell fails: SyntaxError: incomplete input (line 2)" in out
    assert out.rstrip().endswith("0 of 6 points")
    assert "15" not in out
    assert json.loads(progress_file().read_text())["exercises"]["2.1"] == {"points": 0, "max_points": 6}
    assert path.read_bytes() == before


def test_check_of_a_right_answer_succeeds_in_spite_of_warnings(answered, capsys):
    def add(cells):
        cells.insert(1, nbformat.v4.new_code_cell("1 / 0"))

    noisy = "import warnings\n\n\ndef task_1(values):\n    warnings.warn('slow')\n    return sum(values)"
    assert main(["exercise", "check", str(answered("mine.ipynb", add, task_1=noisy))]) == 0
    out = capsys.readouterr().out
    assert "✓ Task 1" in out
    assert "note: cell 2 fails: ZeroDivisionError: division by zero" in out
    assert "6 of 6 points" in out


def test_cells_gone_or_there_twice_are_an_error_with_a_way_out(exercise, answered, capsys):
    assert main(["exercise", "check", str(answered("gone.ipynb", lambda c: c.pop(3)))]) == 1
    told = capsys.readouterr().err
    assert "cells of the exercise are gone: task_1_test" in told
    assert "`mle exercise start 2.1`" in told
    assert main(["exercise", "check", str(answered("twice.ipynb", again))]) == 1
    assert "there twice: task_1" in capsys.readouterr().err


def test_class_is_graded_whatever_is_handed_in(exercise, answered, capsys, tmp_path):
    place = f"in/{{}}/{exercise.name}/{exercise.name}.ipynb"

    def peek(cells):
        cells.append(nbformat.v4.new_code_cell("print('\\n'.join(In))"))
        cells.append(nbformat.v4.new_code_cell("print('mine')"))

    def remove(cells):
        del cells[2:4]

    answered(place.format("Ann [right]"))
    answered(place.format("ben"), task_2="import time\nwhile True:\n    time.sleep(0.1)")
    answered(place.format("cem"), task_1="import os\nos._exit(3)")
    answered(place.format("dan"), remove)
    answered(place.format("eve"), peek, task_1="def task_1(values):\n    raise KeyError(values)")
    answered(place.format("fay"), lambda c: c[3].metadata.nbgrader.update(schema_version=99, grade=False))
    answered(place.format("gus"), again)
    answered(place.format("jan"), lambda c: c[3].update(source="pass"), task_1="task_1 = None")
    broken = tmp_path / place.format("hal")
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    (tmp_path / "in" / "ida").mkdir()
    output, feedback = tmp_path / "grades.csv", tmp_path / "feedback"
    command = ["exercise", "grade", "2", "--submitted", str(tmp_path / "in"), "--output", str(output)]
    assert main([*command, "--feedback", str(feedback), "--timeout", "4"]) == 0
    assert "Ann [right] 01_missing_data: 6 of 6" in capsys.readouterr().out
    with output.open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    tasks = {name: [row[f"task_{n}"] for n in (1, 2, 3)] for name, row in rows.items()}
    assert tasks == {
        "Ann [right]": ["1", "2", "3"],
        "ben": ["1", "0", "3"],
        "cem": ["0", "2", "3"],
        "dan": ["0", "2", "3"],
        "eve": ["0", "2", "3"],
        "fay": ["1", "2", "3"],
        "gus": ["1", "2", "3"],
        "hal": ["0", "0", "0"],
        "ida": ["0", "0", "0"],
        "jan": ["0", "2", "3"],
    }
    assert rows["dan"]["note"] == "cells put back: task_1, task_1_test"
    assert rows["fay"]["note"] == ""
    assert rows["gus"]["note"] == "cells there twice, the first counts: task_1"
    assert "is not a notebook" in rows["hal"]["note"]
    assert rows["ida"]["note"] == "nothing handed in"
    assert {r["max_score"] for r in rows.values()} == {"6"}
    pages = {path.parent.name: path.read_text(encoding="utf-8") for path in feedback.glob("*/*.html")}
    assert set(pages) == {"Ann [right]", "ben", "cem", "dan", "eve", "fay", "gus", "jan"}
    assert all(
        "[4, 5, 6]" not in page and "15" not in page.split("<body>")[-1][-400:] for page in pages.values()
    )
    assert "stand_in" not in pages["eve"], "what the grader runs is no part of the history"
    assert "mine" in pages["eve"]
    assert "the cell ran longer than 4 s" in pages["ben"]
    assert "the cell ended the kernel" in pages["cem"]


def test_grading_needs_submissions(exercise, tmp_path, capsys):
    command = ["exercise", "grade", "2", "--output", str(tmp_path / "g.csv"), "--submitted"]
    assert main([*command, "nosuch"]) == 1
    assert "the folder nosuch does not exist" in capsys.readouterr().err
    (tmp_path / "in" / "ann" / "other").mkdir(parents=True)
    assert main([*command, str(tmp_path / "in")]) == 1
    assert "no in/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb for any of: 01_missing_data" in capsys.readouterr().err
    assert not (tmp_path / "g.csv").exists()


def test_grades_without_feedback(exercise, answered, tmp_path):
    path = answered(f"in/ann/{exercise.name}/{exercise.name}.ipynb", task_3="task_3 = None")
    results = grade_class([exercise], tmp_path / "in", tmp_path / "g.csv")
    assert [(student, grading.points) for student, grading in results] == [("ann", 3)]
    assert "TypeError: 'NoneType' object is not callable" in str(results[0][1])
    assert check(exercise, path).points == 3


def failed(ename, evalue, line=None, source="assert x, 'm'"):
    where = [f"\x1b[32mCell In[5]\x1b[0m, line {line}"] if line else []
    error = nbformat.v4.new_output("error", ename=ename, evalue=evalue, traceback=where)
    return nbformat.v4.new_code_cell(source, outputs=[error])


HIDDEN = "visible\n### BEGIN HIDDEN TESTS\nassert secret == 1234\n### END HIDDEN TESTS"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (nbformat.v4.new_code_cell("1"), ""),
        (failed("AssertionError", "too\nhigh", 1, HIDDEN), "too high"),
        (failed("AssertionError", "", 1), "an assertion failed that says nothing"),
        (failed("ValueError", "1234", 3, HIDDEN), "a hidden test fails with ValueError; read the task again"),
        (failed("AssertionError", "1234", None, HIDDEN), "a hidden test fails; read the task again"),
        (failed("NotImplementedError", "", 3, HIDDEN), "not answered yet"),
        (failed("CellTimeoutError", "the cell ran longer than 5 s"), "the test ran longer than 5 s"),
    ],
)
def test_message_of_a_test_cell(cell, shown):
    assert shown_error(cell).startswith(shown)
    assert bool(shown_error(cell)) == bool(shown)
    assert "1234" not in shown_error(cell)


def test_message_of_an_answer_cell():
    assert answer_error(nbformat.v4.new_code_cell("1")) == ""
    assert answer_error(failed("NotImplementedError", "")) == "not answered yet"
    assert answer_error(failed("NameError", "x", 2)) == "the answer's cell fails: NameError: x (line 2)"
    assert one_line(failed("KeyboardInterrupt", "").outputs[0]) == "KeyboardInterrupt"


def test_quoted_tests_are_recognized_in_text_and_in_values():
    quoted = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text=f"x\n{SECRET}\n")])
    data = {"text/plain": repr(SECRET)}
    value = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("execute_result", data)])
    assert leaks(quoted, [SECRET])
    assert leaks(value, [SECRET])
    assert not leaks(quoted, ["x"])
