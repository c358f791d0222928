"""Progress is kept, shown and never lost silently."""

import json

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.syllabus import progress


def test_runs_are_counted_by_chapter(course):
    progress.record_run("1.1", seconds=2.34)
    progress.record_run("1.1")
    result = progress.summary()
    assert (result.run, result.written) == (1, 1)
    entry = json.loads(progress.progress_file().read_text())["lessons"]["1.1"]
    assert (entry["runs"], entry["seconds"]) == (2, 2.3)


def test_planned_lessons_do_not_count_as_run(course):
    progress.record_run("2.1")
    assert progress.summary().run == 0


def test_best_attempt_of_an_exercise_counts(course):
    progress.record_exercise("2.1/outliers", 4, 4)
    progress.record_exercise("2.1/outliers", 1, 4)
    progress.record_exercise("2.2", 1, 4)
    assert [c.exercises_passed for c in progress.summary().chapters] == [0, 1]


@pytest.mark.parametrize(("points", "most"), [(5, 4), (-1, 4), (0, 0)])
def test_impossible_points_are_refused(course, points, most):
    with pytest.raises(ValueError, match="give 0 <= points <= max_points > 0"):
        progress.record_exercise("2.1", points, most)


def test_unknown_lesson_is_refused(course):
    with pytest.raises(ValueError, match="no lesson"):
        progress.record_run("9.9")
    with pytest.raises(ValueError, match="no lesson"):
        progress.record_exercise("9.9/a", 1, 1)


@pytest.mark.parametrize("content", ["{half", '{"lessons": {}}', '{"lessons": [], "exercises": {}}', "\x00"])
def test_corrupted_file_is_kept_aside_and_told(course, capsys, content):
    progress.progress_file().write_text(content)
    assert main(["progress"]) == 1
    assert "it is kept as progress.json.bak" in capsys.readouterr().err
    assert progress.progress_file().with_suffix(".json.bak").read_text() == content
    assert main(["progress"]) == 0


def test_summary_shows_itself_as_text_and_as_a_table(course, capsys):
    progress.record_run("1.1")
    assert main(["progress"]) == 0
    text = capsys.readouterr().out
    assert "1 of 1 lessons run" in text
    assert " 1 Foundations  #          0 exercises passed" in text
    assert text.endswith("chapter 2 planned, 2 lessons\n")
    table = progress.summary()._repr_html_()
    assert '<progress value="1" max="1">' in table
    assert table.endswith("<p>chapter 2 planned, 2 lessons</p>")


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ([5, 0, 0, 0], "chapters 2 to 4 planned, 15 lessons"),
        ([5, 0, 5, 0], "chapters 2, 4 planned, 10 lessons"),
        ([5, 5], None),
    ],
)
def test_planned_chapters_are_summed_in_one_line(written, line):
    chapters = [
        progress.ChapterProgress(n, f"Chapter {n}", 5, count, 0, 1) for n, count in enumerate(written, 1)
    ]
    last = str(progress.Summary(tuple(chapters))).splitlines()[-1]
    assert last == line if line else last.endswith("1 exercise passed")


def test_json_and_reset(course, capsys):
    progress.record_run("1.1")
    assert main(["progress", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == 1
    assert main(["progress", "--reset"]) == 0
    assert "0 of 1 lessons run" in capsys.readouterr().out


def test_file_is_in_the_user_data_folder_unless_told_otherwise(monkeypatch, own_progress):
    assert progress.progress_file() == own_progress / "progress.json"
    monkeypatch.delenv("MLE_PROGRESS_DIR")
    assert progress.progress_file().parent.name == "mlhelpers"
