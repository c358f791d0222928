"""The exercises of the course and where their files are.

Behind every `mle exercise`; what is made of them is in the modules beside this one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlhelpers.course.files import read_notebook
from mlhelpers.course.syllabus import Lesson, Syllabus, load_syllabus

if TYPE_CHECKING:
    from nbformat import NotebookNode

OWN_FOLDER = "my_exercises"
_RANGE = re.compile(r"(\d+)(?:\.(\d+))?-(\d+)(?:\.(\d+))?")


class ExerciseError(ValueError):
    """An exercise, or a learner's copy of one, is not as it must be; the message says what to do."""


@dataclass(frozen=True)
class Exercise:
    """Exercise of one lesson; every path follows from the lesson's file.

    Attributes
    ----------
    root : pathlib.Path
        Folder of the course.
    lesson : Lesson
    """

    root: Path
    lesson: Lesson

    @property
    def name(self) -> str:
        """Name of nbgrader's assignment and of its notebook: the lesson's file without its ending."""
        return Path(self.lesson.file).stem

    @property
    def chapter(self) -> str:
        """Folder of the chapter, such as ``02_data``."""
        return Path(self.lesson.file).parts[0]

    @property
    def folder(self) -> Path:
        """Folder that nbgrader takes as its course."""
        return self.root / "exercises" / self.chapter

    @property
    def source(self) -> Path:
        """Notebook with solutions and hidden tests."""
        return self.folder / "source" / self.name / f"{self.name}.ipynb"

    @property
    def release(self) -> Path:
        """Generated notebook without them."""
        return self.folder / "release" / self.name / f"{self.name}.ipynb"

    @property
    def wrong_answers(self) -> Path:
        """Typical wrong answers and what a learner must be told; outside of what nbgrader copies."""
        return self.folder / "wrong_answers" / f"{self.name}.yml"

    @property
    def right_answers(self) -> Path:
        """Right answers of another form than the solution; not every exercise has them."""
        return self.folder / "right_answers" / f"{self.name}.yml"

    @property
    def own(self) -> Path:
        """The learner's copy."""
        return self.root / OWN_FOLDER / self.chapter / f"{self.name}.ipynb"


def find_exercises(what: str | None = None, *, syllabus: Syllabus | None = None) -> list[Exercise]:
    """Exercises that have a source, in the order of the course.

    Parameters
    ----------
    what : str, optional
        Chapter (``2``, ``02_data``), lesson (``2.1``) or path of an exercise; default is all.
    syllabus : Syllabus, optional
        Default: the course around the current folder.

    Returns
    -------
    list of Exercise

    Raises
    ------
    ExerciseError
        If nothing fits `what`.
    """
    syllabus = syllabus or load_syllabus()
    found = [Exercise(syllabus.root, lesson) for lesson in syllabus]
    found = [exercise for exercise in found if exercise.source.is_file()]
    if what is None:
        return found
    parts = Path(what).with_suffix("").parts if what.endswith(".ipynb") else Path(what).parts
    fitting = [
        exercise
        for exercise in found
        if what in (exercise.lesson.number, exercise.lesson.number.split(".")[0])
        or parts[-1] == exercise.name
        or parts[-1] == exercise.chapter
    ]
    if not fitting:
        there = ", ".join(exercise.lesson.number for exercise in found) or "none yet"
        raise ExerciseError(f"no exercise for {what!r}; there are: {there}")
    return fitting


def choose_exercises(words: Sequence[str], *, syllabus: Syllabus | None = None) -> list[Exercise]:
    """Exercises of several chapters and lessons, each once, in the order of the course.

    Parameters
    ----------
    words : sequence of str
        Each what `find_exercises` takes, or a range with both ends in it: ``1-3``, ``2.1-2.4``; all if empty.
    syllabus : Syllabus, optional
        Default: the course around the current folder.

    Returns
    -------
    list of Exercise

    Raises
    ------
    ExerciseError
        If nothing fits a word, or if two exercises have the same name.
    """
    syllabus = syllabus or load_syllabus()
    everything = find_exercises(syllabus=syllabus)
    chosen = set() if words else {exercise.lesson.number for exercise in everything}
    for word in words:
        ends = _RANGE.fullmatch(word)
        if ends is None:
            fitting = find_exercises(word, syllabus=syllabus)
        else:
            first, last = _place(ends[1], ends[2], 0), _place(ends[3], ends[4], 10**6)
            fitting = [e for e in everything if first <= _place(*e.lesson.number.split("."), 0) <= last]
        if not fitting:
            there = ", ".join(exercise.lesson.number for exercise in everything) or "none yet"
            raise ExerciseError(f"no exercise in the range {word!r}; there are: {there}")
        chosen |= {exercise.lesson.number for exercise in fitting}
    found = [exercise for exercise in everything if exercise.lesson.number in chosen]
    names = [exercise.name for exercise in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ExerciseError(f"two of the exercises have the name {twice[0]}; take them one after the other")
    return found


def _place(chapter: str, lesson: str | None, default: int) -> tuple[int, int]:
    return int(chapter), default if lesson is None else int(lesson)


def exercise_of(path: str | os.PathLike[str], *, syllabus: Syllabus | None = None) -> Exercise:
    """Exercise that a notebook answers: by its file name, or by the test cells in it.

    Parameters
    ----------
    path : path-like
    syllabus : Syllabus, optional
        Default: the course around the current folder.

    Returns
    -------
    Exercise

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ExerciseError
        If it belongs to no exercise of the course.
    """
    path = Path(path)
    own = set(_grade_ids(read_notebook(path)))
    found = find_exercises(syllabus=syllabus)
    named = [exercise for exercise in found if exercise.name == path.stem]
    scored = [(len(own & set(_grade_ids(read_notebook(exercise.source)))), exercise) for exercise in found]
    best = max(scored, key=lambda pair: pair[0], default=(0, None))
    if named:
        return named[0]
    if not best[0] or best[1] is None:
        raise ExerciseError(
            f"{path.name} is no exercise of this course: its name is none and it holds no test cell of one; "
            "`mle exercise start NUMBER` makes a copy to work in"
        )
    return best[1]


def _grade_ids(notebook: NotebookNode) -> list[str]:
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    return [name for name in ids if name]


def orphans(syllabus: Syllabus) -> list[Path]:
    """Release versions, wrong and right answers whose source is gone."""
    exercises = find_exercises(syllabus=syllabus)
    known = {path for e in exercises for path in (e.release, e.wrong_answers, e.right_answers)}
    folder = syllabus.root / "exercises"
    there = [
        path
        for what in ("release/*", "wrong_answers", "right_answers")
        for path in folder.glob(f"*/{what}/*")
    ]
    return sorted(path for path in there if path not in known and not path.name.startswith("."))


def task_of(grade_id: str) -> str:
    """Task that a test cell belongs to: its id without the ending ``_test``."""
    return re.sub(r"_test$", "", grade_id)
