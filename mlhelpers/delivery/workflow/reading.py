"""A workflow file, read as GitHub reads it, with the line of each part.

Taught in lesson 8.1.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TOP = ["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"]
_JOB = [
    "name",
    "needs",
    "if",
    "runs-on",
    "env",
    "outputs",
    "steps",
    "defaults",
    "timeout-minutes",
    "permissions",
    "concurrency",
    "environment",
    "continue-on-error",
    "strategy",
    "container",
    "services",
    "uses",
    "with",
    "secrets",
]
_STEP = [
    "id",
    "name",
    "if",
    "uses",
    "run",
    "with",
    "env",
    "shell",
    "working-directory",
    "continue-on-error",
    "timeout-minutes",
]


class WorkflowError(ValueError):
    """A workflow cannot be read or run; the message names the file, line, job and step."""


class Lines(dict[str, Any]):
    """A mapping of a YAML file that knows the line of each key and which values were bare numbers."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        self.changed: dict[str, str] = {}  # by key: the text of a number that is another text when read


@dataclass(frozen=True)
class Step:
    """One step of a job.

    Attributes
    ----------
    line : int
        Of the file, from 1.
    number : int
        Place in the job, from 1.
    settings : Lines
        As they stand in the file.
    """

    line: int
    number: int
    settings: Lines = field(repr=False)

    @property
    def id(self) -> str | None:
        """Its id, by which others name its outputs."""
        return self.settings.get("id")

    @property
    def title(self) -> str:
        """What GitHub shows for it."""
        run = str(self.settings.get("run", "")).strip().splitlines()
        uses = re.sub(r"@([0-9a-f]{7})[0-9a-f]{33}$", r"@\1", str(self.settings.get("uses")))
        return self.settings.get("name") or (f"Run {run[0]}" if run else f"Run {uses}")


@dataclass(frozen=True)
class Job:
    """One job of a workflow.

    Attributes
    ----------
    name : str
    line : int
    needs : tuple of str
        Jobs that come first.
    steps : tuple of Step
    settings : Lines
    """

    name: str
    line: int
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    settings: Lines = field(repr=False)


@dataclass(frozen=True)
class Workflow:
    """A workflow file.

    Attributes
    ----------
    path : Path
    jobs : dict of str to Job
        In the order of the file.
    settings : Lines
    """

    path: Path
    jobs: dict[str, Job]
    settings: Lines = field(repr=False)

    @property
    def name(self) -> str:
        """Its name, or that of its file."""
        return str(self.settings.get("name") or self.path.name)

    def order(self) -> list[str]:
        """Names of the jobs, each after those that it needs.

        Raises
        ------
        WorkflowError
            If a job needs one that is not there, or two need each other.
        """
        done: list[str] = []
        while len(done) < len(self.jobs):
            left = [job for job in self.jobs.values() if job.name not in done]
            ready = [job.name for job in left if all(name in done for name in job.needs)]
            if not ready:
                unknown = [(j, name) for j in left for name in j.needs if name not in self.jobs]
                if unknown:
                    job, name = unknown[0]
                    raise WorkflowError(
                        f"{self.path.name}, line {job.line}: job {job.name!r} needs {name!r}, which is no "
                        f"job; the jobs are {', '.join(self.jobs)}"
                    )
                names = ", ".join(job.name for job in left)
                raise WorkflowError(f"{self.path.name}: the jobs {names} wait for each other")
            done += ready
        return done

    def before(self, job: str) -> set[str]:
        """Names of all jobs that a job needs, and of those that these need."""
        found: set[str] = set()
        left = list(self.jobs[job].needs)
        while left:
            name = left.pop()
            if name in self.jobs and name not in found:
                found.add(name)
                left += self.jobs[name].needs
        return found

    def texts(self) -> Iterator[tuple[Job | None, Step | None, int, str]]:
        """Each text of the file with the job and the step that it belongs to, and its line."""
        for key, value in self.settings.items():
            if key != "jobs":
                yield from (
                    (None, None, line, text) for line, text in _texts(value, self.settings.lines[key])
                )
        for job in self.jobs.values():
            for key, value in job.settings.items():
                if key != "steps":
                    yield from (
                        (job, None, line, text) for line, text in _texts(value, job.settings.lines[key])
                    )
            for step in job.steps:
                yield from ((job, step, line, text) for line, text in _texts(step.settings, step.line))


def read_workflow(path: str | Path) -> Workflow:
    """Read a workflow file.

    Taught in lesson 8.1. ``on`` stays a text, where YAML 1.1 makes it true, and a bare 3.10 becomes the text
    3.1, as on GitHub. Jobs may need jobs that are not there: `lint_workflow` tells, and running it refuses.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Workflow

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WorkflowError
        If it is no YAML, has a key that GitHub does not know, or lacks what a workflow must have.
    """
    path = Path(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except UnicodeDecodeError:
        raise WorkflowError(f"{path.name}: not UTF-8") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"{path.name}, line {mark.line + 1}" if mark else path.name
        raise WorkflowError(f"{where}: no YAML: {getattr(problem, 'problem', None) or problem}") from None
    if node is None:
        raise WorkflowError(f"{path.name}: the file is empty")
    top = _mapping(_plain(node, path.name), path.name, "the file", 1)
    _known(top, _TOP, path.name, "")
    if "on" not in top:
        raise WorkflowError(f"{path.name}: nothing starts it; say `on: push` or another event")
    jobs = _mapping(top.get("jobs"), path.name, "`jobs`", top.lines.get("jobs", 1))
    if not jobs:
        raise WorkflowError(f"{path.name}: it has no job")
    return Workflow(path, {name: _job(name, jobs, path.name) for name in jobs}, top)


def _job(name: str, jobs: Lines, file: str) -> Job:
    line = jobs.lines[name]
    if not _ID.fullmatch(name):
        raise WorkflowError(f"{file}, line {line}: {name!r} is no name of a job: letters, digits, - and _")
    settings = _mapping(jobs[name], file, f"job {name!r}", line)
    _known(settings, _JOB, file, f"job {name!r}: ")
    if "uses" not in settings and "runs-on" not in settings:
        raise WorkflowError(f"{file}, line {line}: job {name!r} has no `runs-on`")
    needs = settings.get("needs", [])
    needs = (needs,) if isinstance(needs, str) else tuple(needs)
    listed = settings.get("steps", [])
    if not isinstance(listed, list) or not (listed or "uses" in settings):
        raise WorkflowError(f"{file}, line {line}: job {name!r} has no steps")
    steps, ids = [], set()
    for number, one in enumerate(listed, 1):
        where = f"job {name!r}, step {number}"
        one = _mapping(one, file, where, line)
        _known(one, _STEP, file, f"{where}: ")
        if ("run" in one) == ("uses" in one):
            raise WorkflowError(f"{file}, line {one.line}: {where} needs either `run` or `uses`")
        for part in ("with", "env"):
            _mapping(one.get(part, Lines(one.line)), file, f"{where}: `{part}`", one.line)
        if one.get("id") in ids:
            raise WorkflowError(f"{file}, line {one.line}: {where} has the id {one['id']!r} of another step")
        ids |= {one["id"]} if "id" in one else set()
        steps.append(Step(one.line, number, one))
    for part in ("env", "outputs", "strategy", "defaults"):
        _mapping(settings.get(part, Lines(line)), file, f"job {name!r}: `{part}`", line)
    return Job(name, line, needs, tuple(steps), settings)


def _mapping(value: Any, file: str, what: str, line: int) -> Lines:
    if not isinstance(value, Lines):
        raise WorkflowError(f"{file}, line {line}: {what} must be a mapping")
    return value


def _known(settings: Lines, known: list[str], file: str, where: str) -> None:
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            ask = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise WorkflowError(f"{file}, line {settings.lines[key]}: {where}unknown key {key!r}{ask}")


def _plain(node: yaml.Node, file: str) -> Any:
    """Texts, lists and `Lines` of a YAML node; bare numbers become the text that GitHub makes of them."""
    if isinstance(node, yaml.ScalarNode):
        return _as_github(node)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, file) for one in node.value]
    found = Lines(node.start_mark.line + 1)
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise WorkflowError(f"{file}, line {line}: a key must be a text")
        if key.value in found:
            raise WorkflowError(f"{file}, line {line}: the key {key.value!r} stands twice")
        found[key.value], found.lines[key.value] = _plain(value, file), line
        if isinstance(value, yaml.ScalarNode) and value.value != found[key.value]:
            found.changed[key.value] = value.value
    return found


def _as_github(node: yaml.ScalarNode) -> str:
    if node.style is None and _FLOAT.fullmatch(node.value):
        number = float(node.value)
        return str(int(number)) if number.is_integer() else repr(number)
    return str(node.value)


def _texts(value: Any, line: int) -> Iterator[tuple[int, str]]:
    if isinstance(value, Lines):
        yield from itertools.chain.from_iterable(_texts(one, value.lines[key]) for key, one in value.items())
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(_texts(one, line) for one in value)
    else:
        yield line, str(value)
