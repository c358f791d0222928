"""nbgrader, called from Python in a temporary course folder with a gradebook of its own.

Used by `mle exercise`; two parts of nbgrader are replaced: cells that hang or kill the kernel cost their own
task only, and feedback holds no hidden test.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import warnings
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from nbgrader.utils import is_grade
from sqlalchemy.exc import SAWarning
from traitlets import Float
from traitlets.config import Config

from mlhelpers.course.exercises.exercise import Exercise, ExerciseError
from mlhelpers.course.exercises.messages import leaks, shown_error
from mlhelpers.course.exercises.rules import hidden_lines
from mlhelpers.course.runs.kernels import kernel_settings

if TYPE_CHECKING:
    from nbformat import NotebookNode

TIMEOUT = 60.0


class RunCells(NbGraderPreprocessor):
    """Execute a submission; one cell that hangs or kills the kernel does not stop the others."""

    timeout = Float(TIMEOUT, help="Seconds that one cell may take").tag(config=True)

    def preprocess(self, nb, resources):
        """Execute `nb` in place in the folder that `resources` name."""
        run_cells(nb, folder=Path(resources["metadata"]["path"]), timeout=self.timeout)
        for cell in nb.cells:  # nbgrader counts a warning as a wrong answer
            if is_grade(cell):
                for output in cell.get("outputs", []):
                    if output.get("name") == "stderr":
                        output.name = "stdout"
        return nb, resources


def run_cells(notebook: NotebookNode, *, folder: Path, timeout: float = TIMEOUT) -> None:
    """Execute every code cell in place, going on after errors.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place. A cell that took longer than `timeout` or killed the kernel holds an error that
        says so; the notebook is then run again, in a new kernel, without it.
    folder : pathlib.Path
        Working folder of the kernel.
    timeout : float, default=60
        Seconds for one cell.
    """
    from nbclient import NotebookClient

    stopped: dict[int, NotebookNode] = {}
    while True:
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.update(outputs=[stopped[index]] if index in stopped else [], execution_count=None)
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=timeout,
            allow_errors=True,
            coalesce_streams=True,
            record_timing=False,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(folder)}},
            **kernel_settings(),
        )
        failure = _run_until_stopped(client, notebook, stopped, timeout)
        if failure is None:
            return
        stopped[failure[0]] = failure[1]


def _run_until_stopped(client, notebook, stopped, timeout) -> tuple[int, NotebookNode] | None:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if index in stopped:
                continue
            try:
                client.execute_cell(cell, index)
            except CellTimeoutError:
                return index, _error("CellTimeoutError", f"the cell ran longer than {timeout:g} s")
            except DeadKernelError:
                return index, _error("DeadKernelError", "the cell ended the kernel")
    return None


def _error(name: str, message: str) -> NotebookNode:
    import nbformat

    return nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])


class HideTests(NbGraderPreprocessor):
    """Take from a graded notebook every output that could show a hidden test."""

    def preprocess(self, nb, resources):
        """Change `nb` in place: test cells keep one readable line, other cells lose what quotes a test."""
        hidden = [
            lines[number - 1].strip()
            for cell in nb.cells
            if is_grade(cell)
            for lines in [cell.source.splitlines()]
            for number in hidden_lines(cell.source)[1:-1]
        ]
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            if is_grade(cell):
                text = shown_error(cell)
                cell.outputs = [_error("Test", text)] if text else []
            elif leaks(cell, hidden):
                cell.outputs = [_error("Output", "left out, because it quotes the tests")]
        return nb, resources


class TemporaryCourse:
    """A course folder for one exercise that is gone at the end of the ``with`` block.

    Parameters
    ----------
    exercise : Exercise
    timeout : float, default=60
        Seconds for one cell of a submission.
    """

    def __init__(self, exercise: Exercise, *, timeout: float = TIMEOUT) -> None:
        self.exercise = exercise
        self.config = Config()
        self.config.RunCells.timeout = timeout

    def __enter__(self) -> TemporaryCourse:
        self._folder = tempfile.TemporaryDirectory(prefix="mle-exercise-")
        self.root = Path(self._folder.name)
        name = self.exercise.name
        target = self.root / "source" / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        shutil.copyfile(self.exercise.source, target)
        with closing(sqlite3.connect(self.root / "gradebook.db")) as database:
            # A gradebook that has a table is taken as it is; a new one would call the program `alembic`.
            database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        self.config.CourseDirectory.root = str(self.root)
        self.config.CourseDirectory.db_url = self.database
        return self

    def __exit__(self, *error) -> None:
        self._folder.cleanup()

    @property
    def database(self) -> str:
        """Address of the temporary gradebook."""
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def _place(self, step: str, student: str, ending: str = "ipynb") -> Path:
        name = self.exercise.name
        return self.root / step / student / name / f"{name}.{ending}"

    def release(self) -> Path:
        """Generate the release version, and note its tests and points in the gradebook."""
        self._convert(GenerateAssignment, ".")
        return self._place("release", ".")

    def autograde(self, student: str, text: str) -> Path:
        """Grade the notebook `text` as the submission of `student`; gives the executed notebook."""
        submitted = self._place("submitted", student)
        submitted.parent.mkdir(parents=True)
        submitted.write_text(text, encoding="utf-8")
        self._convert(_Autograde, student)
        return self._place("autograded", student)

    def graded(self, student: str) -> bool:
        """Whether `student` has a graded notebook."""
        return self._place("autograded", student).is_file()

    def feedback(self, student: str) -> Path:
        """HTML of a graded submission, without hidden tests."""
        self._convert(_Feedback, student)
        return self._place("feedback", student, "html")

    def points(self, student: str) -> dict[str, tuple[float, float]]:
        """Score and maximum of each test cell, by its id."""
        name = self.exercise.name
        with _log(), Gradebook(self.database) as gradebook:
            grades = gradebook.find_submission_notebook(name, name, student).grades
            return {grade.name: (float(grade.score), float(grade.max_score)) for grade in grades}

    def _convert(self, kind: type, student: str) -> None:
        config = self.config.copy()
        config.CourseDirectory.assignment_id = self.exercise.name
        config.CourseDirectory.student_id = student
        with _log() as messages:
            converter = kind(coursedir=CourseDirectory(config=config), config=config)
            try:
                converter.start()
            except NbGraderException as error:
                raise ExerciseError(_reason(messages) or str(error)) from error


class _Autograde(Autograde):
    autograde_preprocessors = (
        RunCells,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    )


class _Feedback(GenerateFeedback):
    preprocessors = (HideTests, ClearHiddenTests, GetGrades, CSSHTMLHeaderPreprocessor)


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def _log():
    """Keep what nbgrader logs out of the terminal; its errors are in the list."""
    from traitlets.log import get_logger

    logger, handler = get_logger(), _Messages()
    before = logger.level, logger.propagate, list(logger.handlers)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own queries
            yield handler.texts
    finally:
        logger.setLevel(before[0])
        logger.propagate = before[1]
        logger.handlers[:] = before[2]


def _reason(messages: list[str]) -> str:
    """Last line of the traceback that nbgrader logged, if it logged one."""
    traces = [text for text in messages if text.startswith("Traceback")]
    return traces[-1].strip().splitlines()[-1] if traces else ""
