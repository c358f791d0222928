"""Rules for the source of an exercise; each names the cell that breaks it."""

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import (
    ExerciseError,
    release,
)
from mlhelpers.course.exercises.rules import check_source, hidden_lines
from mlhelpers.course.files import read_notebook


def marks(cells, number):
    return cells[number].metadata.nbgrader


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[0].update(source="# Other"), "the first line must be `# Exercise 2.1: Missing data`"),
        (lambda c: c.clear(), "the first line must be"),
        (lambda c: marks(c, 3).pop("grade_id"), "without a grade_id"),
        (lambda c: marks(c, 3).update(grade_id="task_2_test"), "have one grade_id, task_2_test"),
        (lambda c: marks(c, 3).update(grade_id="other"), "test other has no answer cell"),
        (lambda c: marks(c, 3).update(grade_id="other"), "answer task_1 has no test cell task_1_test"),
        (lambda c: marks(c, 3).update(solution=True), "is answer and test at once"),
        (lambda c: marks(c, 3).update(points=0), "has no points"),
        (lambda c: c[3].update(source="assert 1 == 1, 'm'"), "has no hidden tests"),
        (lambda c: c[3].update(source=c[3].source.replace("Hidden tests:", "")), "lacks the line"),
        (lambda c: c[3].update(source="assert 1\n" + c[3].source), "line 1: the assertion has no message"),
        (lambda c: c[2].update(source="x = 1"), "its solution would be handed out"),
        (lambda c: c[2].update(source="### BEGIN SOLUTION\nx = 1"), "1 times `### BEGIN SOLUTION` but 0"),
        (lambda c: c[2].metadata.pop("nbgrader"), "is no solution cell of nbgrader"),
        (lambda c: c.__delitem__(slice(1, 4)), "2 tasks; keep 3 to 5"),
    ],
)
def test_broken_rule_is_an_error_that_names_the_cell(edit, change, message, capsys):
    exercise = edit(change)
    with pytest.raises(ExerciseError, match=r"01_missing_data\.ipynb:\n  - ") as caught:
        check_source(exercise)
    assert message in str(caught.value)
    assert main(["exercise", "release"]) == 1
    assert message in capsys.readouterr().err


def test_other_files_beside_the_source_are_refused(exercise):
    (exercise.source.parent / "wrong_answers.yml").write_text("")
    with pytest.raises(ExerciseError, match=r"wrong_answers\.yml would be handed out"):
        check_source(exercise)


def test_read_only_cells_are_allowed(edit):
    def given(cells):
        cell = nbformat.v4.new_code_cell("given = 1")
        cell.metadata.nbgrader = {**marks(cells, 3), "grade_id": "given", "grade": False}
        del cell.metadata.nbgrader["points"]
        cells.insert(1, cell)

    exercise = edit(given)
    check_source(exercise)
    release(exercise)
    assert read_notebook(exercise.release).cells[1].source == "given = 1"


def test_hidden_lines_count_their_marks():
    assert hidden_lines("a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nc") == [2, 3, 4]
