"""The record of the course, `notebooks/syllabus.yml`, loaded and validated.

Everything that lists lessons reads it: README table, start notebook, `mle list`, linter and tests.
"""

from __future__ import annotations

import difflib
import graphlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pydantic
import yaml
from pydantic import Field

from mlhelpers.course.files import find_root

_NUMBER = r"^[1-9][0-9]?\.[1-9]$"


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


class Lesson(_Strict):
    """One lesson.

    Attributes
    ----------
    number : str
        Such as ``"2.3"``.
    title : str
    file : str
        Path below ``notebooks/``.
    objectives : list of str
        Three to five things the learner can do afterwards.
    prerequisites : list of str
        Numbers of the lessons it builds on.
    helpers : list of str
        Modules it introduces or uses, such as ``mlhelpers.data.quality``.
    tier : {"core", "platforms"}
    status : {"planned", "written"}
    run_minutes : float or None
        Measured time to execute; None until written.
    read_minutes : int
        Estimated time to work through.
    """

    number: Annotated[str, Field(pattern=_NUMBER)]
    title: Annotated[str, Field(min_length=3, max_length=80)]
    file: Annotated[str, Field(pattern=r"^[0-9]{2}_[a-z_]+/[0-9]{2}_[a-z0-9_]+\.ipynb$")]
    objectives: Annotated[list[str], Field(min_length=3, max_length=5)]
    prerequisites: list[Annotated[str, Field(pattern=_NUMBER)]] = []
    helpers: list[Annotated[str, Field(pattern=r"^mlhelpers(\.[a-z_]+)+$")]] = []
    tier: Literal["core", "platforms"] = "core"
    status: Literal["planned", "written"] = "planned"
    run_minutes: Annotated[float, Field(gt=0, le=2)] | None = None
    read_minutes: Annotated[int, Field(ge=5, le=45)]

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Lesson:
        chapter, own = (int(part) for part in self.number.split("."))
        if not re.match(rf"{chapter:02d}_[a-z_]+/{own:02d}_", self.file):
            raise ValueError(
                f"file {self.file} does not match the number; it must be {chapter:02d}_.../{own:02d}_..."
            )
        if self.status == "written" and self.run_minutes is None:
            raise ValueError("a written lesson needs run_minutes, as `mle lesson run` measured them")
        return self

    @property
    def written(self) -> bool:
        """Whether the notebook exists."""
        return self.status == "written"


class Chapter(_Strict):
    """One chapter: number, title, folder below ``notebooks/``, what you can do afterwards, lessons."""

    number: Annotated[int, Field(ge=1, le=99)]
    title: str
    folder: Annotated[str, Field(pattern=r"^[0-9]{2}_[a-z_]+$")]
    outcome: str
    lessons: Annotated[list[Lesson], Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Chapter:
        for lesson in self.lessons:
            if int(lesson.number.split(".")[0]) != self.number or Path(lesson.file).parts[0] != self.folder:
                raise ValueError(
                    f"lesson {lesson.number} ({lesson.file}) does not belong to chapter {self.folder}"
                )
        return self


class _File(_Strict):
    chapters: Annotated[list[Chapter], Field(min_length=1)]


class SyllabusError(ValueError):
    """The syllabus is not valid; the message lists every problem."""


@dataclass(frozen=True)
class Syllabus:
    """The whole course.

    Attributes
    ----------
    root : pathlib.Path
        Folder of the course.
    chapters : tuple of Chapter
    """

    root: Path
    chapters: tuple[Chapter, ...]

    def __iter__(self) -> Iterator[Lesson]:
        """Lessons in the order of the course."""
        return (lesson for chapter in self.chapters for lesson in chapter.lessons)

    def lesson(self, number: str) -> Lesson:
        """Lesson by its number.

        Parameters
        ----------
        number : str
            Such as ``"2.3"``.

        Returns
        -------
        Lesson

        Raises
        ------
        ValueError
            If there is none; the message names the nearest.
        """
        for lesson in self:
            if lesson.number == number:
                return lesson
        raise ValueError(f"no lesson {number!r} in the syllabus; {self._nearest(number)}")

    def _nearest(self, text: str) -> str:
        """What a learner who wrote `text` for a lesson may have meant."""
        lessons = {lesson.number: lesson for lesson in self}
        chapters = {str(chapter.number): chapter for chapter in self.chapters}
        digits = [str(int(part)) for part in re.findall(r"[0-9]+", text)]
        alone = re.fullmatch(r"\s*[0-9]+\s*", text) is not None
        if alone and digits[0] in chapters:
            own = chapters[digits[0]].lessons
            return f"chapter {digits[0]} has {own[0].number} to {own[-1].number}"
        if alone and len(digits[0]) > 1:
            digits = [digits[0][:-1], digits[0][-1]]
        for number in (".".join(digits[:2]), ".".join(digits[:1] + [part[0] for part in digits[1:2]])):
            if number in lessons:
                return _meant(lessons[number])
        titles = {lesson.title.lower(): lesson for lesson in self}
        stems = {re.sub(r"[0-9_]+", " ", Path(lesson.file).stem).strip(): lesson for lesson in self}
        words = re.sub(r"[\W\d_]+", " ", Path(text).stem).strip().lower()
        near = difflib.get_close_matches(words, [*titles, *stems], n=1) if words else []
        if near:
            return _meant((titles | stems)[near[0]])
        single = {word: lesson for title, lesson in reversed(titles.items()) for word in title.split()}
        near = difflib.get_close_matches(words, [word for word in single if len(word) > 3], n=1, cutoff=0.7)
        if near:
            return _meant(single[near[0]])
        if digits and digits[0] in chapters:
            own = chapters[digits[0]].lessons
            return f"chapter {digits[0]} has {own[0].number} to {own[-1].number}"
        return "`mle list` shows their numbers"

    def notebook(self, text: str | os.PathLike[str]) -> Path:
        """Notebook of a written lesson that is named by its number or by its path.

        Parameters
        ----------
        text : str or path-like
            Such as ``"2.3"``, or the path of any notebook that exists.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        FileNotFoundError
            If there is no such file; the message names the nearest lesson.
        ValueError
            If the lesson is planned only, or there is none of this number.
        """
        path = Path(text)
        if path.exists():
            return path
        if path.suffix == ".ipynb":
            files = {lesson.file: lesson for lesson in self if lesson.written}
            near = difflib.get_close_matches("/".join(path.absolute().parts[-2:]), list(files), n=1)
            hint = f"; {_meant(files[near[0]])}" if near else ""
            raise FileNotFoundError(f"notebook {path} does not exist{hint}")
        lesson = self.lesson(str(text))
        if not lesson.written:
            raise ValueError(f"{planned(lesson)}; `mle list` shows those that are")
        inside = Path.cwd().is_relative_to(self.root)
        return Path(os.path.relpath(self.path(lesson))) if inside else self.path(lesson)

    def by_file(self, path: str | os.PathLike[str]) -> Lesson | None:
        """Lesson stored at `path`, or None.

        Parameters
        ----------
        path : path-like
            Absolute, or relative to the current folder.

        Returns
        -------
        Lesson or None
        """
        wanted = Path(path).resolve()
        return next((lesson for lesson in self if self.path(lesson).resolve() == wanted), None)

    def path(self, lesson: Lesson) -> Path:
        """Where the notebook of `lesson` is or will be."""
        return self.root / "notebooks" / lesson.file

    def after(self, lesson: Lesson) -> Lesson | None:
        """Lesson that follows `lesson`, or None at the end of the course."""
        lessons = list(self)
        position = lessons.index(lesson) + 1
        return lessons[position] if position < len(lessons) else None


def planned(lesson: Lesson) -> str:
    """Say that `lesson` is not there yet, for messages."""
    return f"lesson {lesson.number} {lesson.title} is planned, not written yet"


def _meant(lesson: Lesson) -> str:
    return f"did you mean {lesson.number} {lesson.title}?"


def load_syllabus(root: str | os.PathLike[str] | None = None) -> Syllabus:
    """Load and validate ``notebooks/syllabus.yml``.

    Parameters
    ----------
    root : path-like, optional
        Folder of the course; default is the nearest one upward of the current folder.

    Returns
    -------
    Syllabus

    Raises
    ------
    FileNotFoundError
        If there is no syllabus.
    SyllabusError
        If a field is missing, unknown or wrong, a number or file is used twice, or the prerequisites name an
        unknown lesson or run in a circle.
    """
    root = Path(root) if root is not None else find_root()
    file = root / "notebooks" / "syllabus.yml"
    try:
        content = yaml.load(
            file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except yaml.YAMLError as error:
        raise SyllabusError(f"{file.name} is not valid YAML: {' '.join(str(error).split())}") from error
    try:
        chapters = tuple(_File.model_validate(content).chapters)
    except pydantic.ValidationError as error:
        raise SyllabusError(_readable(file.name, content, error)) from error
    syllabus = Syllabus(root, chapters)
    problems = _problems(syllabus)
    if problems:
        raise SyllabusError(f"{file.name}: " + "; ".join(problems))
    return syllabus


def _problems(syllabus: Syllabus) -> list[str]:
    lessons = list(syllabus)
    numbers = [lesson.number for lesson in lessons]
    problems = [
        f"lesson {n} stands there twice" for n in sorted({n for n in numbers if numbers.count(n) > 1})
    ]
    for lesson in lessons:
        for number in lesson.prerequisites:
            if number not in numbers:
                problems.append(f"lesson {lesson.number} requires {number}, which does not exist")
    try:
        graphlib.TopologicalSorter({lesson.number: lesson.prerequisites for lesson in lessons}).prepare()
    except graphlib.CycleError as error:
        problems.append("prerequisites run in a circle: " + " -> ".join(error.args[1]))
    return problems


def _readable(name: str, content: object, error: pydantic.ValidationError) -> str:
    """One line per problem, with the lesson's number instead of its position."""
    lines = []
    for detail in error.errors():
        place, node = [], content
        for key in detail["loc"]:
            node = (
                node[key]
                if isinstance(node, list | dict) and not isinstance(key, str)
                else (node or {}).get(key)
            )
            place.append(str(node["number"]) if isinstance(node, dict) and "number" in node else str(key))
        lines.append(f"  - {' > '.join(place) or 'file'}: {detail['msg'].removeprefix('Value error, ')}")
    return f"{name}: {len(lines)} problem(s)\n" + "\n".join(lines)
