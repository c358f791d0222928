"""The README's table of chapters."""

import pytest

from mlhelpers.course.syllabus.readme import END, START, main


@pytest.fixture
def readme(course):
    file = course / "README.md"
    file.write_text(f"# Course\n\n{START}\nold\n{END}\n\nmore\n")
    return file


def test_table_is_written_between_the_markers(readme):
    assert main([]) == 0
    text = readme.read_text()
    link = "[1.1 What it is](notebooks/01_foundations/01_what_it_is.ipynb)"
    row = f"| 1 Foundations | begin with a sound machine | {link} |"
    assert row in text.splitlines()
    assert "| 2 Data | check the data | 2 planned |" in text
    assert text.startswith("# Course\n\n<!--")
    assert text.endswith("-->\n\nmore\n")


def test_check_fails_until_the_table_is_written_and_writes_nothing(readme, capsys):
    before = readme.read_text()
    assert main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert readme.read_text() == before
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert main([]) == 0


def test_count_of_lessons_is_that_of_the_syllabus(readme):
    readme.write_text(readme.read_text() + "<!-- lessons:start -->70<!-- lessons:end --> lessons\n")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert readme.read_text().endswith("<!-- lessons:start -->1 of 3<!-- lessons:end --> lessons\n")
    assert main(["--check"]) == 0


@pytest.mark.parametrize("content", ["no markers", f"{END} {START}", f"{START} {END} {START}"])
def test_unusable_markers_are_told(readme, content, capsys):
    readme.write_text(content)
    assert main([]) == 1
    assert "must hold" in capsys.readouterr().err


def test_missing_readme_is_told(course, capsys):
    assert main([]) == 1
    assert "README.md" in capsys.readouterr().err
