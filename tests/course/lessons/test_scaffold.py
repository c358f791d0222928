from mlhelpers.course.commands.cli import main
from mlhelpers.course.lessons.lint import check_lesson


def test_new_lesson_follows_the_syllabus_and_fails_the_check_until_filled(course, capsys):
    assert main(["lesson", "new", "2.1"]) == 0
    path = course / "notebooks" / "02_data" / "01_missing_data.ipynb"
    assert str(path) in capsys.readouterr().out
    source = path.read_text()
    assert "# 2.1 Missing data" in source
    assert "40 min · after 1.1 · helpers: mlhelpers.data.quality · [![Binder]" in source
    assert "# check: what the text says" in source
    codes = {finding.code for finding in check_lesson(path)}
    assert "L011" in codes
    assert codes.isdisjoint(
        {"L001", "L003", "L004", "L005", "L006", "L008", "L010", "L012", "L013", "L016", "L031"}
    )


def test_new_lesson_never_overwrites(course, capsys):
    assert main(["lesson", "new", "2.2"]) == 0
    assert main(["lesson", "new", "2.2"]) == 1
    assert "exists already" in capsys.readouterr().err


def test_new_lesson_at_the_end_of_the_course_says_so(course):
    main(["lesson", "new", "2.2"])
    assert "the end of the course" in (course / "notebooks/02_data/02_cleaning.ipynb").read_text()


def test_new_lesson_of_an_unknown_number_is_told(course, capsys):
    assert main(["lesson", "new", "7.7"]) == 1
    assert "no lesson '7.7'" in capsys.readouterr().err
