"""A class from its submissions to its tables; a stub grades where grading is not what is tested."""

import csv
import json
import os
from dataclasses import dataclass, field

import nbformat
import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import choose_exercises
from mlhelpers.course.exercises import classroom as module
from mlhelpers.course.exercises.classroom import Progress, grade_submissions, records_path
from mlhelpers.course.exercises.exercise import ExerciseError
from mlhelpers.course.exercises.grading import Grading, Task


@pytest.fixture
def hand_in(two, tmp_path):
    """Write a submission, the release version with a number of points that the stub gives."""

    def write(path, points=0, exercise=two[0], stamp=None):
        notebook = nbformat.read(exercise.release, as_version=4)
        notebook.metadata["stub"] = points
        path = tmp_path / "in" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        if stamp is not None:
            os.utime(path, (stamp, stamp))
        return path

    return write


@dataclass
class Stub:
    """Stands for the graders: a submission has the points that its metadata say."""

    graded: list = field(default_factory=list)
    ends_after: int = 10**6

    def grade(self, jobs):
        for number, job in enumerate(jobs):
            if len(self.graded) >= self.ends_after:
                raise KeyboardInterrupt
            self.graded.append(job.exercise.name)
            points = json.loads(job.data)["metadata"]["stub"]
            tasks = Task("a", "Task a", min(points, 4.0), 4.0, "low"), Task("b", "Task b", 0.0, 2.0, "=none")
            yield number, Grading(job.exercise, tasks), f"page of {points}" if job.page else None

    def __call__(self, exercises, limits, workers):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


@pytest.fixture
def stub(monkeypatch):
    made = Stub()
    monkeypatch.setattr(module, "Graders", made)
    monkeypatch.setattr(module, "best_sandbox", lambda: "a stub")
    monkeypatch.setattr("mlhelpers.course.exercises.sandbox.best_sandbox", lambda: "a stub")
    return made


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_chapters_lessons_and_ranges_are_chosen_once_and_in_order(two):
    def numbers(*words):
        return [exercise.lesson.number for exercise in choose_exercises(words)]

    assert numbers() == numbers("2") == numbers("1-3") == numbers("2.2", "2.1", "02_data") == ["2.1", "2.2"]
    assert numbers("2.2-2.9") == numbers("2.2") == ["2.2"]
    assert numbers("1-2.1") == ["2.1"]
    with pytest.raises(ExerciseError, match=r"range '3-4'; there are: 2\.1, 2\.2"):
        choose_exercises(["2.1", "3-4"])


def test_several_are_released_and_assigned_at_once(two, tmp_path, capsys):
    assert main(["exercise", "release", "2.2", "2.1", "--check"]) == 0
    assert capsys.readouterr().out.count("in sync") == 2
    assert main(["exercise", "assign", "2.1", "2.2", str(tmp_path / "a.zip")]) == 0
    assert [line.split("/")[0] for line in capsys.readouterr().out.splitlines()[:2]] == [e.name for e in two]


def test_class_table_has_a_row_per_student(two, hand_in, stub, tmp_path, capsys):
    first, second = two
    hand_in(f"ann/{first.name}/{first.name}.ipynb", 4)
    hand_in(f"ann/{second.name}/{second.name}.ipynb", 2, second)
    hand_in(f"ben/{first.name}/{first.name}.ipynb", 1)
    output = tmp_path / "grades.csv"
    command = ["exercise", "grade", "2", "--submitted", str(tmp_path / "in"), "--output", str(output)]
    assert main([*command, "--pass-mark", "50"]) == 0
    told = capsys.readouterr().out
    assert "[3/3]" in told
    assert "student  2.1  2.2  total  percent  passed" in told
    assert (tmp_path / "grades_class.csv").read_text() == (
        f"student,{first.name},{second.name},total,percent,passed\n"
        "(possible),6,6,12,100,\nann,4,2,6,50,yes\nben,1,,1,8.3,no\n"
    )
    assert [row["note"] for row in rows(output)] == ["", "", "", "nothing handed in"]
    assert main([*command, "--pass-mark", "101"]) == 1
    assert "between 0 and 100, not 101" in capsys.readouterr().err


def test_killed_run_goes_on_and_unchanged_submissions_are_not_graded_again(two, hand_in, stub, tmp_path):
    for student in ("ann", "ben", "cem"):
        hand_in(f"{student}/{two[0].name}.ipynb", 3)
    paths = tmp_path / "in", tmp_path / "out" / "grades.csv"
    stub.ends_after = 2
    with pytest.raises(KeyboardInterrupt):
        grade_submissions(two, *paths, feedback=tmp_path / "pages")
    assert [row["student"] for row in rows(paths[1])] == ["ann", "ben"]
    stub.ends_after = 10**6
    steps = []
    graded = grade_submissions(
        two, *paths, feedback=tmp_path / "pages", each=lambda s, g, progress: steps.append((s, progress))
    )
    assert (graded.reused, len(stub.graded), [e.student for e in graded.entries]) == (
        2,
        3,
        ["ann", "ben", "cem"],
    )
    assert [(s, p.done, p.total) for s, p in steps] == [("cem", 3, 3)]
    hand_in(f"ben/{two[0].name}.ipynb", 1)
    (tmp_path / "pages" / "ann" / f"{two[0].name}.html").unlink()
    graded = grade_submissions(two, *paths, feedback=tmp_path / "pages")
    assert (graded.reused, len(stub.graded)) == (1, 5), "a changed notebook, and a page that is gone"
    assert [e.grading.points for e in graded.entries] == [3, 1, 3]
    assert grade_submissions(two, *paths, regrade=True).reused == 0
    assert grade_submissions(two, *paths, timeout=5.0).reused == 0, "another limit may give another result"


def test_changed_exercise_and_faults_of_the_machine_are_graded_again(
    two, hand_in, stub, tmp_path, monkeypatch
):
    hand_in(f"ann/{two[0].name}.ipynb", 3)
    paths = tmp_path / "in", tmp_path / "grades.csv"
    grade_submissions(two, *paths)
    text = two[0].source.read_text(encoding="utf-8")
    two[0].source.write_text(text.replace("TODO title", "Title"), encoding="utf-8")
    assert grade_submissions(two, *paths).reused == 0
    fault = Grading(two[0], (Task("a", "a", 0.0, 1.0, ""),), ("could not be graded: OSError: no space",))
    monkeypatch.setattr(stub, "grade", lambda jobs: iter([(0, fault, None)]))
    grade_submissions(two, *paths, regrade=True)
    assert grade_submissions(two, *paths).reused == 0


def test_progress_tells_the_time_left():
    assert str(Progress(1, 3)) == "[1/3]"
    assert str(Progress(1, 3, 65.2)) == "[1/3, 1:05 min left]"
    assert str(Progress(1, 3, 3000)) == "[1/3, 50 min left]"
    assert str(Progress(3, 3, 0)) == "[3/3]"


def test_number_of_workers_is_checked(two, tmp_path):
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        grade_submissions(two, tmp_path, tmp_path / "g.csv", workers=0)
    assert records_path(tmp_path / "g.csv").name == "g.results.jsonl"
