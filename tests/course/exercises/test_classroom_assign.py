"""Assignments for a class: a zip or a folder, of releases that fit their sources."""

import zipfile

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import (
    orphans,
)
from mlhelpers.course.syllabus import load_syllabus


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
