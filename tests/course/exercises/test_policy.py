"""Due dates, lateness, extensions and times of an LMS."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from mlhelpers.course.exercises.class_table import Entry
from mlhelpers.course.exercises.grading import Grading, Task
from mlhelpers.course.exercises.policy import Policy, moment, read_times

DUE = datetime(2027, 2, 15, 18, tzinfo=UTC)


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


@pytest.mark.parametrize(
    ("late", "lost", "told"),
    [
        (timedelta(0), 0, ""),
        (timedelta(minutes=15), 0, ""),
        (timedelta(minutes=16), 0.6, "late by 16 min: 0.6 points off"),
        (timedelta(hours=24), 0.6, "late by 24 h: 0.6 points off"),
        (timedelta(hours=24, seconds=1), 1.2, "late by 25 h: 1.2 points off"),
        (timedelta(days=7), 4.2, "late by 7 days: 4.2 points off"),
        (timedelta(days=7, seconds=1), 6, "late by 8 days, after the cut-off: no points count"),
    ],
)
def test_lateness_costs_a_share_of_the_possible_points_a_day(planned, read_policy, late, lost, told):
    assert read_policy(POLICY).lateness("zed", planned[0], DUE + late, 6.0) == (pytest.approx(lost), told)


def test_extensions_move_the_date_of_one_student(planned, read_policy):
    policy = read_policy(POLICY)
    assert policy.due_for("zed", planned[0]) == DUE
    assert policy.due_for("zed", planned[1]) == datetime(2027, 2, 20, 23, 59, 59, tzinfo=UTC)
    assert policy.due_for("ann", planned[0]) == DUE + timedelta(days=3)
    assert policy.due_for("ben", planned[0]) == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert policy.due_for("ben", planned[1]) == policy.due_for("zed", planned[1])
    assert Policy().lateness("ann", planned[0], DUE, 6.0) == (0.0, "")


def test_lateness_takes_no_more_than_there_is(planned):
    entry = Entry("ann", grading(planned[0], 1.0), deducted=3.0)
    assert entry.points == 0
    assert (
        Policy(due={"2.1": DUE}, percent_a_day=60).lateness("ann", planned[0], DUE + timedelta(days=9), 6.0)[
            0
        ]
        == 6
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dues: {}", "policy.yml, the file: 'dues' is unknown"),
        ("late: {percent: 1}", "policy.yml, late: 'percent' is unknown; there may be grace"),
        ("late: {percent_a_day: 101}", "policy.yml, late.percent_a_day: must be a number from 0 to 100"),
        ("late: {grace: 15}", "policy.yml, late.grace: must be a span such as 15 min"),
        ("due: {2.1: tomorrow}", "policy.yml, due.2.1: must be a date such as 2027-02-15 18:00"),
        ("due: 2027-01-01", "policy.yml, due: must hold names with values"),
        ("due: {2.1: 2027-02-31}", "policy.yml cannot be read: day is out of range"),
        ("attempts: first", "policy.yml, attempts: must be last or best, not 'first'"),
        ("timezone: Mars", "policy.yml, timezone: no time zone 'Mars'"),
        ("a: [", "policy.yml line 1 is no YAML"),
        ("extensions: {ann: {2.1: 3}}", "policy.yml, extensions.ann.2.1: must be a date"),
    ],
)
def test_fault_of_a_policy_is_told_with_its_place(read_policy, text, message):
    with pytest.raises(ValueError) as error:
        read_policy(text)
    assert message in str(error.value)


def test_policy_that_is_not_there_and_one_that_is_empty(read_policy, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Policy.read(tmp_path / "nosuch.yml")
    assert read_policy("") == Policy()


def test_policy_names_exercises_that_exist(planned, read_policy):
    read_policy(POLICY).check(planned, "p.yml")
    with pytest.raises(ValueError, match=r"p\.yml, due: no exercise '2\.9'"):
        read_policy("due: {2.9: 2027-01-01}").check(planned, "p.yml")
    with pytest.raises(ValueError, match=r"extensions\.ann: no exercise '3\.1'"):
        read_policy("extensions: {ann: {3.1: 2 days}}").check(planned, "p.yml")


def test_times_of_an_lms(planned, tmp_path):
    path = tmp_path / "times.csv"
    path.write_text(
        "student,assignment,time\nann,2.1,2027-02-15 19:00\nann,02_cleaning,2027-02-15T19:00:00+02:00\n"
    )
    assert read_times(path, planned, UTC) == {
        ("ann", "01_missing_data"): DUE + timedelta(hours=1),
        ("ann", "02_cleaning"): DUE - timedelta(hours=1),
    }
    for row, message in (
        ("ann,2.9,2027-02-15", "line 2, column assignment: no exercise '2.9'"),
        ("ann,2.1,noon", "line 2, column time: must be a date"),
        (
            "ann,2.1,2027-02-15\nann,01_missing_data,2027-02-15",
            "line 3: ann and 01_missing_data stand there twice",
        ),
    ):
        path.write_text(f"student,assignment,time\n{row}\n")
        with pytest.raises(ValueError, match=re.escape(message)):
            read_times(path, planned)
    assert moment("2027-02-15").tzinfo is not None
