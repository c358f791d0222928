"""A timetable of the written lessons, as Markdown and as a calendar, behind `mle teach plan`.

Minutes and prerequisites come from the syllabus: lessons keep their order and are spread evenly over the
meetings. What does not fit is read at home, first the lessons that the fewest others build on.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlhelpers.course.exercises import Exercise
from mlhelpers.course.syllabus import Lesson, Syllabus
from mlhelpers.course.syllabus.overview import chosen_lessons

# Working days after the first meeting of a week, by the number of meetings a week.
_DAYS = {1: (0,), 2: (0, 2), 3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 3, 4)}
_SATURDAY = 5
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")  # strftime's would follow the locale
_FREE = "questions and exercises"


class PlanError(ValueError):
    """No timetable can be made; the message says what to change."""


@dataclass(frozen=True)
class Meeting:
    """One meeting: its number, week and day, the lessons taught and those read before it, what is due."""

    number: int
    week: int
    day: dt.date
    lessons: tuple[Lesson, ...] = ()
    before: tuple[Lesson, ...] = ()
    due: tuple[Lesson, ...] = ()

    @property
    def minutes(self) -> int:
        """Minutes of the lessons taught; the rest of the meeting is for questions and exercises."""
        return sum(lesson.read_minutes for lesson in self.lessons)


@dataclass(frozen=True)
class Plan:
    """A timetable; as text it is Markdown.

    Attributes
    ----------
    meetings : tuple of Meeting
    minutes : int
        Length of a meeting.
    assumed : tuple of Lesson
        Lessons that the plan builds on and leaves out.
    planned : tuple of Lesson
        Lessons asked for that are not written yet.
    after : tuple of Lesson
        Lessons to be read after the last meeting.
    due_after : tuple of Lesson
        Those whose exercises are due a week after the last meeting.
    start : datetime.time or None
        When a meeting begins.
    """

    meetings: tuple[Meeting, ...]
    minutes: int
    assumed: tuple[Lesson, ...] = ()
    planned: tuple[Lesson, ...] = ()
    after: tuple[Lesson, ...] = ()
    due_after: tuple[Lesson, ...] = ()
    start: dt.time | None = None

    def __str__(self) -> str:
        """Markdown, as `markdown` makes it."""
        return self.markdown()

    def markdown(self) -> str:
        """Table with a row for each meeting, and below it what is left out.

        Returns
        -------
        str
        """
        home = any(meeting.before for meeting in self.meetings)
        rows = [["week", "meeting", "at home before it", "in class", "exercises due"], ["---"] * 5]
        for meeting in self.meetings:
            rows.append(
                [
                    str(meeting.week),
                    f"{_WEEKDAYS[meeting.day.weekday()]} {meeting.day.isoformat()}",
                    "; ".join(_named(lesson, minutes=True) for lesson in meeting.before),
                    "; ".join(_named(lesson, minutes=True) for lesson in meeting.lessons) or _FREE,
                    ", ".join(lesson.number for lesson in meeting.due),
                ]
            )
        kept = [row if home else [*row[:2], *row[3:]] for row in rows]
        table = "\n".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in row)}|" for row in kept)
        return f"{table}\n\n" + "\n".join(f"- {note}" for note in self._notes())

    def _notes(self) -> Iterator[str]:
        taught = [lesson for meeting in self.meetings for lesson in meeting.lessons]
        home = [lesson for meeting in self.meetings for lesson in meeting.before] + list(self.after)
        hours = sum(lesson.read_minutes for lesson in taught) / 60
        free = len(self.meetings) * self.minutes / 60 - hours
        yield (
            f"{len(self.meetings)} meetings of {self.minutes} minutes: {len(taught)} lessons in {hours:.1f} "
            f"hours, {free:.1f} hours for questions and exercises."
        )
        if home:
            alone = sum(lesson.read_minutes for lesson in home) / 60
            yield f"Read at home: {len(home)} lessons, {alone:.1f} hours."
        if self.after:
            yield f"To read after the last meeting: {'; '.join(_named(e, minutes=True) for e in self.after)}."
        if self.due_after:
            yield f"Exercises due on {self.end}: {', '.join(lesson.number for lesson in self.due_after)}."
        if self.assumed:
            yield f"Known already: {', '.join(_named(lesson) for lesson in self.assumed)}."
        if self.planned:
            yield f"Left out, since not written yet: {_ranges(self.planned)}."

    @property
    def end(self) -> dt.date:
        """A week after the last meeting."""
        return self.meetings[-1].day + dt.timedelta(weeks=1)

    def calendar(self) -> str:
        """The same as a calendar (iCalendar, RFC 5545), for any program that shows one.

        Returns
        -------
        str
            Times are local wherever it is read. Without a start each meeting is an entry of the whole day.
        """
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Practical ML Engineering//mle teach plan//EN"]
        lines.append("CALSCALE:GREGORIAN")
        stamp = f"{self.meetings[0].day:%Y%m%d}T000000Z"
        for meeting in self.meetings:
            titles = ", ".join(lesson.number for lesson in meeting.lessons) or _FREE
            about = [_named(lesson, minutes=True) for lesson in meeting.lessons]
            about += [f"Read before: {_named(lesson, minutes=True)}" for lesson in meeting.before]
            about += [f"Exercise due: {_named(lesson)}" for lesson in meeting.due]
            lines += [
                "BEGIN:VEVENT",
                f"UID:{meeting.day:%Y%m%d}-{meeting.number}@practical-ml-engineering",
                f"DTSTAMP:{stamp}",
                *self._times(meeting),
                f"SUMMARY:{_escaped(f'Meeting {meeting.number}: {titles}')}",
                *([f"DESCRIPTION:{_escaped(chr(10).join(about))}"] if about else []),
                "END:VEVENT",
            ]
        if self.due_after:
            numbers = ", ".join(lesson.number for lesson in self.due_after)
            lines += ["BEGIN:VEVENT", f"UID:{self.end:%Y%m%d}-due@practical-ml-engineering"]
            lines += [f"DTSTAMP:{stamp}", *_whole_day(self.end), f"SUMMARY:{_escaped(f'Due: {numbers}')}"]
            lines.append("END:VEVENT")
        lines.append("END:VCALENDAR")
        return "".join(f"{part}\r\n" for line in lines for part in _folded(line))

    def _times(self, meeting: Meeting) -> list[str]:
        if self.start is None:
            return _whole_day(meeting.day)
        begin = dt.datetime.combine(meeting.day, self.start)
        end = begin + dt.timedelta(minutes=self.minutes)
        return [f"DTSTART:{begin:%Y%m%dT%H%M%S}", f"DTEND:{end:%Y%m%dT%H%M%S}"]


def make_plan(
    syllabus: Syllabus,
    *,
    weeks: int,
    meetings: int,
    minutes: int,
    first: dt.date,
    what: Sequence[str] = (),
    skip: Sequence[tuple[dt.date, dt.date]] = (),
    start: dt.time | None = None,
) -> Plan:
    """Spread the written lessons over the meetings of a term.

    Parameters
    ----------
    syllabus : Syllabus
    weeks, meetings, minutes : int
        Weeks, meetings a week (1 to 5) and minutes of a meeting.
    first : datetime.date
        Day of the first meeting; the others of a week fall on working days after it.
    what : sequence of str
        Chapters (``"2"``) and lessons (``"2.3"``); default is all.
    skip : sequence of (datetime.date, datetime.date)
        First and last day of holidays. A week in which a meeting would fall into one is left out whole.
    start : datetime.time, optional
        When a meeting begins, for the calendar.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        If a number is out of its range, none of the lessons is written, or a lesson is longer than a meeting.
    ValueError
        If there is no such chapter or lesson.
    """
    for name, value, most in (("weeks", weeks, 60), ("meetings", meetings, 5), ("minutes", minutes, 600)):
        if not 1 <= value <= most:
            raise PlanError(f"{name} must be 1 to {most}, got {value}")
    if first.weekday() >= _SATURDAY:
        raise PlanError(f"{first} is a {first:%A}; give the working day of the first meeting")
    asked = chosen_lessons(syllabus, what)
    written = [lesson for lesson in asked if lesson.written]
    if not written:
        raise PlanError(
            f"none of these lessons is written yet: {_ranges(asked)}; `mle list` shows those that are"
        )
    longest = max(written, key=lambda lesson: lesson.read_minutes)
    if longest.read_minutes > minutes:
        raise PlanError(
            f"lesson {longest.number} takes {longest.read_minutes} minutes and a meeting has {minutes}; "
            f"give --minutes {longest.read_minutes} or more"
        )
    home: set[str] = set()
    by_need = sorted(written, key=lambda lesson: _needed_by(lesson, written))
    while True:
        taught = [lesson for lesson in written if lesson.number not in home]
        sizes = _spread(taught, _apart(written, home), weeks * meetings, minutes)
        if sizes is not None:
            break
        home.add(next(lesson.number for lesson in by_need if lesson.number not in home))
    where = _where(written, home, sizes)
    days = _days(weeks, meetings, first, skip)
    due = {index: [] for index in range(len(days) + 1)}
    for lesson in written:
        if Exercise(syllabus.root, lesson).source.is_file():
            late = where[lesson.number] + meetings
            last = len(days) - 1
            due[late if late <= last else last if where[lesson.number] < last else last + 1].append(lesson)

    def at(index: int, *, read: bool) -> tuple[Lesson, ...]:
        return tuple(e for e in written if where[e.number] == index and (e.number in home) == read)

    known = {lesson.number for lesson in written}
    needed = {number for lesson in written for number in lesson.prerequisites} - known
    return Plan(
        meetings=tuple(
            Meeting(index + 1, week, day, at(index, read=False), at(index, read=True), tuple(due[index]))
            for index, (week, day) in enumerate(days)
        ),
        minutes=minutes,
        assumed=tuple(lesson for lesson in syllabus if lesson.number in needed),
        planned=tuple(lesson for lesson in asked if not lesson.written),
        after=at(len(days), read=True),
        due_after=tuple(due[len(days)]),
        start=start,
    )


def _needed_by(lesson: Lesson, lessons: Sequence[Lesson]) -> int:
    """Number of `lessons` that build on `lesson`, directly or through others."""
    needing = {lesson.number}
    for other in lessons:
        if needing & set(other.prerequisites):
            needing.add(other.number)
    return len(needing) - 1


def _apart(written: Sequence[Lesson], home: set[str]) -> list[tuple[str, str]]:
    """Pairs of taught lessons with one read at home between them that leads from the first to the second."""
    roots: dict[str, set[str]] = {}  # taught lessons that a lesson at home builds on, through others at home
    pairs = []
    for lesson in written:
        through = {root for number in lesson.prerequisites for root in roots.get(number, ())}
        if lesson.number in home:
            roots[lesson.number] = through | {n for n in lesson.prerequisites if n not in home}
        else:
            pairs += [(root, lesson.number) for root in sorted(through)]
    return pairs


def _where(written: Sequence[Lesson], home: set[str], sizes: Sequence[int]) -> dict[str, int]:
    """Index of the meeting in which each lesson is taught or, of those at home, before which it is read.

    One is read as late as the course's order allows, and after the meetings that it builds on.
    """
    places = iter([index for index, size in enumerate(sizes) for _ in range(size)])
    where = {lesson.number: next(places) for lesson in written if lesson.number not in home}
    following = len(sizes)
    for lesson in reversed(written):
        if lesson.number in home:
            where[lesson.number] = following
        else:
            following = where[lesson.number]
    for lesson in written:
        if lesson.number in home:
            soonest = [where[n] + (n not in home) for n in lesson.prerequisites if n in where]
            where[lesson.number] = max([where[lesson.number], *soonest])
    return where


def _spread(
    lessons: Sequence[Lesson], apart: Sequence[tuple[str, str]], meetings: int, minutes: int
) -> list[int] | None:
    """Number of lessons of each meeting, in order; None if they do not fit.

    Of all ways that keep the pairs `apart` the one whose sums of minutes from the first meeting on stay
    closest to an even pace.
    """
    position = {lesson.number: place for place, lesson in enumerate(lessons)}
    begins = [0] * (len(lessons) + 1)  # first lesson that may share a meeting with the one before this place
    for first, second in apart:
        begins[position[second] + 1] = max(begins[position[second] + 1], position[first] + 1)
    begins = list(itertools.accumulate(begins, max))
    sums = [0, *itertools.accumulate(lesson.read_minutes for lesson in lessons)]
    pace = sums[-1] / meetings
    best = [0.0, *[math.inf] * len(lessons)]  # least cost with so many lessons done
    choices: list[list[int]] = []
    for meeting in range(1, meetings + 1):
        costs, taken = [math.inf] * len(best), [0] * len(best)
        for done, total in enumerate(sums):
            for count in range(done + 1):
                if total - sums[done - count] > minutes or (count and done - count < begins[done]):
                    break
                if best[done - count] < costs[done]:
                    costs[done], taken[done] = best[done - count], count
            costs[done] += (total - pace * meeting) ** 2
        best = costs
        choices.append(taken)
    if math.isinf(best[-1]):
        return None
    sizes, done = [], len(lessons)
    for taken in reversed(choices):
        sizes.append(taken[done])
        done -= taken[done]
    return sizes[::-1]


def _days(
    weeks: int, meetings: int, first: dt.date, skip: Sequence[tuple[dt.date, dt.date]]
) -> list[tuple[int, dt.date]]:
    """Week and day of each meeting."""
    found: list[tuple[int, dt.date]] = []
    for monday in itertools.count():
        if len(found) == weeks * meetings:
            return found
        days = [_working_day(first + dt.timedelta(weeks=monday), offset) for offset in _DAYS[meetings]]
        if not any(low <= day <= high for day in days for low, high in skip):
            week = len(found) // meetings + 1
            found += [(week, day) for day in days]
    raise AssertionError("unreachable")


def _working_day(day: dt.date, offset: int) -> dt.date:
    """The working day that is `offset` working days after `day`."""
    for _ in range(offset):
        day += dt.timedelta(days=3 if day.weekday() == _SATURDAY - 1 else 1)
    return day


def _named(lesson: Lesson, *, minutes: bool = False) -> str:
    return f"{lesson.number} {lesson.title}" + (f" ({lesson.read_minutes} min)" if minutes else "")


def _ranges(lessons: Sequence[Lesson]) -> str:
    """Lessons by number; runs of them as ``6.2 to 6.5``, and five of a chapter as the chapter."""
    chapters, parts = [], []
    for chapter, group in itertools.groupby(lessons, key=lambda lesson: int(lesson.number.split(".")[0])):
        numbers = [lesson.number for lesson in group]
        ends = [int(numbers[0].split(".")[1]), int(numbers[-1].split(".")[1])]
        if ends == [1, 5] and len(numbers) == 5:
            chapters.append(chapter)
        elif len(numbers) > 2 and ends[1] - ends[0] == len(numbers) - 1:
            parts.append(f"{numbers[0]} to {numbers[-1]}")
        else:
            parts += numbers
    if len(chapters) > 2 and chapters[-1] - chapters[0] == len(chapters) - 1:
        parts.append(f"chapters {chapters[0]} to {chapters[-1]}")
    else:
        parts += [f"chapter {chapter}" for chapter in chapters]
    return ", ".join(parts)


def _whole_day(day: dt.date) -> list[str]:
    after = day + dt.timedelta(days=1)
    return [f"DTSTART;VALUE=DATE:{day:%Y%m%d}", f"DTEND;VALUE=DATE:{after:%Y%m%d}"]


def _escaped(text: str) -> str:
    """Text as a value of iCalendar."""
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Pieces of at most 75 bytes, the later ones begun with a space, as iCalendar wants long lines."""
    piece, size = "", 0
    for sign in line:
        width = len(sign.encode())
        if size + width > 75:
            yield piece
            piece, size = " ", 1
        piece, size = piece + sign, size + width
    yield piece
