"""A class graded with attempts, dates and times by one command."""

import csv
import os
from datetime import UTC, datetime, timedelta

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import classroom as module
from mlhelpers.course.exercises.grading import Grading, Task

DUE = datetime(2027, 2, 15, 18, tzinfo=UTC)


def grading(exercise, first, second=0.0, message="low", notes=()):
    tasks = (
        Task("a", "Task a", first, 4.0, "" if first == 4 else message),
        Task("b", "Task b", second, 2.0, "" if second == 2 else "<b>none</b>"),
    )
    return Grading(exercise, tasks, notes)


class Points:
    """Stands for the graders: a submission has as many points as its bytes say."""

    def __call__(self, *given):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def grade(self, jobs):
        for number, job in enumerate(jobs):
            yield number, grading(job.exercise, float(job.data)), None


@pytest.fixture
def class_of_two(course, monkeypatch, tmp_path):
    """One exercise, two attempts of Ann, one late submission of Ben, nothing of Cem; grading is replaced."""
    monkeypatch.setattr(module, "Graders", Points())
    monkeypatch.setattr(module, "best_sandbox", lambda: "a stub")
    monkeypatch.setattr("mlhelpers.course.exercises.sandbox.best_sandbox", lambda: "a stub")
    main(["exercise", "new", "2.1"])
    stamps = {
        "ann/01_missing_data.ipynb": -9,
        "ann/01_missing_data (1).ipynb": 30,
        "ben/01_missing_data.ipynb": 1,
    }
    for (name, hours), points in zip(stamps.items(), (3, 4, 4), strict=True):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(points))
        stamp = (DUE + timedelta(hours=hours)).timestamp()
        os.utime(path, (stamp, stamp))
    (tmp_path / "roster.csv").write_text(
        "student,name,email,canvas_id\nann,Ann Lee,ann@x.org,7\n"
        "ben,Ben Ng,ben@x.org,8\ncem,Cem Oz,c@x.org,9\n"
    )

    def run(policy, *options):
        (tmp_path / "policy.yml").write_text("timezone: UTC\ndue: {2.1: 2027-02-15 18:00}\n" + policy)
        command = [
            "exercise",
            "grade",
            "2",
            "--submitted",
            "in",
            "--output",
            "g.csv",
            "--roster",
            "roster.csv",
        ]
        code = main([*command, "--policy", "policy.yml", *options])
        if code:
            return code
        with (tmp_path / "g_class.csv").open() as file:
            totals = {row["student"]: row["total"] for row in csv.DictReader(file)}
        with (tmp_path / "g.csv").open() as file:
            notes = {row["student"]: row["note"] for row in csv.DictReader(file)}
        return totals, notes

    return run


def test_last_attempt_counts_and_lateness_is_taken_off(class_of_two):
    totals, notes = class_of_two("late: {percent_a_day: 25}")
    assert totals == {"(possible)": "6", "ann": "1", "ben": "2.5", "cem": "0"}
    assert notes["ann"] == "late by 30 h: 3 points off"
    assert notes["cem"] == "nothing handed in"


def test_doubtful_file_is_in_the_note_of_who_has_no_other(class_of_two, tmp_path, capsys):
    for student in ("ben", "cem"):
        (tmp_path / "in" / student).mkdir(exist_ok=True)
        (tmp_path / "in" / student / "work.zip").write_bytes(b"PK")
    _, notes = class_of_two("")
    assert notes["cem"] == "nothing handed in; in doubt: cem/work.zip: is a zip file; unpack it in its place"
    assert notes["ben"] == "late by 60 min"
    told = capsys.readouterr().out
    assert "to look at (2):\n  ben/work.zip: is a zip file" in told


def test_late_in_the_name_and_a_time_stamp_that_is_not_are_named(class_of_two, tmp_path, capsys):
    path = tmp_path / "in" / "cemoz_LATE_9_1_01_missing_data.ipynb"
    path.write_text("2")
    os.utime(path, (DUE.timestamp() - 60, DUE.timestamp() - 60))
    totals, _ = class_of_two("")
    assert totals["cem"] == "2"
    assert f"{path.name}: the LMS calls it LATE, its time stamp does not" in capsys.readouterr().out


def test_best_attempt_is_the_one_with_most_points_after_lateness(class_of_two):
    totals, notes = class_of_two("late: {percent_a_day: 25}\nattempts: best")
    assert totals["ann"] == "3"
    assert notes["ann"] == "attempt 1 of 2 counts"
    totals, notes = class_of_two("late: {percent_a_day: 5}\nattempts: best")
    assert totals["ann"] == "3.4"
    assert notes["ann"] == "late by 30 h: 0.6 points off; attempt 2 of 2 counts"


def test_times_of_the_lms_replace_those_of_the_files(class_of_two, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("student,assignment,time\nben,2.1,2027-02-15 17:59\ncem,2.1,2027-02-15\n")
    totals, _ = class_of_two("late: {percent_a_day: 25}", "--times", "t.csv")
    assert totals["ben"] == "4"
    assert "'cem' has handed in no such file" in capsys.readouterr().out


def test_everything_is_written_by_one_command(class_of_two, tmp_path):
    class_of_two("", "--moodle", "m.csv", "--canvas", "c.csv", "--page", "p.html")
    assert (tmp_path / "m.csv").read_text().splitlines()[1:] == ["ann@x.org,4", "ben@x.org,4", "c@x.org,-"]
    assert (tmp_path / "c.csv").read_text().splitlines()[2] == "Ann Lee,7,,,,4"
    assert "<h1>Gradebook</h1>" in (tmp_path / "p.html").read_text()


def test_faults_are_told_before_anything_is_graded(class_of_two, tmp_path, capsys):
    assert class_of_two("extensions: {zed: 3 days}") == 1
    assert "extension for 'zed', who is no student of this class" in capsys.readouterr().err
    assert class_of_two("titles: {2.9: x}") == 1
    assert "no exercise '2.9'" in capsys.readouterr().err
    (tmp_path / "roster.csv").write_text("student\nann\n")
    assert class_of_two("", "--canvas", "c.csv") == 1
    assert "login of ann in the roster" in capsys.readouterr().err
    assert not (tmp_path / "g.csv").exists()
    assert (
        main(["exercise", "grade", "2", "--submitted", "in", "--output", "g.csv", "--moodle", "m.csv"]) == 1
    )
    assert "need --roster" in capsys.readouterr().err
