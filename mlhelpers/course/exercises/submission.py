"""One submission of a class, graded: whatever is wrong with it costs points and is noted.

Used by `classroom` and, in processes of their own, by `pool`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlhelpers.course.exercises.exercise import Exercise, task_of
from mlhelpers.course.exercises.grading import Grading, Prepared, Task, graded_cells, run_and_grade
from mlhelpers.course.exercises.per_student import seed_of, with_seed
from mlhelpers.course.exercises.restore import missing_cells, moved_cells, repeated_cells
from mlhelpers.course.exercises.runner import Judges
from mlhelpers.course.exercises.sandbox import Limits
from mlhelpers.course.files import read_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode


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
    seed, wanted = seed_of(notebook), seed_of(prepared.source)
    if seed is not None and wanted not in (seed, None):
        notes.append(f"its SEED is {seed}, not the {wanted} of this student; graded with {wanted}")
        notebook = with_seed(notebook, wanted)
    try:
        grading, executed = run_and_grade(prepared, judges, notebook, tuple(notes), limits=limits)
    except Exception as error:  # noqa: BLE001  (one submission never ends the grading of the others)
        return nothing(exercise, released, f"could not be graded: {type(error).__name__}: {error}"), None
    if not page:
        return grading, None
    try:
        with prepared.course() as course:
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
