"""Executing and storing lessons, with real kernels; the scaffold of a new one."""

import re

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.lessons.lesson import run_lesson
from mlhelpers.course.syllabus.progress import summary

DRAW = """import matplotlib.pyplot as plt
import pandas as pd
from mlhelpers.course.plots import use_style
use_style()
fig, ax = plt.subplots()
ax = pd.Series([1, 2]).plot(ax=ax)
plt.show()"""


def test_saving_twice_gives_the_same_bytes(make, capsys):
    table = "pd.DataFrame({'a': [1.5]}).style.format(precision=1)"
    path = make("a.ipynb", "import sys\nprint(1, flush=True)\nprint(2)", DRAW, table, "", "1 + 1")
    assert main(["lesson", "save", str(path)]) == 0
    first = path.read_bytes()
    assert main(["lesson", "save", str(path)]) == 0
    assert path.read_bytes() == first
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("a: saved, 4 cells, ")
    assert out[0].endswith(" MB")


def test_saved_lesson_holds_merged_output_and_counts_and_no_timing(make):
    path = make("a.ipynb", "print(1, flush=True)\nprint(2)", "", "1 + 1")
    result = run_lesson(path, store=True)
    notebook = nbformat.read(path, 4)
    printed, empty, value = notebook.cells
    assert [output.text for output in printed.outputs] == ["1\n2\n"]
    assert [cell.execution_count for cell in (printed, empty, value)] == [1, None, 2]
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert "version" not in notebook.metadata.language_info
    assert 20 < result.peak_megabytes < 1500
    assert result.cells == 2


def test_run_leaves_the_file_and_records_the_lesson(course, make, capsys):
    path = make("notebooks/01_foundations/01_what_it_is.ipynb", "print(1)")
    before = path.read_bytes()
    assert main(["lesson", "run", str(path)]) == 0
    assert path.read_bytes() == before
    assert summary().run == 1


def test_run_in_place_stores_outputs(make):
    path = make("a.ipynb", "print(1)")
    assert main(["lesson", "run", "--in-place", str(path)]) == 0
    assert nbformat.read(path, 4).cells[0].outputs[0].text == "1\n"


def test_failing_lesson_is_left_as_it_was_and_the_others_still_run(make, capsys):
    bad, good = make("bad.ipynb", "x = 1\n1 / 0"), make("good.ipynb", "print(1)")
    before = bad.read_bytes()
    assert main(["lesson", "save", str(bad), str(good)]) == 1
    told = capsys.readouterr()
    assert "cell 1 (In [1]) failed: ZeroDivisionError: division by zero" in told.err
    assert "raised at:   line 2: 1 / 0" in told.err
    assert "good: saved" in told.out
    assert bad.read_bytes() == before


def test_lesson_whose_kernel_dies_is_told(make, capsys):
    assert main(["lesson", "run", str(make("dies.ipynb", "import os\nos.kill(os.getpid(), 9)"))]) == 1
    assert re.search(r"cell 1 \(In \[.\]\) failed: DeadKernelError", capsys.readouterr().err)


def test_lesson_above_the_limits_is_told(make, monkeypatch, capsys):
    monkeypatch.setattr("mlhelpers.course.lessons.lesson.LIMIT_SECONDS", 0)
    assert main(["lesson", "run", str(make("a.ipynb", "1"))]) == 0
    assert "above the limit of 0 s" in capsys.readouterr().err


def test_lesson_runs_in_its_own_folder(make):
    path = make("deep/a.ipynb", "import pathlib\nassert pathlib.Path('a.ipynb').exists()")
    assert run_lesson(path).cells == 1


@pytest.mark.parametrize("action", ["run", "save", "check"])
def test_missing_or_broken_files_are_told(course, action, capsys):
    (course / "b.ipynb").write_text("{}")
    assert main(["lesson", action, "a.ipynb"]) == 1
    assert "a.ipynb does not exist" in capsys.readouterr().err
    assert main(["lesson", action, "b.ipynb"]) == 1
    assert "is not a notebook" in capsys.readouterr().err


def test_lessons_are_named_by_their_number_too(course, make, capsys):
    make("notebooks/01_foundations/01_what_it_is.ipynb", "print(1)")
    assert main(["lesson", "run", "1.1"]) == 0
    assert capsys.readouterr().out.startswith("01_what_it_is: ran, 1 cells")
    assert main(["lesson", "check", "1.1"]) == 1
    assert capsys.readouterr().out.startswith("notebooks/01_foundations/01_what_it_is.ipynb: file: L")


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("2.1", "lesson 2.1 Missing data is planned, not written yet; `mle list` shows those that are"),
        ("1.2", "no lesson '1.2' in the syllabus; chapter 1 has 1.1 to 1.1"),
        (
            "notebooks/01_foundations/01_what_is_it.ipynb",
            "01_what_is_it.ipynb does not exist; did you mean 1.1 What it is?",
        ),
    ],
)
@pytest.mark.parametrize("action", ["run", "save", "check"])
def test_lesson_that_is_not_there_gets_the_nearest(course, action, what, told, capsys):
    assert main(["lesson", action, what]) == 1
    assert told in capsys.readouterr().err
