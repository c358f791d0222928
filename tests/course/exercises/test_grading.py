"""Grading with real kernels: what a learner reads, and a class in which everything goes wrong."""

import json

import nbformat

from mlhelpers.course.commands.cli import main
from mlhelpers.course.syllabus.progress import progress_file


def again(cells):
    """A second copy of the first answer, as Jupyter pastes it."""
    cells.append(nbformat.v4.new_code_cell("def task_1(values):\n    return 0", metadata=cells[2].metadata))


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
