"""A whole class: its assignment and its grades, behind `mle exercise assign` and `mle exercise grade`.

A submission that hangs, crashes, lacks cells or is no notebook loses points; the others are graded.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.course.exercises.exercise import Exercise, ExerciseError, task_of
from mlhelpers.course.exercises.grading import TIMEOUT, Grading, Prepared, Task, graded_cells, run_and_grade
from mlhelpers.course.exercises.nbgrader import TemporaryCourse
from mlhelpers.course.exercises.restore import missing_cells, moved_cells, repeated_cells
from mlhelpers.course.exercises.runner import Judges
from mlhelpers.course.exercises.sandbox import Limits
from mlhelpers.course.exercises.versions import committed_release, released_text
from mlhelpers.course.files import read_notebook, replacing, write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode


def assign(exercises: list[Exercise], output: str | os.PathLike[str]) -> list[str]:
    """Make a class's assignment of release versions: ``<assignment>/<assignment>.ipynb`` each.

    Parameters
    ----------
    exercises : list of Exercise
        Each must be in sync with its source.
    output : path-like
        A file that ends in ``.zip``, made anew, or a folder that is new or empty.

    Returns
    -------
    list of str
        What was put in.

    Raises
    ------
    FileExistsError
        If the folder holds something already.
    ExerciseError
        If a release version is not in sync.
    """
    texts = {f"{e.name}/{e.name}.ipynb": committed_release(e) for e in exercises}
    stale = [e.lesson.number for e in exercises if texts[f"{e.name}/{e.name}.ipynb"] != released_text(e)]
    if stale:
        raise ExerciseError(f"release of {', '.join(stale)} is not in sync; run `mle exercise release`")
    output = Path(output)
    if output.suffix == ".zip":
        with replacing(output) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in texts.items():  # a fixed date: the same exercises give the same bytes
                file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
        return list(texts)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} is there and not empty; name a new folder or a .zip file")
    output.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=".assign-") as folder:
        for name, text in texts.items():
            write_text(Path(folder) / "all" / name, text)
        if output.exists():
            output.rmdir()
        os.replace(Path(folder) / "all", output)
    return list(texts)


def grade_class(
    exercises: list[Exercise],
    submitted: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    feedback: str | os.PathLike[str] | None = None,
    timeout: float = TIMEOUT,
    each: Callable[[str, Grading], None] | None = None,
) -> list[tuple[str, Grading]]:
    """Grade the submissions of a class and write the grades as CSV.

    Parameters
    ----------
    exercises : list of Exercise
        Of one chapter.
    submitted : path-like
        Folder laid out as ``student/assignment/assignment.ipynb``.
    output : path-like
        CSV to write: student, assignment, score, max_score, task_1, task_2, ..., note.
    feedback : path-like, optional
        Folder for one HTML file per submission, ``student/assignment.html``.
    timeout : float, default=60
        Seconds for one cell.
    each : callable, optional
        Called with student and grading as soon as a notebook is graded; its row is in the CSV then.

    Returns
    -------
    list of (str, Grading)
        A student has a row for every exercise that anybody handed in.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no submission to one of the exercises.
    """
    folder = Path(submitted)
    students = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    given = [e for e in exercises if any((folder / s / e.name).is_dir() for s in students)]
    if not given:
        names = ", ".join(exercise.name for exercise in exercises)
        raise FileNotFoundError(f"no {folder.name}/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb for any of: {names}")
    # Everything is read before the first submission runs, so that none can change another.
    prepared = [Prepared.of(exercise) for exercise in given]
    handed_in = {(s, e.name): _read(folder / s / e.name / f"{e.name}.ipynb") for e in given for s in students}
    results: list[tuple[str, Grading]] = []
    pages: dict[Path, str] = {}
    limits = Limits(cell_seconds=timeout)
    for ready in prepared:
        with Judges(ready.source) as judges:
            for student in students:
                data = handed_in[student, ready.exercise.name]
                grading, page = grade(ready, judges, data, limits=limits, page=feedback is not None)
                results.append((student, grading))
                if page is not None:
                    pages[Path(feedback) / student / f"{ready.exercise.name}.html"] = page
                write_text(output, csv_text(results))
                for path, text in pages.items():
                    if not path.is_file() or path.read_text(encoding="utf-8") != text:
                        write_text(path, text)
                if each is not None:
                    each(student, grading)
    return results


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _notebook_of(data: bytes, name: str) -> NotebookNode:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            notebook = read_notebook(path)
            for cell in notebook.cells:
                if not isinstance(cell.source, str) or not isinstance(cell.metadata, dict):
                    raise ValueError(f"{name} is not a notebook: a cell has no text")
            return notebook
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error
        except Exception as error:
            raise ValueError(f"{name} is not a notebook: {type(error).__name__}") from error


def grade(
    prepared: Prepared,
    judges: Judges,
    data: bytes | None,
    *,
    limits: Limits | None = None,
    page: bool = False,
) -> tuple[Grading, str | None]:
    """Grade a submission; whatever is wrong with it costs points and is noted.

    Parameters
    ----------
    prepared : Prepared
    judges : Judges
        Of the same exercise.
    data : bytes or None
        Content of the submitted file, None if nothing was handed in.
    limits : Limits, optional
    page : bool, default=False
        Make the page of feedback.

    Returns
    -------
    grading : Grading
    page : str or None
        HTML, None unless wanted and possible.
    """
    exercise, released = prepared.exercise, prepared.released
    if data is None:
        return nothing(exercise, released, "nothing handed in"), None
    try:
        notebook = _notebook_of(data, f"{exercise.name}.ipynb")
    except ValueError as error:
        return nothing(exercise, released, str(error)), None
    notes = []
    for names, fault in (
        (repeated_cells(notebook), "cells there twice, the first counts"),
        (missing_cells(notebook, released), "cells put back"),
        (moved_cells(notebook, released), "cells moved back"),
    ):
        if names:
            notes.append(f"{fault}: {', '.join(names)}")
    try:
        grading, executed = run_and_grade(prepared, judges, notebook, tuple(notes), limits=limits)
    except Exception as error:  # noqa: BLE001  (one submission never ends the grading of the others)
        return nothing(exercise, released, f"could not be graded: {type(error).__name__}: {error}"), None
    if not page:
        return grading, None
    try:
        with TemporaryCourse(exercise, files=prepared.files) as course:
            return grading, course.feedback(executed)
    except Exception as error:  # noqa: BLE001  (the points are known)
        return replace(grading, notes=(*grading.notes, f"no feedback: {error}")), None


def nothing(exercise: Exercise, released: NotebookNode, note: str) -> Grading:
    """Grading of a notebook that cannot be graded: no points, and why."""
    tasks = [
        Task(task_of(cell.metadata.nbgrader.grade_id), title, 0.0, float(cell.metadata.nbgrader.points), "")
        for cell, title in graded_cells(released)
    ]
    return Grading(exercise, tuple(tasks), (note,))


def csv_text(results: list[tuple[str, Grading]]) -> str:
    """Grades as CSV, by student and exercise."""
    most = max((len(grading.tasks) for _, grading in results), default=0)
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    tasks = [f"task_{number}" for number in range(1, most + 1)]
    table.writerow(["student", "assignment", "score", "max_score", *tasks, "note"])
    for student, grading in sorted(results, key=lambda pair: (pair[0], pair[1].exercise.name)):
        points: list[Any] = [f"{task.points:g}" for task in grading.tasks]
        points += [""] * (most - len(points))
        total = f"{grading.points:g}", f"{grading.max_points:g}"
        table.writerow([student, grading.exercise.name, *total, *points, "; ".join(grading.notes)])
    return stream.getvalue()
