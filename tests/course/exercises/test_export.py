"""Files that Moodle and Canvas import."""

import csv

import pytest

from mlhelpers.course.exercises.export import canvas_csv, moodle_csv
from mlhelpers.course.exercises.grading import Grading, Task
from mlhelpers.course.exercises.roster import Person, Roster

POLICY = """
timezone: UTC
due: {2.1: 2027-02-15 18:00, "2.2": 2027-02-20}
late: {grace: 15 min, percent_a_day: 10, cut_off: 7 days}
extensions:
  ann: 3 days
  ben: {"2.1": 2027-03-01 12:00}
titles: {"2.2": Homework 2 (4711)}
"""


def grading(exercise, first, second=0.0, message="low", notes=()):
    tasks = (
        Task("a", "Task a", first, 4.0, "" if first == 4 else message),
        Task("b", "Task b", second, 2.0, "" if second == 2 else "<b>none</b>"),
    )
    return Grading(exercise, tasks, notes)


PEOPLE = [
    Person("ann", "Lee, Ann", email="ann@x.org", canvas_id="7", login="ann", section="A"),
    Person("ben", "Ng, Ben", email="ben@x.org", sis_id="s8"),
    Person("cem", "Oz, Cem", email="cem@x.org", canvas_id="9"),
]


def test_moodle_reads_a_column_that_names_people_and_one_an_assignment(table, read_policy):
    assert moodle_csv(table, Roster(PEOPLE), read_policy(POLICY)) == (
        "Email address,2.1 Missing data,Homework 2 (4711)\nann@x.org,6,1.5\nben@x.org,2,0\ncem@x.org,-,-\n"
    )
    with pytest.raises(ValueError, match="email is missing for dan; username is missing for dan"):
        moodle_csv(table, Roster([Person("dan", "Dan")]))
    assert moodle_csv(table, Roster([Person("ann", id_number="5")])).startswith("ID number,")


def test_canvas_reads_its_leading_columns_and_the_possible_points(table, read_policy):
    lines = list(csv.reader(canvas_csv(table, Roster(PEOPLE), read_policy(POLICY)).splitlines()))
    assert lines == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "2.1 Missing data", "Homework 2 (4711)"],
        ["    Points Possible", "", "", "", "", "6", "6"],
        ["Lee, Ann", "7", "", "ann", "A", "6", "1.5"],
        ["Ng, Ben", "", "s8", "", "", "2", "0"],
        ["Oz, Cem", "9", "", "", "", "", ""],
    ]
    with pytest.raises(ValueError, match="canvas_id, sis_id or login of dan"):
        canvas_csv(table, Roster([Person("dan")]))
