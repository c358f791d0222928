"""Exercises on the small course: scaffold, rules, release, start, assign; no kernel runs here."""

import zipfile

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import (
    Exercise,
    ExerciseError,
    exercise_of,
    find_exercises,
    orphans,
    release,
)
from mlhelpers.course.exercises.rules import check_source, hidden_lines
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


def test_names_follow_from_the_lesson(exercise):
    assert exercise.name == "01_missing_data"
    assert exercise.source.relative_to(exercise.root).as_posix() == (
        "exercises/02_data/source/01_missing_data/01_missing_data.ipynb"
    )


def test_scaffold_keeps_every_rule_and_never_overwrites(exercise, capsys):
    check_source(exercise)
    assert main(["exercise", "new", "2.1"]) == 1
    assert "exists already" in capsys.readouterr().err


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


@pytest.mark.parametrize("what", ["2", "2.1", "02_data", "exercises/02_data", "01_missing_data", None])
def test_exercises_are_found_by_chapter_lesson_and_path(exercise, what):
    assert [found.lesson.number for found in find_exercises(what)] == ["2.1"]


def test_exercises_are_found_by_the_path_of_a_file(exercise):
    assert find_exercises(str(exercise.release)) == [exercise]


def test_unknown_exercise_is_told_with_those_that_exist(exercise, capsys):
    assert main(["exercise", "start", "nosuch"]) == 1
    assert capsys.readouterr().err == "mle: no exercise for 'nosuch'; there are: 2.1\n"


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


def test_notebook_is_recognized_by_name_or_by_its_cells(exercise, tmp_path):
    renamed = tmp_path / "my attempt.ipynb"
    renamed.write_bytes(exercise.release.read_bytes())
    assert exercise_of(renamed) == exercise
    assert exercise_of(exercise.release) == exercise


def test_notebook_of_no_exercise_is_refused(exercise, make, capsys):
    assert main(["exercise", "check", str(make("other.ipynb", "1"))]) == 1
    assert "is no exercise of this course" in capsys.readouterr().err
    assert main(["exercise", "check", "nosuch.ipynb"]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_course_without_exercises_says_so(course, make):
    with pytest.raises(ExerciseError, match="there are: none yet"):
        find_exercises("2.1")
    with pytest.raises(ExerciseError, match="is no exercise"):
        exercise_of(make("a.ipynb", "1"))


def test_class_assignment_as_zip_is_the_same_each_time(exercise, tmp_path, capsys):
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert main(["exercise", "assign", "2", str(first)]) == 0
    assert "01_missing_data/01_missing_data.ipynb" in capsys.readouterr().out
    assert main(["exercise", "assign", "02_data", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as file:
        assert file.namelist() == ["01_missing_data/01_missing_data.ipynb"]
        assert file.read(file.namelist()[0]) == exercise.release.read_bytes()


def test_class_assignment_as_folder_never_overwrites(exercise, tmp_path, capsys):
    folder = tmp_path / "class" / "week_3"
    assert main(["exercise", "assign", "2.1", str(folder)]) == 0
    handed_out = folder / "01_missing_data" / "01_missing_data.ipynb"
    assert handed_out.read_bytes() == exercise.release.read_bytes()
    assert main(["exercise", "assign", "2.1", str(folder)]) == 1
    assert "not empty" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["exercise", "assign", "2.1", str(empty)]) == 0


def test_stale_release_is_not_handed_out(edit, tmp_path, capsys):
    edit(lambda cells: cells[1].update(source="## Task 1: other words"))
    assert main(["exercise", "assign", "2", str(tmp_path / "a.zip")]) == 1
    assert "not in sync" in capsys.readouterr().err
    assert not (tmp_path / "a.zip").exists()


def test_release_without_source_is_told(exercise, capsys):
    exercise.source.unlink()
    assert main(["exercise", "release"]) == 1
    assert "has no source; remove it" in capsys.readouterr().err
    assert len(orphans(load_syllabus())) == 2


def test_paths_of_an_exercise_need_no_files(course):
    syllabus = load_syllabus()
    exercise = Exercise(course, syllabus.lesson("2.2"))
    assert exercise.own.name == "02_cleaning.ipynb"
    assert find_exercises(syllabus=syllabus) == []
