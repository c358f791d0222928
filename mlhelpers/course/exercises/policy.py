"""Due dates, lateness and attempts, read from YAML, and the time stamps of an LMS, read from CSV.

Used by `classroom`; what lateness costs is a number of points with a sentence that explains it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from mlhelpers.course.exercises.exercise import Exercise
from mlhelpers.course.exercises.roster import read_rows

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(min|minutes?|h|hours?|d|days?)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_KEYS = ("timezone", "attempts", "due", "late", "extensions", "titles")
_LATE = ("grace", "percent_a_day", "cut_off")


@dataclass(frozen=True)
class Policy:
    """What counts, and what lateness costs; without a file the last attempt counts and nothing is late.

    Attributes
    ----------
    due : dict of str to datetime.datetime
        By number of the lesson.
    grace : datetime.timedelta
        So much after the due date costs nothing.
    percent_a_day : float
        Of the possible points, for each day after the due date that has begun.
    cut_off : datetime.timedelta or None
        So much after the due date nothing counts any more.
    extensions : dict of str to dict of str to (datetime.datetime or datetime.timedelta)
        By student, then by number of the lesson; ``*`` stands for every lesson.
    attempts : {"last", "best"}
    titles : dict of str to str
        Names of assignments in an LMS, by number of the lesson.
    zone : datetime.tzinfo or None
        Of dates without one; None is the machine's.
    """

    due: dict[str, datetime] = field(default_factory=dict)
    grace: timedelta = timedelta()
    percent_a_day: float = 0.0
    cut_off: timedelta | None = None
    extensions: dict[str, dict[str, datetime | timedelta]] = field(default_factory=dict)
    attempts: str = "last"
    titles: dict[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Policy:
        """Read a policy.

        Parameters
        ----------
        path : path-like
            YAML with any of the keys ``timezone``, ``attempts``, ``due``, ``late`` (``grace``,
            ``percent_a_day``, ``cut_off``), ``extensions`` and ``titles``.

        Returns
        -------
        Policy

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ValueError
            If a key is unknown or a value cannot be read; the message names it.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"the file {path} does not exist")
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" line {mark.line + 1}" if mark else ""
            raise ValueError(f"{path.name}{where} is no YAML: {getattr(error, 'problem', error)}") from None
        except ValueError as error:  # of a date that no calendar has
            raise ValueError(f"{path.name} cannot be read: {error}") from None
        return _Reader(path.name).policy(content)

    def due_for(self, student: str, exercise: Exercise) -> datetime | None:
        """When an exercise is due for a student, None without a date."""
        number = exercise.lesson.number
        due, own = self.due.get(number), self.extensions.get(student, {})
        extension = own.get(number, own.get("*"))
        if isinstance(extension, datetime):
            return extension
        return due + extension if due is not None and extension is not None else due

    def lateness(
        self, student: str, exercise: Exercise, submitted: datetime, possible: float
    ) -> tuple[float, str]:
        """Points that lateness costs, and why; 0 and an empty text in time.

        Parameters
        ----------
        student : str
        exercise : Exercise
        submitted : datetime.datetime
        possible : float
            Points of the exercise.

        Returns
        -------
        (float, str)
            At most `possible`.
        """
        due = self.due_for(student, exercise)
        if due is None or submitted <= due + self.grace:
            return 0.0, ""
        late = submitted - due
        days = math.ceil(late / timedelta(days=1))
        told = f"late by {_words(late)}"
        if self.cut_off is not None and late > self.cut_off:
            return possible, f"{told}, after the cut-off: no points count"
        lost = round(possible * min(self.percent_a_day * days, 100.0) / 100, 4)
        return lost, f"{told}: {lost:g} points off" if lost else told

    def title(self, exercise: Exercise) -> str:
        """Name of an assignment in an LMS."""
        number = exercise.lesson.number
        return self.titles.get(number, f"{number} {exercise.lesson.title}")

    def check(self, exercises: list[Exercise], name: str) -> None:
        """Refuse a policy that names an exercise which is not there.

        Parameters
        ----------
        exercises : list of Exercise
            Every exercise of the course.
        name : str
            Of the file, for the message.

        Raises
        ------
        ValueError
            If a lesson has no exercise.
        """
        numbers = {exercise.lesson.number for exercise in exercises}
        named = [("due", number) for number in self.due] + [("titles", number) for number in self.titles]
        for student, own in self.extensions.items():
            named += [(f"extensions.{student}", number) for number in own if number != "*"]
        for key, number in named:
            if number not in numbers:
                raise ValueError(f'{name}, {key}: no exercise {number!r}; write it as a text, such as "2.1"')


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.zone: tzinfo | None = None

    def fault(self, key: str, text: str) -> ValueError:
        return ValueError(f"{self.name}, {key}: {text}")

    def policy(self, content: Any) -> Policy:
        self.mapping(content, "the file", _KEYS)
        name = content.get("timezone")
        if name is not None:
            try:
                self.zone = ZoneInfo(str(name))
            except (ZoneInfoNotFoundError, ValueError, OSError):
                text = f"no time zone {str(name)!r}; a name is Europe/Berlin or UTC"
                raise self.fault("timezone", text) from None
        attempts = content.get("attempts", "last")
        if attempts not in ("last", "best"):
            raise self.fault("attempts", f"must be last or best, not {attempts!r}")
        late = self.mapping(content.get("late"), "late", _LATE)
        percent = late.get("percent_a_day", 0)
        if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
            raise self.fault("late.percent_a_day", f"must be a number from 0 to 100, not {percent!r}")
        cut_off = late.get("cut_off")
        return Policy(
            due=self.each(content.get("due"), "due", self.moment),
            grace=self.span(late.get("grace", "0 min"), "late.grace"),
            percent_a_day=float(percent),
            cut_off=None if cut_off is None else self.span(cut_off, "late.cut_off"),
            extensions=self.each(content.get("extensions"), "extensions", self.extension),
            attempts=attempts,
            titles=self.each(content.get("titles"), "titles", lambda value, key: str(value)),
            zone=self.zone,
        )

    def mapping(self, value: Any, key: str, allowed: tuple[str, ...] | None = None) -> dict[Any, Any]:
        value = {} if value is None else value
        if not isinstance(value, dict):
            raise self.fault(key, f"must hold names with values, not {value!r}")
        for name in value:
            if allowed is not None and name not in allowed:
                raise self.fault(key, f"{name!r} is unknown; there may be {', '.join(allowed)}")
        return value

    def each(self, value: Any, key: str, read: Callable[[Any, str], Any]) -> dict[str, Any]:
        return {str(name): read(inner, f"{key}.{name}") for name, inner in self.mapping(value, key).items()}

    def extension(self, value: Any, key: str) -> dict[str, datetime | timedelta]:
        return self.each(value if isinstance(value, dict) else {"*": value}, key, self.moment_or_span)

    def moment_or_span(self, value: Any, key: str) -> datetime | timedelta:
        if isinstance(value, str) and _SPAN.fullmatch(value.strip()):
            return self.span(value, key)
        return self.moment(value, key)

    def span(self, value: Any, key: str) -> timedelta:
        found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            raise self.fault(key, f"must be a span such as 15 min, 2 hours or 3 days, not {value!r}")
        return timedelta(**{_UNITS[found[2][0]]: float(found[1])})

    def moment(self, value: Any, key: str) -> datetime:
        try:
            return moment(value, self.zone)
        except ValueError as error:
            raise self.fault(key, str(error)) from None


def moment(value: Any, zone: tzinfo | None = None) -> datetime:
    """A date, or a date with a time, with a time zone; a date alone is its last minute.

    Parameters
    ----------
    value : str, datetime.date or datetime.datetime
        ISO 8601, such as ``2027-02-15`` or ``2027-02-15 18:00``.
    zone : datetime.tzinfo, optional
        Of a value without one; default is the machine's.

    Returns
    -------
    datetime.datetime

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        if isinstance(value, str):
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time(23, 59, 59))
        if not isinstance(value, datetime):
            raise ValueError
    except ValueError:
        raise ValueError(f"must be a date such as 2027-02-15 18:00, not {value!r}") from None
    if value.tzinfo is not None:
        return value
    return value.replace(tzinfo=zone) if zone is not None else value.astimezone()


def read_times(
    path: str | os.PathLike[str], exercises: list[Exercise], zone: tzinfo | None = None
) -> dict[tuple[str, str], datetime]:
    """Time stamps of the last attempts, as an LMS knows them.

    Parameters
    ----------
    path : path-like
        CSV with the columns ``student``, ``assignment`` (number of the lesson or name) and ``time``.
    exercises : list of Exercise
        Every exercise of the course.
    zone : datetime.tzinfo, optional
        Of times without one.

    Returns
    -------
    dict of (str, str) to datetime.datetime
        By student and name of the exercise.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If a row cannot be read or stands there twice; the message names file, line and column.
    """
    name = Path(path).name
    columns = ("student", "assignment", "time")
    by_word = {word: e.name for e in exercises for word in (e.name, e.lesson.number)}
    found: dict[tuple[str, str], datetime] = {}
    for number, row in read_rows(path, needed=columns, allowed=columns):
        if row["assignment"] not in by_word:
            raise ValueError(f"{name} line {number}, column assignment: no exercise {row['assignment']!r}")
        key = row["student"], by_word[row["assignment"]]
        if key in found:
            raise ValueError(f"{name} line {number}: {key[0]} and {row['assignment']} stand there twice")
        try:
            found[key] = moment(row["time"], zone)
        except ValueError as error:
            raise ValueError(f"{name} line {number}, column time: {error}") from None
    return found


def _words(late: timedelta) -> str:
    minutes = math.ceil(late / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} min"
    hours = math.ceil(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{math.ceil(hours / 24)} days"
