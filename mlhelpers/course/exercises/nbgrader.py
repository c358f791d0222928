"""nbgrader, called from Python in a temporary course folder with a gradebook of its own.

Used by `mle exercise`; two parts of nbgrader are replaced: submissions are executed by `runner`, where no
gradebook is, and feedback holds no hidden test. Every submission has a course and a gradebook of its own.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
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
from nbgrader.utils import compute_checksum, is_grade
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from mlhelpers.course.exercises.exercise import Exercise, ExerciseError
from mlhelpers.course.exercises.messages import leaks, shown_error
from mlhelpers.course.exercises.per_student import without_expressions
from mlhelpers.course.exercises.rules import hidden_lines

if TYPE_CHECKING:
    from nbformat import NotebookNode

_STUDENT = "student"  # a real name may hold what nbgrader reads as a pattern


class HideExpressions(NbGraderPreprocessor):
    """Take from a source what says how a value per student is found."""

    def preprocess(self, nb, resources):
        """Give a changed copy of `nb`."""
        return without_expressions(nb), resources


class TakeOutputs(NbGraderPreprocessor):
    """Put the outputs of an executed notebook into what nbgrader would have executed itself."""

    executed: NotebookNode

    def preprocess(self, nb, resources):
        """Change `nb` in place."""
        for cell, run in zip(nb.cells, self.executed.cells, strict=True):
            if cell.cell_type == "code":
                cell.update(outputs=run.outputs, execution_count=run.execution_count)
        return nb, resources


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
    files : dict of str to bytes, optional
        What `files` gave in another course for the exercise: the release version need not be generated again.
    own : list of nbformat.NotebookNode, optional
        Test cells that a student has with other numbers; they take the place of the common ones.
    """

    def __init__(
        self,
        exercise: Exercise,
        *,
        files: dict[str, bytes] | None = None,
        own: Sequence[NotebookNode] = (),
    ) -> None:
        self.exercise = exercise
        self.config = Config()
        self._given, self._own = files, own

    def __enter__(self) -> TemporaryCourse:
        self._folder = tempfile.TemporaryDirectory(prefix="mle-exercise-")
        self.root = Path(self._folder.name)
        self.config.CourseDirectory.root = str(self.root)
        self.config.CourseDirectory.db_url = self.database
        if self._given is not None:
            for name, data in self._given.items():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                (self.root / name).write_bytes(data)
            self._take_own()
            return self
        name = self.exercise.name
        target = self.root / "source" / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        shutil.copyfile(self.exercise.source, target)
        with closing(sqlite3.connect(self.root / "gradebook.db")) as database:
            # A gradebook that has a table is taken as it is; a new one would call the program `alembic`.
            database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        return self

    def __exit__(self, *error) -> None:
        self._folder.cleanup()

    def _take_own(self) -> None:
        with closing(sqlite3.connect(self.root / "gradebook.db")) as database, database:
            for cell in self._own:
                database.execute(
                    "UPDATE source_cell SET source = ?, checksum = ? WHERE name = ?",
                    (cell.source, compute_checksum(cell), cell.metadata.nbgrader.grade_id),
                )

    def files(self) -> dict[str, bytes]:
        """Every file of the course, to make another one from."""
        paths = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}

    @property
    def database(self) -> str:
        """Address of the temporary gradebook."""
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def _place(self, step: str, student: str, ending: str = "ipynb") -> Path:
        name = self.exercise.name
        return self.root / step / student / name / f"{name}.{ending}"

    def release(self) -> Path:
        """Generate the release version, and note its tests and points in the gradebook."""
        self._convert(_Release, ".")
        return self._place("release", ".")

    def feedback(self, executed: NotebookNode) -> str:
        """HTML of an executed notebook with its points, without hidden tests."""
        import nbformat

        plain = executed.copy()
        plain.cells = [cell.copy() for cell in executed.cells]
        submitted = self._place("submitted", _STUDENT)
        submitted.parent.mkdir(parents=True)
        submitted.write_text(nbformat.writes(plain), encoding="utf-8")

        class Take(TakeOutputs):
            pass

        class Grade(_Autograde):
            autograde_preprocessors = (Take, *_Autograde.autograde_preprocessors)

        Take.executed = executed
        self._convert(Grade, _STUDENT)
        self._convert(_Feedback, _STUDENT)
        return self._place("feedback", _STUDENT, "html").read_text(encoding="utf-8")

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


RELEASE = (HideExpressions, *GenerateAssignment.preprocessors.default_args[0])
FEEDBACK = (HideTests, ClearHiddenTests, GetGrades, CSSHTMLHeaderPreprocessor)


class _Release(GenerateAssignment):
    preprocessors = RELEASE


class _Autograde(Autograde):
    autograde_preprocessors = (
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    )


class _Feedback(GenerateFeedback):
    preprocessors = FEEDBACK


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
