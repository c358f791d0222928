"""What a learner has done: lessons run and exercises passed, kept as one JSON file on their machine.

Shown in the start notebook and by `mle progress`; nothing leaves the machine.
"""

from __future__ import annotations

import datetime
import html
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlhelpers.course.files import write_text
from mlhelpers.course.syllabus.syllabus import Syllabus, load_syllabus

_EMPTY: dict[str, Any] = {"version": 1, "lessons": {}, "exercises": {}}


class ProgressError(ValueError):
    """The progress file was unreadable; it was set aside and a new one can be begun."""


def progress_file() -> Path:
    """Where the progress is kept.

    Returns
    -------
    pathlib.Path
        In the folder ``MLE_PROGRESS_DIR`` if that variable is set, otherwise in the user's data folder.
    """
    folder = os.environ.get("MLE_PROGRESS_DIR")
    if folder:
        return Path(folder) / "progress.json"
    import platformdirs

    return Path(platformdirs.user_data_dir("mlhelpers", appauthor=False)) / "progress.json"


def record_run(number: str, *, seconds: float | None = None, syllabus: Syllabus | None = None) -> None:
    """Note that a lesson was run to its end.

    Parameters
    ----------
    number : str
        Lesson, such as ``"2.3"``.
    seconds : float, optional
        How long it took.
    syllabus : Syllabus, optional
        Default: the course around the current folder.

    Raises
    ------
    ValueError
        If the course has no such lesson.
    ProgressError
        If the progress file is unreadable.
    """
    number = (syllabus or load_syllabus()).lesson(number).number
    state = _read()
    entry = state["lessons"].setdefault(number, {"runs": 0})
    entry["runs"] += 1
    entry["last"] = datetime.date.today().isoformat()
    if seconds is not None:
        entry["seconds"] = round(seconds, 1)
    _write(state)


def record_exercise(name: str, points: float, max_points: float) -> None:
    """Note the points of an exercise; the best attempt counts.

    Parameters
    ----------
    name : str
        Lesson of the exercise, or lesson and part: ``"2.3"``, ``"2.3/outliers"``.
    points, max_points : float
        Points reached and possible.

    Raises
    ------
    ValueError
        If the course has no such lesson or the points do not fit 0..max_points.
    ProgressError
        If the progress file is unreadable.
    """
    load_syllabus().lesson(name.split("/")[0])
    if not 0 <= points <= max_points or max_points <= 0:
        raise ValueError(
            f"exercise {name}: {points} of {max_points} points; give 0 <= points <= max_points > 0"
        )
    state = _read()
    best = state["exercises"].get(name, {"points": -1.0, "max_points": 1.0})
    if points / max_points >= best["points"] / best["max_points"]:
        state["exercises"][name] = {"points": points, "max_points": max_points}
    _write(state)


def reset() -> None:
    """Forget everything; the file is removed."""
    progress_file().unlink(missing_ok=True)


@dataclass(frozen=True)
class ChapterProgress:
    """Counts of one chapter."""

    chapter: int
    title: str
    lessons: int
    written: int
    run: int
    exercises_passed: int


@dataclass(frozen=True)
class Summary:
    """Progress by chapter; shows itself as a table in a notebook and as text elsewhere."""

    chapters: tuple[ChapterProgress, ...]

    @property
    def run(self) -> int:
        """Number of lessons run."""
        return sum(chapter.run for chapter in self.chapters)

    @property
    def written(self) -> int:
        """Number of lessons that exist."""
        return sum(chapter.written for chapter in self.chapters)

    def __str__(self) -> str:
        """Plain-text table with one bar per chapter."""
        width = max((len(c.title) for c in self.chapters if c.written), default=0)
        lines = [f"{self.run} of {self.written} lessons run"]
        for c in self.chapters:
            if not c.written:
                continue
            bar = "#" * c.run + "." * (c.written - c.run)
            word = "exercise" if c.exercises_passed == 1 else "exercises"
            lines.append(f"{c.chapter:2d} {c.title:<{width}}  {bar:<10} {c.exercises_passed} {word} passed")
        return "\n".join([*lines, *([self._planned()] if self._planned() else [])])

    def _planned(self) -> str:
        """One line for the chapters of which nothing is written; empty without one."""
        planned = [c for c in self.chapters if not c.written]
        if not planned:
            return ""
        numbers = [c.chapter for c in planned]
        together = len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1
        names = f"{numbers[0]} to {numbers[-1]}" if together else ", ".join(map(str, numbers))
        lessons = sum(c.lessons for c in planned)
        return f"chapter{'s' if len(planned) > 1 else ''} {names} planned, {lessons} lessons"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for c in self.chapters:
            if not c.written:
                continue
            bar = f'<progress value="{c.run}" max="{c.written}"></progress>'
            cells = (
                f"{c.chapter} {html.escape(c.title)}",
                bar,
                f"{c.run} of {c.written}",
                str(c.exercises_passed),
            )
            rows.append(
                "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"
            )
        head = "".join(
            f'<th style="text-align:left">{h}</th>'
            for h in ("Chapter", "", "Lessons run", "Exercises passed")
        )
        planned = f"<p>{self._planned()}</p>" if self._planned() else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{planned}"

    def to_dict(self) -> dict[str, Any]:
        """Summary as plain data, for `mle progress --json`."""
        return {"run": self.run, "written": self.written, "chapters": [vars(c) for c in self.chapters]}


def summary(syllabus: Syllabus | None = None) -> Summary:
    """Progress by chapter.

    Parameters
    ----------
    syllabus : Syllabus, optional
        Default: the course around the current folder.

    Returns
    -------
    Summary

    Raises
    ------
    ProgressError
        If the progress file is unreadable.
    """
    syllabus = syllabus or load_syllabus()
    state = _read()
    passed = [name.split("/")[0] for name, e in state["exercises"].items() if e["points"] >= e["max_points"]]
    return Summary(
        tuple(
            ChapterProgress(
                chapter=chapter.number,
                title=chapter.title,
                lessons=len(chapter.lessons),
                written=sum(lesson.written for lesson in chapter.lessons),
                run=sum(lesson.written and lesson.number in state["lessons"] for lesson in chapter.lessons),
                exercises_passed=sum(int(number.split(".")[0]) == chapter.number for number in passed),
            )
            for chapter in syllabus.chapters
        )
    )


def _read() -> dict[str, Any]:
    file = progress_file()
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(state["lessons"], dict) or not isinstance(state["exercises"], dict):
            raise TypeError("not mappings")
    except FileNotFoundError:
        return json.loads(json.dumps(_EMPTY))
    except (ValueError, KeyError, TypeError) as error:
        backup = file.with_suffix(".json.bak")
        os.replace(file, backup)
        raise ProgressError(
            f"the progress file {file} was unreadable ({error}); it is kept as {backup.name}, "
            "and the next call begins anew"
        ) from error
    return state


def _write(state: dict[str, Any]) -> None:
    write_text(progress_file(), json.dumps(state, indent=2, sort_keys=True) + "\n")


def command(args) -> int:
    """Run the subcommand `mle progress`."""
    if args.reset:
        reset()
        print("progress forgotten", file=sys.stderr)
    result = summary()
    print(json.dumps(result.to_dict(), indent=2) if args.json else result)
    return 0
