"""Due dates and lateness, attempts, and what is made of the grades: Moodle, Canvas, the gradebook page."""

import csv
import os
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises import Exercise
from mlhelpers.course.exercises import classroom as module
from mlhelpers.course.exercises.class_table import ClassTable, Entry
from mlhelpers.course.exercises.export import canvas_csv, moodle_csv
from mlhelpers.course.exercises.gradebook import gradebook_page, task_results
from mlhelpers.course.exercises.grading import Grading, Task
from mlhelpers.course.exercises.policy import Policy, moment, read_times
from mlhelpers.course.exercises.roster import Person, Roster
from mlhelpers.course.syllabus import load_syllabus

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


@pytest.fixture
def two(course):
    syllabus = load_syllabus()
    return [Exercise(course, syllabus.lesson(number)) for number in ("2.1", "2.2")]


@pytest.fixture
def read(tmp_path):
    """Write a policy and read it."""

    def make(text):
        path = tmp_path / "policy.yml"
        path.write_text(text, encoding="utf-8")
        return Policy.read(path)

    return make


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
def test_lateness_costs_a_share_of_the_possible_points_a_day(two, read, late, lost, told):
    assert read(POLICY).lateness("zed", two[0], DUE + late, 6.0) == (pytest.approx(lost), told)


def test_extensions_move_the_date_of_one_student(two, read):
    policy = read(POLICY)
    assert policy.due_for("zed", two[0]) == DUE
    assert policy.due_for("zed", two[1]) == datetime(2027, 2, 20, 23, 59, 59, tzinfo=UTC)
    assert policy.due_for("ann", two[0]) == DUE + timedelta(days=3)
    assert policy.due_for("ben", two[0]) == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert policy.due_for("ben", two[1]) == policy.due_for("zed", two[1])
    assert Policy().lateness("ann", two[0], DUE, 6.0) == (0.0, "")


def test_lateness_takes_no_more_than_there_is(two):
    entry = Entry("ann", grading(two[0], 1.0), deducted=3.0)
    assert entry.points == 0
    assert (
        Policy(due={"2.1": DUE}, percent_a_day=60).lateness("ann", two[0], DUE + timedelta(days=9), 6.0)[0]
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
def test_fault_of_a_policy_is_told_with_its_place(read, text, message):
    with pytest.raises(ValueError) as error:
        read(text)
    assert message in str(error.value)


def test_policy_that_is_not_there_and_one_that_is_empty(read, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Policy.read(tmp_path / "nosuch.yml")
    assert read("") == Policy()


def test_policy_names_exercises_that_exist(two, read):
    read(POLICY).check(two, "p.yml")
    with pytest.raises(ValueError, match=r"p\.yml, due: no exercise '2\.9'"):
        read("due: {2.9: 2027-01-01}").check(two, "p.yml")
    with pytest.raises(ValueError, match=r"extensions\.ann: no exercise '3\.1'"):
        read("extensions: {ann: {3.1: 2 days}}").check(two, "p.yml")


def test_times_of_an_lms(two, tmp_path):
    path = tmp_path / "times.csv"
    path.write_text(
        "student,assignment,time\nann,2.1,2027-02-15 19:00\nann,02_cleaning,2027-02-15T19:00:00+02:00\n"
    )
    assert read_times(path, two, UTC) == {
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
            read_times(path, two)
    assert moment("2027-02-15").tzinfo is not None


PEOPLE = [
    Person("ann", "Lee, Ann", email="ann@x.org", canvas_id="7", login="ann", section="A"),
    Person("ben", "Ng, Ben", email="ben@x.org", sis_id="s8"),
    Person("cem", "Oz, Cem", email="cem@x.org", canvas_id="9"),
]


@pytest.fixture
def table(two):
    entries = [
        Entry("ann", grading(two[0], 4.0, 2.0)),
        Entry("ann", grading(two[1], 2.0, 0.0, "too low"), deducted=0.5),
        Entry("ben", grading(two[0], 2.0, 0.0)),
        Entry("ben", grading(two[1], 0.0, 0.0, "too low", ("cell 3 fails: <script>",))),
        Entry("cem", grading(two[0], 0.0), handed_in=False),
        Entry("zed", grading(two[1], 4.0, 2.0)),
    ]
    return ClassTable(entries)


def test_moodle_reads_a_column_that_names_people_and_one_an_assignment(table, read):
    assert moodle_csv(table, Roster(PEOPLE), read(POLICY)) == (
        "Email address,2.1 Missing data,Homework 2 (4711)\nann@x.org,6,1.5\nben@x.org,2,0\ncem@x.org,-,-\n"
    )
    with pytest.raises(ValueError, match="email is missing for dan; username is missing for dan"):
        moodle_csv(table, Roster([Person("dan", "Dan")]))
    assert moodle_csv(table, Roster([Person("ann", id_number="5")])).startswith("ID number,")


def test_canvas_reads_its_leading_columns_and_the_possible_points(table, read):
    lines = list(csv.reader(canvas_csv(table, Roster(PEOPLE), read(POLICY)).splitlines()))
    assert lines == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "2.1 Missing data", "Homework 2 (4711)"],
        ["    Points Possible", "", "", "", "", "6", "6"],
        ["Lee, Ann", "7", "", "ann", "A", "6", "1.5"],
        ["Ng, Ben", "", "s8", "", "", "2", "0"],
        ["Oz, Cem", "9", "", "", "", "", ""],
    ]
    with pytest.raises(ValueError, match="canvas_id, sis_id or login of dan"):
        canvas_csv(table, Roster([Person("dan")]))


def test_tasks_count_those_who_handed_in(table):
    found = {(task.lesson, task.title): task for task in task_results(table)}
    first = found["2.1", "Task a"]
    assert (first.full, first.part, first.none, first.mean, first.messages) == (1, 1, 0, 3.0, [("low", 1)])
    second = found["2.2", "Task a"]
    assert (second.full, second.part, second.none) == (1, 1, 1)
    assert second.messages == [("too low", 2)]


class Tags(HTMLParser):
    """Collects tags and checks that they close."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_whole_and_needs_no_network(table):
    page = gradebook_page(table, doubts=["a/<x>.ipynb: rename it"])
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert {tag for tag, _ in tags.seen}.isdisjoint({"script", "link", "img", "iframe", "a"})
    assert not re.search(r"https?:|url\(|@import", page)
    assert "&lt;script&gt;" in page and "a/&lt;x&gt;.ipynb" in page and "&lt;b&gt;none&lt;/b&gt;" in page
    assert "4 students, 2 exercises; mean 32.3%, median 33.4%; 2 reach the pass mark of 50%" in page
    assert next(a["aria-label"] for t, a in tags.seen if a.get("class") == "bar") == "1 all, 1 some, 0 none"
    hardest = page.split("Hardest tests")[1].split("Most frequent")[0]
    assert hardest.index("Task b") < hardest.index("Task a")
    assert gradebook_page(ClassTable([])).count("None.") == 4


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
