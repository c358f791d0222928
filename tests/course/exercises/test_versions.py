"""Release and the learner's copy: the same bytes twice, nothing overwritten."""

import nbformat

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import (
    release,
)
from mlhelpers.course.files import read_notebook


def test_release_has_stubs_and_no_hidden_tests_and_locks_its_tests(exercise):
    notebook = read_notebook(exercise.release)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count("raise NotImplementedError()") == 3
    assert "HIDDEN TESTS" not in text
    assert "return sum" not in text
    assert "# Hidden tests: TODO" in text
    tests = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert all(cell.metadata.editable is False and cell.metadata.deletable is False for cell in tests)


def test_releasing_twice_gives_the_same_bytes(exercise, capsys):
    before = exercise.release.read_bytes(), exercise.source.read_bytes()
    exercise.release.unlink()
    assert main(["exercise", "release"]) == 0
    assert "2.1 01_missing_data: written" in capsys.readouterr().out
    assert (exercise.release.read_bytes(), exercise.source.read_bytes()) == before
    assert main(["exercise", "release", "--check", "2"]) == 0
    assert "in sync" in capsys.readouterr().out


def test_check_finds_a_changed_source_and_writes_nothing(edit, exercise, capsys):
    before = exercise.release.read_bytes()
    edit(lambda cells: cells[1].update(source="## Task 1: other words"))
    assert main(["exercise", "release", "--check"]) == 1
    assert "NOT in sync" in capsys.readouterr().out
    assert exercise.release.read_bytes() == before


def test_outputs_and_random_ids_of_the_source_are_taken_away(edit, exercise):
    def run(cells):
        cells[2].outputs = [nbformat.v4.new_output("stream", text="1\n")]
        cells[2].execution_count = 7
        cells[2].id = "random00"

    edit(run)
    assert not release(exercise)
    assert release(exercise, check=True)


def test_start_copies_once_and_never_overwrites(exercise, capsys):
    assert main(["exercise", "start", "2.1"]) == 0
    own = exercise.root / "my_exercises" / "02_data" / "01_missing_data.ipynb"
    assert capsys.readouterr().out.strip() == "my_exercises/02_data/01_missing_data.ipynb"
    own.write_text("my work")
    assert main(["exercise", "start", "2.1"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert own.read_text() == "my work"


def test_start_without_release_says_how_to_make_one(exercise, capsys):
    exercise.release.unlink()
    assert main(["exercise", "start", "2.1"]) == 1
    assert "run `mle exercise release 2.1`" in capsys.readouterr().err
