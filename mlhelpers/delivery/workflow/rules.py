"""What makes a workflow green without a reason: rules that neither a schema nor a security linter has.

Taught in lesson 8.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mlhelpers.delivery.workflow.expressions import INSIDE, ExpressionError, names_in
from mlhelpers.delivery.workflow.reading import Job, Step, Workflow, read_workflow

_SWALLOWED = re.compile(r"\|\|\s*(?:true|:|exit\s+0|echo\b[^|;&]*)\s*(?:#.*)?$|^\s*set\s+\+e\b|;\s*true\s*$")
_PIPE = re.compile(r"(?<!\|)\|(?![|&])|\|&")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_WORK = re.compile(r"^(?:\w+=\S+\s+)*(?:python3?|dvc|mle|make|papermill|jupyter)\b")
_SETS_UP = re.compile(
    r"\binstall\b|\bsync\b|--version\b|\bvenv\b|\b(?:py)?test\b|\bruff\b|\blint\b|\bcheck\b"
)


class _Finding(NamedTuple):
    line: int
    rule: str
    where: str
    message: str


def lint_workflow(path: str | Path) -> pd.DataFrame:
    """Find what makes a workflow pass without having tested what goes out.

    Taught in lesson 8.1. For misspelt keys use the schema of ``check-jsonschema``, for unpinned actions and
    script injection ``zizmor``; these rules are those that both lack.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    DataFrame
        line, rule, where (job and step) and what to do; one row per finding, ordered by line. Rules:

        ========= ==============================================================================
        WFL001    a job needs one that is not there, or jobs wait for each other
        WFL002    an expression names a step, job or output that is not there: it is the empty text
        WFL003    a bare number that is read as another, such as 3.10 as 3.1
        WFL004    ``continue-on-error``
        WFL005    a command whose failure is swallowed: ``|| true``, ``set +e``
        WFL006    an artifact is downloaded that no job before it uploads
        WFL007    a pipe without ``pipefail``: only the last command counts
        WFL008    a cache key without the hash of a file
        WFL009    a job does again what a job before it did, such as training
        ========= ==============================================================================

    Raises
    ------
    FileNotFoundError, WorkflowError
        As `read_workflow`.
    """
    workflow = read_workflow(path)
    found = sorted({finding for rule in _RULES for finding in rule(workflow)})
    columns = ["line", "rule", "where", "what to do"]
    return pd.DataFrame(found, columns=columns).astype({"line": int})


def _where(job: Job | None, step: Step | None = None) -> str:
    return ", ".join(filter(None, (job.name if job else "the file", step.title if step else "")))


def _needs(workflow: Workflow) -> Iterator[_Finding]:
    for job in workflow.jobs.values():
        for name in job.needs:
            if name not in workflow.jobs:
                there = f"name one of {', '.join(other for other in workflow.jobs if other != job.name)}"
                yield _Finding(job.line, "WFL001", job.name, f"needs {name!r}, which is no job; {there}")
        if job.name in workflow.before(job.name):
            yield _Finding(job.line, "WFL001", job.name, "it waits for itself; break the circle of `needs`")


def _references(workflow: Workflow) -> Iterator[_Finding]:
    for job, step, line, text in workflow.texts():
        bare = [text] if step is not None and text == step.settings.get("if") else []
        bare += [text] if step is None and job is not None and text == job.settings.get("if") else []
        for expression in INSIDE.findall(text) or bare:
            try:
                names = [name for name, called in names_in(expression) if not called]
            except ExpressionError as problem:
                yield _Finding(line, "WFL002", _where(job, step), str(problem))
                continue
            for name in names:
                missing = job and _missing(name.split("."), workflow, job, step)
                if missing:
                    yield _Finding(
                        line, "WFL002", _where(job, step), f"{name}: {missing}; it is the empty text"
                    )


def _missing(name: list[str], workflow: Workflow, job: Job, step: Step | None) -> str | None:
    if name[0] == "steps" and len(name) > 1:
        earlier = [one.id.lower() for one in job.steps if one.id and (not step or one.number < step.number)]
        if name[1] not in earlier:
            return f"no step before it has the id; there are {', '.join(earlier) or 'none'}"
    if name[0] == "needs" and len(name) > 1:
        if name[1] not in [one.lower() for one in job.needs]:
            return f"the job does not need it; it needs {', '.join(job.needs) or 'none'}"
        other = next((one for key, one in workflow.jobs.items() if key.lower() == name[1]), None)
        outputs = [key.lower() for key in other.settings.get("outputs", {})] if other else []
        if other and name[2:3] == ["outputs"] and len(name) > 3 and name[3] not in outputs:
            return f"job {other.name!r} has no such output; it has {', '.join(outputs) or 'none'}"
    return None


def _numbers(workflow: Workflow) -> Iterator[_Finding]:
    for job in workflow.jobs.values():
        for step in (None, *job.steps):
            parts = (
                [job.settings.get("env")] if step is None else [step.settings.get(p) for p in ("with", "env")]
            )
            for part in filter(None, parts):
                for key, written in part.changed.items():
                    message = f'{key}: {written} is read as {part[key]}; write "{written}" in quotes'
                    yield _Finding(part.lines[key], "WFL003", _where(job, step), message)


def _allowed(workflow: Workflow) -> Iterator[_Finding]:
    for job in workflow.jobs.values():
        for step, settings in ((None, job.settings), *((step, step.settings) for step in job.steps)):
            value = str(settings.get("continue-on-error", "false")).strip().lower()
            if value != "false":
                line = settings.lines["continue-on-error"]
                message = "it may fail and the job stays green; remove continue-on-error"
                yield _Finding(line, "WFL004", _where(job, step), message)


def _commands(workflow: Workflow) -> Iterator[tuple[Job, Step, int, str]]:
    """Each line of a script with its line in the file; continued lines as one."""
    for job in workflow.jobs.values():
        for step in job.steps:
            script = str(step.settings.get("run", ""))
            line = step.settings.lines.get("run", step.line)
            block = "\n" in script
            for number, text in enumerate(script.replace("\\\n", " ").splitlines(), 1):
                if text.strip() and not text.strip().startswith("#"):
                    yield job, step, line + (number if block else 0), text.strip()


def _swallowed(workflow: Workflow) -> Iterator[_Finding]:
    for job, step, line, text in _commands(workflow):
        if found := _SWALLOWED.search(_QUOTED.sub("''", text)):
            message = f"{found[0].strip()!r} hides that a command failed; let it fail"
            yield _Finding(line, "WFL005", _where(job, step), message)


def _artifacts(workflow: Workflow) -> Iterator[_Finding]:
    def named(job: Job, action: str) -> list[tuple[Step, str | None]]:
        uses = [
            step for step in job.steps if str(step.settings.get("uses", "")).startswith(f"actions/{action}@")
        ]
        return [(step, step.settings.get("with", {}).get("name")) for step in uses]

    for job in workflow.jobs.values():
        before = [workflow.jobs[name] for name in workflow.before(job.name)]
        given = {name or "artifact" for one in before for _, name in named(one, "upload-artifact")}
        for step, name in named(job, "download-artifact"):
            own = {n or "artifact" for s, n in named(job, "upload-artifact") if s.number < step.number}
            if name is not None and "${{" not in name and name not in given | own:
                message = (
                    f"no job that it needs uploads {name!r}; uploaded: {', '.join(sorted(given)) or 'none'}"
                )
                yield _Finding(step.line, "WFL006", _where(job, step), message)


def _pipes(workflow: Workflow) -> Iterator[_Finding]:
    for job, step, line, text in _commands(workflow):
        shell = step.settings.get("shell")
        for settings in (job.settings, workflow.settings):
            shell = shell or settings.get("defaults", {}).get("run", {}).get("shell")
        safe = shell == "bash" or "pipefail" in (shell or "") + str(step.settings["run"])
        if not safe and shell in (None, "sh") and _PIPE.search(_QUOTED.sub("''", text)):
            message = "without pipefail the pipe passes if its last command does; say `shell: bash`"
            yield _Finding(line, "WFL007", _where(job, step), message)


def _caches(workflow: Workflow) -> Iterator[_Finding]:
    for job in workflow.jobs.values():
        for step in job.steps:
            given = step.settings.get("with", {})
            is_cache = str(step.settings.get("uses", "")).startswith("actions/cache@")
            names = [name for one in INSIDE.findall(given.get("key", "")) for name, _ in names_in(one)]
            if is_cache and "key" in given and "hashfiles" not in names:
                message = "it outlives a change of the lock; put hashFiles('requirements.lock') into the key"
                yield _Finding(given.lines["key"], "WFL008", _where(job, step), message)


def _again(workflow: Workflow) -> Iterator[_Finding]:
    done: dict[str, set[str]] = {name: set() for name in workflow.jobs}
    for job, _, _, text in _commands(workflow):
        done[job.name].add(" ".join(text.split()))
    for job, step, line, text in _commands(workflow):
        text = " ".join(text.split())
        if _WORK.search(text) and not _SETS_UP.search(str(step.settings["run"])):
            earlier = sorted(name for name in workflow.before(job.name) - {job.name} if text in done[name])
            if earlier:
                message = (
                    f"job {earlier[0]!r} ran the same command; hand its artifact on instead of making another"
                )
                yield _Finding(line, "WFL009", _where(job, step), message)


_RULES: tuple[Callable[[Workflow], Iterator[_Finding]], ...] = (
    _needs, _references, _numbers, _allowed, _swallowed, _artifacts, _pipes, _caches, _again,
)  # fmt: skip
