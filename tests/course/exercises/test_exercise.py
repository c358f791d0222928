"""An exercise by number, name, path or its cells."""

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import (
    Exercise,
    ExerciseError,
    exercise_of,
    find_exercises,
)
from mlhelpers.course.syllabus import load_syllabus


def test_names_follow_from_the_lesson(exercise):
    assert exercise.name == "01_missing_data"
    assert exercise.source.relative_to(exercise.root).as_posix() == (
        "exercises/02_data/source/01_missing_data/01_missing_data.ipynb"
    )


@pytest.mark.parametrize("what", ["2", "2.1", "02_data", "exercises/02_data", "01_missing_data", None])
def test_exercises_are_found_by_chapter_lesson_and_path(exercise, what):
    assert [found.lesson.number for found in find_exercises(what)] == ["2.1"]


def test_exercises_are_found_by_the_path_of_a_file(exercise):
    assert find_exercises(str(exercise.release)) == [exercise]


def test_unknown_exercise_is_told_with_those_that_exist(exercise, capsys):
    assert main(["exercise", "start", "nosuch"]) == 1
    assert capsys.readouterr().err == "mle: no exercise for 'nosuch'; there are: 2.1\n"


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


def test_paths_of_an_exercise_need_no_files(course):
    syllabus = load_syllabus()
    exercise = Exercise(course, syllabus.lesson("2.2"))
    assert exercise.own.name == "02_cleaning.ipynb"
    assert find_exercises(syllabus=syllabus) == []
