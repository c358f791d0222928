"""Results of submissions, kept so that a killed run goes on and an unchanged submission is not run again.

One line of JSON a submission, in a file beside the grades; used by `classroom`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlhelpers import __version__
from mlhelpers.course.exercises.exercise import Exercise
from mlhelpers.course.exercises.grading import Grading, Task
from mlhelpers.course.files import replacing

# What decides a result, beside the exercise and the submission: a change of it makes records old.
_GRADERS = ("confine", "grading", "judge", "kernel_state", "messages", "nbgrader", "restore", "rules")
_GRADERS += ("runner", "sandbox", "stand_in", "tripwires", "wire")


def record_key(submission: bytes, source: bytes, settings: str) -> str:
    """Name of a result: it changes with the submission, the exercise, the settings and the grader.

    Parameters
    ----------
    submission, source : bytes
        Contents of the two notebooks.
    settings : str
        Limits and protection in words.

    Returns
    -------
    str
        Hexadecimal SHA-256.
    """
    digest = hashlib.sha256()
    for part in (submission, source, settings.encode(), __version__.encode(), _grader()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _grader() -> bytes:
    folder = Path(__file__).parent
    return b"".join((folder / f"{name}.py").read_bytes() for name in _GRADERS)


class Records:
    """The file of results; a line is on the disk as soon as it is added.

    Parameters
    ----------
    path : path-like
        Made when the first result is added. A line that a killed run has left unfinished is dropped.
    forget : bool, default=False
        Begin with an empty file.
    """

    def __init__(self, path: str | os.PathLike[str], *, forget: bool = False) -> None:
        self.path = Path(path)
        self._kept: dict[str, dict[str, Any]] = {}
        if forget:
            self.path.unlink(missing_ok=True)
        elif self.path.is_file():
            lines = self.path.read_bytes().split(b"\n")
            whole = [record for line in lines if (record := _record(line)) is not None]
            self._kept = {record["key"]: record for record in whole}
            if len(self._kept) < len(lines) - 1 or lines[-1]:
                self._write(self._kept.values())

    def _write(self, records: Iterable[dict[str, Any]]) -> None:
        with replacing(self.path) as temporary:
            temporary.write_bytes(b"".join(map(_line, records)))

    def get(self, key: str, exercise: Exercise) -> tuple[Grading, str | None] | None:
        """Result with the hash of its page of feedback, None if there is none."""
        record = self._kept.get(key)
        if record is None:
            return None
        tasks = tuple(Task(**task) for task in record["tasks"])
        return Grading(exercise, tasks, tuple(record["notes"])), record["page"]

    def add(self, key: str, grading: Grading, page: str | None) -> None:
        """Keep a result and the text of its page."""
        record = {
            "key": key,
            "exercise": grading.exercise.name,
            "tasks": [asdict(task) for task in grading.tasks],
            "notes": list(grading.notes),
            "page": None if page is None else text_hash(page),
        }
        self.path.absolute().parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, _line(record))  # one call, so that a line is there or not
        finally:
            os.close(handle)
        self._kept[key] = record


def text_hash(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _record(line: bytes) -> dict[str, Any] | None:
    """A line that holds all of a record; anything else is none."""
    try:
        record = json.loads(line)
        if not isinstance(record["key"], str) or not isinstance(record["page"], str | None):
            return None
        [Task(**task) for task in record["tasks"]]
        list(record["notes"])
        return record
    except (ValueError, KeyError, TypeError):
        return None
