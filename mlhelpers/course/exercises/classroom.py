"""A whole class: its assignment and its grades, behind `mle exercise assign` and `mle exercise grade`.

A submission that hangs, crashes, lacks cells or is no notebook loses points; the others are graded.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.course.exercises.exercise import Exercise, ExerciseError, task_of
from mlhelpers.course.exercises.grading import (
    Grading,
    Task,
    graded_cells,
    id_of,
    missing_cells,
    repeated_cells,
    run_and_grade,
)
from mlhelpers.course.exercises.nbgrader import TIMEOUT, TemporaryCourse
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
    results = []
    for exercise in given:
        with TemporaryCourse(exercise, timeout=timeout) as course:
            released = read_notebook(course.release())
            for number, student in enumerate(students):
                key = f"student{number}"  # a folder's name may hold what nbgrader reads as a pattern
                path = folder / student / exercise.name / f"{exercise.name}.ipynb"
                if not path.is_file():
                    results.append((student, nothing(exercise, released, "nothing handed in")))
                    continue
                results.append((student, grade(course, released, key, path)))
                if feedback is not None and course.graded(key):
                    html = course.feedback(key).read_text(encoding="utf-8")
                    write_text(Path(feedback) / student / f"{exercise.name}.html", html)
    write_text(output, csv_text(results))
    return results


def grade(course: TemporaryCourse, released: NotebookNode, student: str, path: Path) -> Grading:
    """Grade a submission; whatever is wrong with it costs points and is noted.

    Parameters
    ----------
    course : TemporaryCourse
        In which the release version was generated.
    released : nbformat.NotebookNode
        That version.
    student : str
    path : pathlib.Path
        Submitted notebook.

    Returns
    -------
    Grading
    """
    try:
        notebook = read_notebook(path)
    except (ValueError, OSError) as error:
        return nothing(course.exercise, released, str(error).replace(str(path), path.name))
    notes = []
    if repeated_cells(notebook):
        notes.append(f"cells there twice, the first counts: {', '.join(repeated_cells(notebook))}")
        keep_first(notebook)
    gone = missing_cells(notebook, released)
    if gone:
        notes.append(f"cells put back: {', '.join(gone)}")
        put_back(notebook, released)
    try:
        return run_and_grade(course, student, notebook, tuple(notes))
    except ExerciseError as error:
        return nothing(course.exercise, released, f"could not be graded: {error}")


def nothing(exercise: Exercise, released: NotebookNode, note: str) -> Grading:
    """Grading of a notebook that cannot be graded: no points, and why."""
    tasks = [
        Task(task_of(cell.metadata.nbgrader.grade_id), title, 0.0, float(cell.metadata.nbgrader.points), "")
        for cell, title in graded_cells(released)
    ]
    return Grading(exercise, tuple(tasks), (note,))


def put_back(notebook: NotebookNode, released: NotebookNode) -> None:
    """Insert cells of the exercise that are gone, each after the cell of the exercise that precedes it.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place.
    released : nbformat.NotebookNode
        Release version.
    """
    place = 0
    for cell in released.cells:
        name = id_of(cell)
        if not name:
            continue
        there = [index for index, own in enumerate(notebook.cells) if id_of(own) == name]
        if there:
            place = there[0] + 1
        else:
            notebook.cells.insert(place, cell)
            place += 1


def keep_first(notebook: NotebookNode) -> None:
    """Make cells that repeat a cell of the exercise ordinary cells, in place."""
    seen: set[str] = set()
    for cell in notebook.cells:
        name = id_of(cell)
        if name in seen:
            cell.metadata = {key: value for key, value in cell.metadata.items() if key != "nbgrader"}
        elif name:
            seen.add(name)


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
