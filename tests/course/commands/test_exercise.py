"""`mle exercise start` and `check` by the number of a lesson."""

import pytest

from mlhelpers.course.commands import exercise as command
from mlhelpers.course.commands.cli import main


@pytest.fixture
def two(course):
    """Exercises of the lessons 2.1 and 2.2 with release versions, in a course of its own."""
    for name in ("01_missing_data", "02_cleaning"):
        for step in ("source", "release"):
            file = course / "exercises" / "02_data" / step / name / f"{name}.ipynb"
            file.parent.mkdir(parents=True)
            file.write_text("{}")
    return course


@pytest.mark.parametrize("action", ["start", "check"])
def test_planned_exercise_is_told_apart_from_one_that_never_will_be(course, action, capsys):
    assert main(["exercise", action, "2.2"]) == 1
    assert "lesson 2.2 Cleaning is planned, not written yet; its exercise" in capsys.readouterr().err
    assert main(["exercise", action, "2.9"]) == 1
    assert "no lesson '2.9' in the syllabus; chapter 2 has 2.1 to 2.2" in capsys.readouterr().err


def test_planned_chapter_is_told(course, capsys):
    for name in ("2", "02_data"):
        assert main(["exercise", "start", name]) == 1
        assert "chapter 2 Data is planned" in capsys.readouterr().err


def test_written_lesson_without_an_exercise_is_told(course, capsys):
    assert main(["exercise", "start", "1.1"]) == 1
    assert "no exercise for '1.1'; there are: none yet" in capsys.readouterr().err


def test_chapter_makes_the_copies_that_are_missing(two, capsys):
    assert main(["exercise", "start", "2.1"]) == 0
    assert main(["exercise", "start", "2"]) == 0
    told = capsys.readouterr()
    assert "01_missing_data.ipynb exists already" in told.err
    assert told.out.splitlines()[-1] == "my_exercises/02_data/02_cleaning.ipynb"
    assert main(["exercise", "start", "2"]) == 1


def test_check_by_number_grades_the_learners_copy(two, monkeypatch, capsys):
    assert main(["exercise", "check", "2.1"]) == 1
    told = capsys.readouterr().err
    assert "`mle exercise start 2.1` makes my_exercises/02_data/01_missing_data.ipynb" in told
    assert main(["exercise", "start", "2.1"]) == 0
    graded = []
    monkeypatch.setattr(command, "exercise_of", lambda path: graded.append(path) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["exercise", "check", "2.1"])
    assert graded == [two / "my_exercises" / "02_data" / "01_missing_data.ipynb"]
