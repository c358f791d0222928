"""Files as browsers, Jupyter, Moodle and Canvas name them: found, or named as a doubt."""

import json
import os

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import find_exercises
from mlhelpers.course.exercises.collect import _name_of, find_submissions

A, B = "01_missing_data", "02_cleaning"


@pytest.fixture
def two(course):
    """Exercises of the lessons 2.1 and 2.2, whose tasks have ids of their own."""
    for number in ("2.1", "2.2"):
        main(["exercise", "new", number])
        (exercise,) = find_exercises(number)
        text = exercise.source.read_text(encoding="utf-8")
        exercise.source.write_text(text.replace("task_", f"part_{number[-1]}_"), encoding="utf-8")
    return find_exercises("2")


@pytest.fixture
def put(two, tmp_path):
    """Write a file that answers an exercise; `name` A or B, or a text that is no notebook."""

    def write(path, name=A, stamp=1_800_000_000):
        path = tmp_path / "in" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        source = {e.name: e.source.read_text(encoding="utf-8") for e in two}.get(name, name)
        path.write_text(source, encoding="utf-8")
        os.utime(path, (stamp, stamp))

    return write


@pytest.fixture
def find(two, tmp_path):
    """Submissions and doubts, by name."""

    def run(exercises=two, roster=None):
        found = find_submissions(tmp_path / "in", exercises, roster=roster)
        there = [
            (s.student, s.exercise.name, s.path.relative_to(tmp_path / "in").as_posix())
            for s in found.submissions
        ]
        return there, [str(doubt) for doubt in found.doubts], found

    return run


@pytest.mark.parametrize(
    ("name", "stem", "number"),
    [
        (f"{A}.ipynb", A, 0),
        (f"{A} (1).ipynb", A, 1),
        (f"{A}(12).ipynb", A, 12),
        (f"{A}-3.ipynb", A, 3),
        (f"{A}-Copy1.ipynb", A, 1),
        (f"{A} - Copy.ipynb", A, 1),
        (f"{A} - Copy (2).ipynb", A, 2),
        (f"Copy of {A}.ipynb", A, 1),
        (f"{A} (1)-2.IPYNB", A, 3),
        ("other.ipynb", "other", 0),
    ],
)
def test_what_browsers_and_jupyter_add_to_a_name_is_taken_off(name, stem, number):
    assert _name_of(name) == (stem, number)


@pytest.mark.parametrize(
    ("path", "student"),
    [
        (f"ann/{A}/{A}.ipynb", "ann"),
        (f"ann/{A} (1).ipynb", "ann"),
        ("ann/homework final.ipynb", "ann"),
        (f"ann/any/{A}.ipynb", "ann"),
        (f"{A}/Ann Lee_123_assignsubmission_file_/{A}.ipynb", "Ann Lee"),
        ("2.1/Lee Ann_123_assignsubmission_file_/mine.ipynb", "Lee Ann"),
        (f"Ann Lee_123_assignsubmission_file_{A}.ipynb", "Ann Lee"),
        ("Participant 7_123_assignsubmission_file_/x.ipynb", "Participant 7"),
        (f"leeann_LATE_123_456_{A}-1.ipynb", "leeann"),
        (f"leeann_123_456_{A}.ipynb", "leeann"),
        ("anon_123_456_mine.ipynb", "anon 123"),
    ],
)
def test_file_is_found(put, find, path, student):
    put(path)
    there, doubts, found = find()
    assert (there, doubts) == ([(student, A, path)], [])
    assert found.submissions[0].late == ("LATE" in path)


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        (f"{A}.ipynb", A, "whose is it?"),
        (f"ann/{A}.ipynb", B, f"is named {A}, but its cells are of {B}; rename it"),
        ("ann/mine.ipynb", json.dumps({"cells": []}), "holds no test cell of one; rename it"),
        ("ann/mine.ipynb", "{", "cannot be read as a notebook"),
        ("ann/mine.ipynb", "[" * 100_000, "cannot be read as a notebook"),
        (f"ann/{A}.zip", "PK", "is a zip file; unpack it"),
        (f"week 1/Ann_1_assignsubmission_file_/{A}.ipynb", A, "give week 1 the name of the assignment"),
    ],
)
def test_doubtful_file_is_named(put, find, path, content, reason):
    put(f"zed/{B}.ipynb", B)
    put(path, content)
    _, doubts, found = find()
    assert any(reason in doubt for doubt in doubts), doubts
    assert "zed" in found.students


def test_file_that_cannot_be_read_is_taken_by_its_name(put, find):
    put(f"ann/{A} (2).ipynb", "{")
    there, doubts, _ = find()
    assert there == [("ann", A, f"ann/{A} (2).ipynb")]
    assert doubts == []


@pytest.mark.parametrize("mark", [{}, {"nbgrader": {"grade_id": "part_2_1"}}, {"nbgrader": 3}])
def test_notebook_whose_marks_are_gone_is_taken_by_its_name(put, find, mark):
    put(f"ann/{A}.ipynb", json.dumps({"cells": [{"metadata": mark}]}))
    there, doubts, _ = find()
    assert ([name for _, name, _ in there], doubts) == ([A], [])


def test_name_and_most_cells_that_disagree_are_a_doubt(put, find, two):
    first, second = (json.loads(e.source.read_text(encoding="utf-8"))["cells"] for e in two)
    put(f"zed/{A}.ipynb")
    put(f"ann/{A}.ipynb", json.dumps({"cells": [*second, *first[:3]]}))
    put("ben/both.ipynb", json.dumps({"cells": [*second, *first]}))
    there, doubts, _ = find()
    assert [student for student, *_ in there] == ["zed"]
    assert f"is named {A}, but most of its cells are of {B}; rename it" in doubts[0]
    assert f"its cells fit {A} and {B}; rename it" in doubts[1]


def test_folder_of_a_chapter_holds_students(put, find):
    put(f"02_data/ann/{A}.ipynb")
    there, _, _ = find()
    assert [student for student, *_ in there] == ["ann"]


def test_file_that_is_too_large_is_not_read(put, find, monkeypatch):
    put(f"zed/{A}.ipynb", "{")
    put(f"ann/{A}.ipynb")
    monkeypatch.setattr("mlhelpers.course.exercises.collect.LARGEST", 100)
    there, doubts, _ = find()
    assert [student for student, *_ in there] == ["zed"]
    assert "is larger than" in doubts[0]


def test_folder_that_is_not_there(find):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find()


def test_only_doubts_are_an_error_that_names_them(put, find):
    put("ann/mine.ipynb", "{")
    with pytest.raises(FileNotFoundError, match=r"in doubt: ann/mine\.ipynb: cannot be read"):
        find()


def test_links_and_hidden_folders_are_not_followed(put, find, two, tmp_path):
    put(f"ann/.ipynb_checkpoints/{A}-checkpoint.ipynb")
    put(f"ben/{A}.ipynb")
    (tmp_path / "in" / "ann" / f"{A}.ipynb").symlink_to(two[0].source)
    (tmp_path / "in" / "cem").symlink_to(tmp_path / "in" / "ben")
    there, doubts, _ = find()
    assert [student for student, *_ in there] == ["ben"]
    assert [doubt.split(":")[0] for doubt in doubts] == [f"ann/{A}.ipynb", "cem"]


def test_student_cannot_hand_in_for_another(put, find):
    put(f"ann/ben_1_2_{A}.ipynb")
    put(f"ann/ben/{A}.ipynb")
    there, _, _ = find()
    assert {student for student, *_ in there} == {"ann"}


def test_attempts_stand_in_the_order_of_their_time_then_their_number(put, find):
    put(f"ann/{A} (1).ipynb", stamp=1_800_000_000)
    put(f"ann/{A}.ipynb", stamp=1_800_000_000)
    put(f"ann/{A} (2).ipynb", stamp=1_700_000_000)
    there, doubts, _ = find()
    assert [path.removeprefix(f"ann/{A}") for *_, path in there] == [" (2).ipynb", ".ipynb", " (1).ipynb"]
    assert doubts == []


def test_attempts_of_the_same_time_are_a_doubt(put, find):
    put(f"ann/a/{A}.ipynb", A)
    put(f"ann/b/{A}.ipynb", "{")
    _, doubts, _ = find()
    assert doubts == [f"ann/b/{A}.ipynb: has the time stamp of ann/a/{A}.ipynb; remove the older one"]


def test_people_of_one_name_are_told_apart_by_their_numbers(put, find):
    put(f"Ann Lee_1_assignsubmission_file_/{A}.ipynb")
    put(f"Ann Lee_2_assignsubmission_file_/{A}.ipynb")
    put(f"leeann_7_10_{B}.ipynb", B)
    put(f"leeann_7_11_{B}-1.ipynb", B)
    there, doubts, _ = find()
    assert [student for student, *_ in there] == ["Ann Lee (1)", "Ann Lee (2)", "leeann", "leeann"]
    assert len(doubts) == 2
    assert "several people are named Ann Lee" in doubts[0]


def test_other_exercises_of_the_course_are_passed_over(put, find, two):
    put(f"ann/{A}.ipynb")
    put(f"ann/{B}.ipynb", B)
    there, doubts, _ = find(two[:1])
    assert ([name for _, name, _ in there], doubts) == ([A], [])


PEOPLE = (
    "Student;Name;Email;canvas id\nlee1;Ann Lee;ann.lee@x.org;77\nmue;Müller, Jörg;jm@x.org;\n"
    "ng1;Ng Li;a@x.org;\nng2;Li Ng;b@x.org;\n"
)


def test_roster_names_students_and_says_who_is_not_in_it(put, find, roster):
    put(f"leeann_77_1_{A}.ipynb")
    put(f"ngli_78_2_{A}.ipynb")
    put(f"guest/{A}.ipynb")
    there, doubts, found = find(roster=roster(PEOPLE))
    assert [student for student, *_ in there] == ["guest", "lee1", "ngli"]
    assert any("'ngli' fits several of the roster (ng1, ng2)" in doubt for doubt in doubts)
    assert any("'guest' is not in the roster" in doubt for doubt in doubts)
    assert found.students == ["guest", "lee1", "mue", "ng1", "ng2", "ngli"]
