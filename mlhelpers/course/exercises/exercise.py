"""The exercises of the course: where they are, their release versions, a learner's own copy.

Behind `mle exercise release` and `start`; grading is in `exercise_grading` and `exercise_class`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlhelpers.course.files import read_notebook, write_text
from mlhelpers.course.syllabus import Lesson, Syllabus, load_syllabus

if TYPE_CHECKING:
    from nbformat import NotebookNode

OWN_FOLDER = "my_exercises"
_LOCKS = ("deletable", "editable")


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


def normal_text(notebook: NotebookNode) -> str:
    """Text of an exercise as it is stored: a lesson's normal form, without outputs, with nbgrader's locks.

    Parameters
    ----------
    notebook : nbformat.NotebookNode

    Returns
    -------
    str
    """
    import nbformat

    from mlhelpers.course.normal_form import normalize

    result = normalize(notebook)
    for old, new in zip(notebook.cells, result.cells, strict=True):
        new.metadata.update({key: old.metadata[key] for key in _LOCKS if key in old.metadata})
        if new.cell_type == "code":
            new.update(outputs=[], execution_count=None)
    nbformat.validate(result)
    return nbformat.writes(result).rstrip("\n") + "\n"


def released_text(exercise: Exercise) -> str:
    """Text of the release version, generated by nbgrader from the source.

    Parameters
    ----------
    exercise : Exercise

    Returns
    -------
    str

    Raises
    ------
    ExerciseError
        If the source breaks a rule for exercises.
    """
    from mlhelpers.course.exercises.nbgrader import TemporaryCourse
    from mlhelpers.course.exercises.rules import check_source

    check_source(exercise)
    with TemporaryCourse(exercise) as course:
        return normal_text(read_notebook(course.release()))


def release(exercise: Exercise, *, check: bool = False) -> bool:
    """Write the release version, and the source in normal form, where they differ.

    Parameters
    ----------
    exercise : Exercise
    check : bool, default=False
        Write nothing.

    Returns
    -------
    bool
        Whether both files were in sync before.

    Raises
    ------
    ExerciseError
        If the source breaks a rule for exercises.
    """
    texts = {exercise.release: released_text(exercise), exercise.source: source_text(exercise)}
    stale = {path: text for path, text in texts.items() if _read(path) != text}
    for path, text in ({} if check else stale).items():
        write_text(path, text)
    return not stale


def source_text(exercise: Exercise) -> str:
    """Text of the source in normal form."""
    return normal_text(read_notebook(exercise.source))


def orphans(syllabus: Syllabus) -> list[Path]:
    """Release versions and wrong answers whose source is gone."""
    known = {path for e in find_exercises(syllabus=syllabus) for path in (e.release, e.wrong_answers)}
    folder = syllabus.root / "exercises"
    there = [*folder.glob("*/release/*/*"), *folder.glob("*/wrong_answers/*")]
    return sorted(path for path in there if path not in known and not path.name.startswith("."))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def start(exercise: Exercise) -> Path:
    """Copy the release version to where the learner works; an existing copy is never overwritten.

    Parameters
    ----------
    exercise : Exercise

    Returns
    -------
    pathlib.Path
        Below ``my_exercises/``, which git ignores.

    Raises
    ------
    FileExistsError
        If there is a copy already.
    FileNotFoundError
        If the exercise has no release version.
    """
    if exercise.own.exists():
        raise FileExistsError(
            f"{exercise.own.relative_to(exercise.root)} exists already; go on in it, or rename it"
        )
    text = committed_release(exercise)
    write_text(exercise.own, text)
    return exercise.own


def committed_release(exercise: Exercise) -> str:
    """Text of the release version as it is stored; an error says how to make one."""
    text = _read(exercise.release)
    if text is None:
        raise FileNotFoundError(
            f"exercise {exercise.lesson.number} has no release version; "
            f"run `mle exercise release {exercise.lesson.number}`"
        )
    return text


def task_of(grade_id: str) -> str:
    """Task that a test cell belongs to: its id without the ending ``_test``."""
    return re.sub(r"_test$", "", grade_id)
