"""Timetables: every lesson once, in order, after what it builds on, within the meetings' minutes."""

import dataclasses
import datetime as dt
import re
from pathlib import Path

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.files import find_root
from mlhelpers.course.syllabus import load_syllabus
from mlhelpers.course.teaching import PlanError, make_plan

ROOT = find_root(Path(__file__).parent)
MONDAY = dt.date(2027, 2, 1)
OPTIONS = {"weeks": 10, "meetings": 2, "minutes": 90, "first": MONDAY}


@pytest.fixture(scope="module")
def syllabus():
    return load_syllabus(ROOT)


@pytest.fixture(scope="module")
def finished(syllabus):
    """The course as it will be, with every lesson written."""
    chapters = [
        chapter.model_copy(
            update={
                "lessons": [
                    lesson.model_copy(update={"status": "written", "run_minutes": 0.5})
                    for lesson in chapter.lessons
                ]
            }
        )
        for chapter in syllabus.chapters
    ]
    return dataclasses.replace(syllabus, chapters=tuple(chapters))


def taught(plan):
    return [lesson.number for meeting in plan.meetings for lesson in meeting.lessons]


def read(plan):
    return [lesson.number for meeting in plan.meetings for lesson in meeting.before] + [
        lesson.number for lesson in plan.after
    ]


def test_only_written_lessons_are_named_and_the_others_told(syllabus):
    plan = make_plan(syllabus, **OPTIONS)
    written = [lesson.number for lesson in syllabus if lesson.written]
    assert taught(plan) == written
    assert {lesson.number for lesson in plan.planned} == {e.number for e in syllabus} - set(written)
    table = plan.markdown().split("\n\n")[0]
    assert set(re.findall(r"\b\d+\.\d\b", table)) == set(written)


@pytest.mark.parametrize("weeks", [1, 3, 8, 15, 40])
@pytest.mark.parametrize(("meetings", "minutes"), [(1, 45), (2, 90), (5, 180)])
def test_every_lesson_comes_once_within_the_minutes_and_after_what_it_builds_on(
    finished, weeks, meetings, minutes
):
    plan = make_plan(finished, weeks=weeks, meetings=meetings, minutes=minutes, first=MONDAY)
    assert len(plan.meetings) == weeks * meetings
    assert sorted(taught(plan) + read(plan)) == sorted(lesson.number for lesson in finished)
    assert all(meeting.minutes <= minutes for meeting in plan.meetings)
    known = set()
    for before, lessons in [*((m.before, m.lessons) for m in plan.meetings), (plan.after, ())]:
        for lesson in (*before, *lessons):
            assert known >= set(lesson.prerequisites), lesson.number
            known.add(lesson.number)


def test_nothing_is_read_at_home_that_fits_into_the_meetings(finished):
    total = sum(lesson.read_minutes for lesson in finished)
    assert read(make_plan(finished, weeks=35, meetings=2, minutes=90, first=MONDAY)) == []
    short = make_plan(finished, weeks=10, meetings=2, minutes=90, first=MONDAY)
    assert total > 10 * 2 * 90
    assert sum(meeting.minutes for meeting in short.meetings) > 0.85 * 10 * 2 * 90


def test_lessons_are_spread_at_an_even_pace(syllabus):
    plan = make_plan(syllabus, **OPTIONS)
    loads = [meeting.minutes for meeting in plan.meetings]
    done = total = 0
    for number, load in enumerate(loads, 1):
        done += load
        total = sum(loads) * number / len(loads)
        assert abs(done - total) <= 45  # the longest lesson


def test_what_the_fewest_build_on_is_read_at_home(finished):
    plan = make_plan(finished, weeks=10, meetings=2, minutes=90, first=MONDAY)

    def needed(number):
        needing = {number}
        for lesson in finished:
            if needing & set(lesson.prerequisites):
                needing.add(lesson.number)
        return len(needing)

    assert max(needed(n) for n in read(plan)) <= min(needed(n) for n in taught(plan)) + 1


def test_meetings_fall_on_working_days_and_weeks_with_a_holiday_are_left_out(syllabus):
    days = [m.day for m in make_plan(syllabus, **OPTIONS | {"first": dt.date(2027, 2, 4)}).meetings]
    assert days[:3] == [dt.date(2027, 2, 4), dt.date(2027, 2, 8), dt.date(2027, 2, 11)]
    holiday = (dt.date(2027, 2, 10), dt.date(2027, 2, 10))
    plan = make_plan(syllabus, **OPTIONS, skip=[holiday])
    assert [m.day.day for m in plan.meetings[:4]] == [1, 3, 15, 17]
    assert [m.week for m in plan.meetings[:4]] == [1, 1, 2, 2]
    five = make_plan(syllabus, **OPTIONS | {"meetings": 5, "first": dt.date(2027, 2, 3)})
    assert all(m.day.weekday() < 5 for m in five.meetings)
    assert len({m.day for m in five.meetings}) == 50


def test_an_exercise_is_due_a_week_after_its_lesson_and_each_once(syllabus):
    plan = make_plan(syllabus, **OPTIONS)
    where = {lesson.number: m.number for m in plan.meetings for lesson in m.lessons}
    due = {lesson.number: m.number for m in plan.meetings for lesson in m.due}
    due |= {lesson.number: len(plan.meetings) + 1 for lesson in plan.due_after}
    assert set(due) == set(where)
    assert all(due[number] - where[number] == 2 for number in due if where[number] <= 18)
    assert all(due[number] > where[number] for number in due)


def test_course_without_exercises_has_none_due(course):
    plan = make_plan(load_syllabus(), **OPTIONS)
    assert taught(plan) == ["1.1"]
    assert not any(m.due for m in plan.meetings) and not plan.due_after
    assert "questions and exercises" in str(plan)


def test_chapters_and_lessons_can_be_chosen_and_what_they_build_on_is_told(syllabus):
    plan = make_plan(syllabus, **OPTIONS, what=["3", "4.1", "14"])
    assert taught(plan) == ["3.1", "3.2", "3.3", "3.4", "3.5", "4.1"]
    assert "Left out, since not written yet: chapter 14." in str(plan)
    assert {lesson.number for lesson in plan.assumed} <= {"2.1", "2.2", "2.3", "2.4", "2.5"}
    assert "Known already: 2." in str(plan)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"weeks": 0}, "weeks must be 1 to 60, got 0"),
        ({"meetings": 6}, "meetings must be 1 to 5, got 6"),
        ({"minutes": 30}, "minutes and a meeting has 30; give --minutes 45 or more"),
        ({"first": dt.date(2027, 2, 6)}, "2027-02-06 is a Saturday"),
        ({"what": ["14", "13.2"]}, "none of these lessons is written yet: 13.2, chapter 14"),
    ],
)
def test_impossible_plans_are_refused_with_what_to_change(syllabus, changed, told):
    with pytest.raises(PlanError, match=re.escape(told)):
        make_plan(syllabus, **OPTIONS | changed)


def unfolded(calendar):
    assert calendar.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in calendar.split("\r\n"))
    return calendar.replace("\r\n ", "").split("\r\n")


def test_calendar_is_that_of_rfc_5545(syllabus):
    plan = make_plan(syllabus, **OPTIONS, start=dt.time(9, 30))
    lines = unfolded(plan.calendar())
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"]
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 21  # the last exercise is due later
    ids = [line for line in lines if line.startswith("UID:")]
    assert len(set(ids)) == 21
    assert "DTSTART:20270201T093000" in lines
    assert "DTEND:20270201T110000" in lines
    assert r"SUMMARY:Meeting 1: 1.1\, 1.2" in lines
    described = [line for line in lines if line.startswith("DESCRIPTION:")]
    assert any("1.4 The model lifecycle (35 min)" in line for line in described)
    assert any("(30 min)\\n1.2 " in line for line in described)


def test_without_a_time_the_calendar_has_whole_days(syllabus):
    lines = unfolded(make_plan(syllabus, **OPTIONS).calendar())
    assert "DTSTART;VALUE=DATE:20270201" in lines
    assert "DTEND;VALUE=DATE:20270202" in lines


COMMAND = ["teach", "plan", "--weeks", "2", "--from", "2027-02-01"]


def test_command_prints_a_table_or_writes_files(course, capsys):
    assert main(COMMAND) == 0
    assert capsys.readouterr().out.startswith("| week | meeting | in class | exercises due |\n")
    assert main([*COMMAND, "-o", "a/plan.md", "-o", "plan.ics", "--skip", "2027-02-08", "--at", "08:00"]) == 0
    assert capsys.readouterr().out == "-> a/plan.md\n-> plan.ics\n"
    assert "Mon 2027-02-15" in (course / "a" / "plan.md").read_text()
    assert b"DTSTART:20270201T080000\r\n" in (course / "plan.ics").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--from", "1.2.2027"], "--from 1.2.2027 is no date; write it like 2027-02-01"),
        (["--at", "9h"], "--at 9h is no time of the day"),
        (["--skip", "Easter"], "--skip Easter is no date; write 2027-03-29 or"),
        (["--skip", "2027-03-02..2027-03-01"], "ends before it begins"),
        (["-o", "plan.pdf"], "plan.pdf must end in .md (a table) or .ics (a calendar)"),
        (["9.9"], "no lesson '9.9'"),
    ],
)
def test_wrong_options_are_told_in_one_line(course, words, told, capsys):
    assert main([*COMMAND, *words]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_notes_tell_what_is_read_at_home_and_what_is_due_after_the_end(syllabus):
    plan = make_plan(syllabus, **OPTIONS | {"weeks": 4})
    text = str(plan)
    assert text.startswith("| week | meeting | at home before it | in class | exercises due |")
    assert f"- Read at home: {len(read(plan))} lessons, " in text
    assert re.search(r"- To read after the last meeting: .*\d+\.\d [A-Z].+ \(\d+ min\)\.", text)
    assert "- Exercises due on 2027-03-03: " in text
    assert "Read before: 1.2 Data science" in plan.calendar().replace("\r\n ", "")
