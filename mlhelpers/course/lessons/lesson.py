"""Making, executing and storing lessons, behind `mle lesson new`, `run` and `save`.

A lesson is written only after all of it ran, in normal form, so that saving twice gives the same bytes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlhelpers.course.files import find_root, read_notebook, write_text
from mlhelpers.course.lessons.document import notebook_path
from mlhelpers.course.runs.failures import NotebookError
from mlhelpers.course.runs.kernels import Execution, execute

LIMIT_SECONDS = 60
LIMIT_MEGABYTES = 1500


def run_lesson(path: str | os.PathLike[str], *, store: bool = False) -> Execution:
    """Execute a lesson from its first cell to its last.

    Parameters
    ----------
    path : path-like
        Notebook.
    store : bool, default=False
        Write the outputs into the file, in normal form. A lesson that fails is left as it is.

    Returns
    -------
    Execution
        Cells, seconds and peak memory.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook.
    NotebookError
        If a cell fails.
    """
    from mlhelpers.course.normal_form import dumps, normalize

    path = Path(path)
    notebook = normalize(read_notebook(path))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    result = execute(notebook, name=path.name, folder=path.absolute().parent)
    if store:
        write_text(path, dumps(notebook))
    return result


def _run_all(files: list[str], *, store: bool) -> int:
    failed = 0
    for what in files:
        try:
            file = notebook_path(what)
            result = run_lesson(file, store=store)
        except (NotebookError, OSError, ValueError) as error:
            print(f"mle: {error}", file=sys.stderr)
            failed += 1
            continue
        done = "saved" if store else "ran"
        print(
            f"{file.stem}: {done}, {result.cells} cells, {result.seconds:.1f} s, "
            f"peak {result.peak_megabytes:.0f} MB",
            flush=True,
        )
        if result.seconds > LIMIT_SECONDS or result.peak_megabytes > LIMIT_MEGABYTES:
            print(
                f"  above the limit of {LIMIT_SECONDS} s and {LIMIT_MEGABYTES} MB for a lesson",
                file=sys.stderr,
            )
        _record(file, result)
    return 1 if failed else 0


def _record(file: Path, result: Execution) -> None:
    """Note a run of a lesson of this course in the learner's progress."""
    from mlhelpers.course.syllabus import load_syllabus
    from mlhelpers.course.syllabus.progress import record_run

    try:
        syllabus = load_syllabus(find_root(file.parent))
    except FileNotFoundError:  # a notebook outside of the course
        return
    lesson = syllabus.by_file(file)
    if lesson is not None:
        record_run(lesson.number, seconds=result.seconds, syllabus=syllabus)


def run_command(args) -> int:
    """Run the subcommand `mle lesson run`."""
    return _run_all(args.files, store=args.in_place)


def save_command(args) -> int:
    """Run the subcommand `mle lesson save`."""
    return _run_all(args.files, store=True)


def new_command(args) -> int:
    """Run the subcommand `mle lesson new`."""
    from mlhelpers.course.lessons.scaffold import new_lesson

    print(new_lesson(args.number, root=find_root()))
    return 0
