"""A workflow run on this machine: each step's commands as they stand, in the shell that GitHub takes.

Taught in lesson 8.1. It checks the commands, not GitHub's machine image: the programs are those of this
machine, and five actions have an equivalent here.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlhelpers.delivery.workflow.expressions import ExpressionError, condition, interpolate
from mlhelpers.delivery.workflow.reading import Job, Lines, Step, Workflow, WorkflowError, read_workflow

SHELLS = {
    None: "bash -e {0}",
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": f"{sys.executable} {{0}}",
}
_ACTIONS = {
    "actions/checkout": ("ref", "path", "fetch-depth", "persist-credentials", "clean"),
    "actions/setup-python": ("python-version", "cache", "check-latest"),
    "actions/upload-artifact": ("name", "path", "if-no-files-found", "retention-days", "overwrite"),
    "actions/download-artifact": ("name", "path"),
    "actions/cache": ("key", "path", "restore-keys"),
}
_COLUMNS = ["job", "step", "status", "exit", "start", "seconds", "log"]


class _StepFailed(Exception):
    """An action ends its step as failed, with what it says in the log."""


@dataclass
class WorkflowRun:
    """What a run of a workflow did.

    Attributes
    ----------
    table : DataFrame
        One row per step: job, step, status ("success", "failure", "skipped"; "ignored" if it failed and was
        allowed to), exit (status of its process), start and seconds (since the run began), log.
    jobs : dict of str to str
        Result of each job.
    outputs : dict of str to dict
        Outputs of each job.
    artifacts : Path
        Folder with one folder per artifact.
    summary : str
        What the steps wrote to ``GITHUB_STEP_SUMMARY``.
    """

    table: pd.DataFrame
    jobs: dict[str, str]
    outputs: dict[str, dict[str, str]]
    artifacts: Path
    summary: str = ""

    def __bool__(self) -> bool:
        return all(result != "failure" for result in self.jobs.values())

    @property
    def failed(self) -> pd.DataFrame:
        """Rows of the steps that failed, those that were allowed to among them."""
        return self.table[self.table["status"].isin(["failure", "ignored"])]

    def _repr_html_(self) -> str:
        word = "green" if self else "red"
        table = self.table.drop(columns=["log", "start", "exit"]).round({"seconds": 2})
        return f"<p><b>{word}</b></p>{table.to_html(index=False)}"


@dataclass
class _State:
    """What the jobs of one run share."""

    workflow: Workflow
    source: Path
    folder: Path
    secrets: dict[str, str]
    limit: float
    github: dict[str, Any]
    began: float = field(default_factory=time.perf_counter)
    rows: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    masks: set[str] = field(default_factory=set)
    summary: list[str] = field(default_factory=list)

    def error(self, line: int, job: str, message: str, step: str | None = None) -> WorkflowError:
        where = f"job {job!r}" + (f", step {step!r}" if step else "")
        return WorkflowError(f"{self.workflow.path.name}, line {line}: {where}: {message}")

    def masked(self, text: str) -> str:
        for value in sorted(filter(None, self.masks), key=len, reverse=True):
            text = text.replace(value, "***")
        return text


def run_workflow(
    workflow: Workflow | str | Path,
    *,
    source: str | Path,
    folder: str | Path,
    job: str | None = None,
    secrets: Mapping[str, str] | None = None,
    event: str = "push",
    ref: str = "refs/heads/main",
    timeout_s: float = 300,
) -> WorkflowRun:
    """Run the steps of a workflow on this machine, in the order of ``needs``.

    Taught in lesson 8.1. Each job has a workspace and a home of its own. Steps share no shell: what one
    exports, the next does not see, unless it is written to ``$GITHUB_ENV``. Processes that a step leaves
    running end with the job. `pip` sees no registry: what the lock names must be there already, and nothing
    is installed into this environment.

    Parameters
    ----------
    workflow : Workflow, str or Path
        From `read_workflow`, or the path of a file.
    source : str or Path
        Git repository, or a folder, that ``actions/checkout`` brings.
    folder : str or Path
        For workspaces, artifacts and caches; made if it is not there. Caches stay for the next run.
    job : str, optional
        Only this job and those that it needs; default is all.
    secrets : mapping of str to str, optional
        Hidden in the logs.
    event, ref : str
        What ``github.event_name`` and ``github.ref`` say. Which events start the workflow is not looked at.
    timeout_s : float, default=300
        Longest time of a step in seconds; its ``timeout-minutes`` counts where it is shorter.

    Returns
    -------
    WorkflowRun

    Raises
    ------
    WorkflowError
        If the file asks for what cannot be done here: an action without an equivalent, a container, a matrix,
        an expression that is not understood, a shell that is not known. Found before the first step runs
        where it can be.
    FileNotFoundError
        If `source` is not there.
    """
    workflow = workflow if isinstance(workflow, Workflow) else read_workflow(workflow)
    source, folder = Path(source).resolve(), Path(folder).resolve()
    if not source.is_dir():
        raise FileNotFoundError(f"source: there is no folder {source.name}; give the repository to check out")
    order = workflow.order()
    if job is not None:
        if job not in workflow.jobs:
            raise WorkflowError(f"{workflow.path.name}: no job {job!r}; the jobs are {', '.join(order)}")
        order = [name for name in order if name in {job, *workflow.before(job)}]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("jobs", "artifacts"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    state = _State(
        workflow, source, folder, dict(secrets or {}), timeout_s, _github(workflow, source, event, ref)
    )
    state.masks |= set(state.secrets.values())
    _refuse(state, order)
    for name in order:
        _JobRun(state, workflow.jobs[name]).run()
    table = pd.DataFrame(state.rows, columns=_COLUMNS)
    return WorkflowRun(table, state.results, state.outputs, folder / "artifacts", "".join(state.summary))


def _github(workflow: Workflow, source: Path, event: str, ref: str) -> dict[str, Any]:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=source, capture_output=True, text=True, check=False
    )
    sha = done.stdout.strip() if done.returncode == 0 else "0" * 40
    return {
        "event_name": event, "ref": ref, "ref_name": ref.rpartition("/")[2], "sha": sha, "run_id": "1",
        "run_number": "1", "run_attempt": "1", "actor": "someone", "repository": f"local/{source.name}",
        "workflow": workflow.name, "event": {},
    }  # fmt: skip


def _refuse(state: _State, order: list[str]) -> None:
    """Raise for what no step of these jobs can do here, before the first runs."""
    for name in order:
        job = state.workflow.jobs[name]
        for key in ("uses", "strategy", "container", "services"):
            if key in job.settings:
                raise state.error(job.settings.lines[key], name, f"`{key}` cannot be run here")
        for step in job.steps:
            settings = step.settings
            if "uses" in settings:
                action = settings["uses"].partition("@")[0]
                if action not in _ACTIONS:
                    known = ", ".join(_ACTIONS)
                    message = f"the action {action} has no equivalent here; those that have are {known}"
                    raise state.error(settings.lines["uses"], name, message, step.title)
                for key in settings.get("with", {}):
                    if key not in _ACTIONS[action]:
                        line = settings["with"].lines[key]
                        raise state.error(line, name, f"{action} knows no `{key}` here", step.title)
            else:
                shell = _setting(state, job, step, "shell")
                if shell not in SHELLS and "{0}" not in str(shell):
                    known = ", ".join(str(one) for one in SHELLS if one)
                    raise state.error(step.line, name, f"no shell {shell!r}; known: {known}", step.title)


def _setting(state: _State, job: Job, step: Step, key: str) -> str | None:
    """Shell or working directory of a step: its own, the job's, the workflow's."""
    for settings in (
        step.settings,
        *(one.settings.get("defaults", {}).get("run", {}) for one in (job, state.workflow)),
    ):
        if key in settings:
            return str(settings[key])
    return None


class _JobRun:
    """One job: its workspace, the files by which steps speak to the runner, and what was said so far."""

    def __init__(self, state: _State, job: Job) -> None:
        self.state, self.job = state, job
        self.root = state.folder / "jobs" / job.name
        self.workspace, self.home, self.temp = (self.root / name for name in ("workspace", "home", "temp"))
        self.steps: dict[str, dict[str, Any]] = {}
        self.environment: dict[str, str] = {}
        self.paths: list[str] = []
        self.failed = False
        self.groups: list[int] = []
        self.caches: list[tuple[Path, list[str]]] = []

    # --- contexts ---

    def contexts(self, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        state = self.state
        needs = {
            name: {"result": state.results.get(name), "outputs": state.outputs.get(name, {})}
            for name in self.job.needs
        }
        places = {"workspace": str(self.workspace), "job": self.job.name}
        return {
            "env": dict(env or {}), "steps": self.steps, "needs": needs, "secrets": state.secrets, "vars": {},
            "github": state.github | places, "matrix": {}, "inputs": {},
            "job": {"status": "failure" if self.failed else "success"},
            "runner": {"os": "Linux", "arch": "X64", "temp": str(self.temp), "name": "here"},
        }  # fmt: skip

    def functions(self) -> dict[str, Any]:
        return {
            "success": lambda: not self.failed, "failure": lambda: self.failed, "always": lambda: True,
            "cancelled": lambda: False, "hashfiles": self.hash_files,
        }  # fmt: skip

    def hash_files(self, *patterns: str) -> str:
        files = sorted({path for one in patterns for path in self.workspace.glob(one) if path.is_file()})
        whole = hashlib.sha256()
        for path in files:
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest() if files else ""

    def filled(
        self, text: Any, line: int, step: str | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        try:
            return interpolate(str(text), self.contexts(env), self.functions())
        except ExpressionError as problem:
            raise self.state.error(line, self.job.name, str(problem), step) from None

    def env_of(self, *settings: Lines, step: str | None = None) -> dict[str, str]:
        found = dict(self.environment)
        for one in settings:
            part = one.get("env", {})
            found |= {key: self.filled(value, part.lines[key], step, found) for key, value in part.items()}
        return found

    # --- the job ---

    def run(self) -> None:
        state, job = self.state, self.job
        results = [state.results[name] for name in job.needs]
        self.failed = any(result == "failure" for result in results)
        state.outputs[job.name] = {}
        functions = self.functions() | {"success": lambda: all(result == "success" for result in results)}
        try:
            wanted = condition(job.settings.get("if"), self.contexts(), functions)
        except ExpressionError as problem:
            raise state.error(job.settings.lines["if"], job.name, str(problem)) from None
        if not wanted:
            state.results[job.name] = "skipped"
            for step in job.steps:
                self.note(step, "skipped", None, time.perf_counter(), "")
            return
        self.failed = False
        for folder in (self.workspace, self.home, self.temp):
            folder.mkdir(parents=True)
        try:
            for step in job.steps:
                self.step(step)
            if not self.failed:
                self.keep_caches()
            part = job.settings.get("outputs", {})
            state.outputs[job.name] = {
                key: self.filled(value, part.lines[key]) for key, value in part.items()
            }
        finally:
            for group in self.groups:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
        allowed = self.filled(job.settings.get("continue-on-error", "false"), job.line) == "true"
        state.results[job.name] = ("ignored" if allowed else "failure") if self.failed else "success"

    def note(self, step: Step, status: str, code: int | None, start: float, log: str) -> None:
        began, log = self.state.began, self.state.masked(log)
        self.state.rows.append({
            "job": self.job.name, "step": step.title, "status": status, "exit": code, "start": start - began,
            "seconds": time.perf_counter() - start if status != "skipped" else 0.0, "log": log,
        })  # fmt: skip

    def step(self, step: Step) -> None:
        settings, start = step.settings, time.perf_counter()
        env = self.env_of(self.state.workflow.settings, self.job.settings, settings, step=step.title)
        try:
            wanted = condition(settings.get("if"), self.contexts(env), self.functions())
        except ExpressionError as problem:
            raise self.state.error(settings.lines["if"], self.job.name, str(problem), step.title) from None
        if not wanted:
            self.told(step, {}, "skipped", "skipped")
            self.note(step, "skipped", None, start, "")
            return
        outputs: dict[str, str] = {}
        code: int | None = None
        try:
            if "uses" in settings:
                log = self.act(step, env, outputs)
            else:
                code, log = self.command(step, env, outputs)
            bad = bool(code)
        except _StepFailed as problem:
            bad, log = True, str(problem)
        line = settings.lines.get("continue-on-error", step.line)
        ignored = (
            bad and self.filled(settings.get("continue-on-error", "false"), line, step.title, env) == "true"
        )
        self.failed |= bad and not ignored
        outcome = "failure" if bad else "success"
        self.told(step, outputs, outcome, "success" if ignored else outcome)
        self.note(step, "ignored" if ignored else outcome, code, start, log)

    def told(self, step: Step, outputs: dict[str, str], outcome: str, conclusion: str) -> None:
        if step.id:
            self.steps[step.id] = {"outputs": outputs, "outcome": outcome, "conclusion": conclusion}

    # --- run ---

    def command(self, step: Step, env: dict[str, str], outputs: dict[str, str]) -> tuple[int, str]:
        state, job, title = self.state, self.job, step.title
        settings = step.settings
        number = f"{step.number:02d}"
        script = self.temp / f"{number}.sh"
        script.write_text(self.filled(settings["run"], settings.lines["run"], title, env), encoding="utf-8")
        place = self.filled(_setting(state, job, step, "working-directory") or ".", step.line, title, env)
        if not (self.workspace / place).is_dir():
            raise _StepFailed(f"working-directory: there is no folder {place}")
        shell = str(SHELLS.get(_setting(state, job, step, "shell"), _setting(state, job, step, "shell")))
        said = {key: self.temp / f"{number}.{key}" for key in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for path in said.values():
            path.touch()
        words = [word.replace("{0}", str(script)) for word in shlex.split(shell)]
        log, limit = self.temp / f"{number}.log", state.limit
        if "timeout-minutes" in settings:
            limit = min(limit, 60 * float(self.filled(settings["timeout-minutes"], step.line, title, env)))
        variables = self.process_environment(env, said)
        with log.open("wb") as out, subprocess.Popen(
            words, cwd=self.workspace / place, env=variables, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            self.groups.append(process.pid)
            try:
                code, late = process.wait(limit), ""
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                code, late = process.wait(), f"\nended after {limit:g} s, the longest time of a step\n"
        text = log.read_text(encoding="utf-8", errors="replace") + late
        kept = []
        for one in text.splitlines(keepends=True):
            if one.startswith("::add-mask::"):
                state.masks.add(one.removeprefix("::add-mask::").strip())
            else:
                kept.append(one)
        outputs |= self.pairs(said["OUTPUT"], step)
        self.environment |= self.pairs(said["ENV"], step)
        self.paths = [*reversed(said["PATH"].read_text().split("\n")), *self.paths]
        state.summary.append(said["STEP_SUMMARY"].read_text())
        return code, "".join(kept)

    def process_environment(self, env: Mapping[str, str], said: Mapping[str, Path]) -> dict[str, str]:
        """Nothing of this process but what a machine has: a path, a language, threads."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ", "TMPDIR") if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
        paths = [*filter(None, self.paths), str(Path(sys.executable).parent), *os.get_exec_path()]
        github = {
            f"GITHUB_{key.upper()}": value for key, value in self.state.github.items() if key != "event"
        }
        return (
            kept
            | {"PATH": os.pathsep.join(dict.fromkeys(paths)), "HOME": str(self.home), "CI": "true"}
            | {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(self.workspace), "GITHUB_JOB": self.job.name}
            | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
            | {"RUNNER_OS": "Linux", "RUNNER_TEMP": str(self.temp), "PYTHONDONTWRITEBYTECODE": "1"}
            | github
            | {f"GITHUB_{key}": str(path) for key, path in said.items()}
            | dict(env)
        )

    def pairs(self, path: Path, step: Step) -> dict[str, str]:
        """``name=value`` and ``name<<MARK`` lines that a step wrote."""
        found, lines = {}, iter(path.read_text(encoding="utf-8").splitlines())
        for line in lines:
            name, sign, value = line.partition("=")
            block, marks, mark = line.partition("<<")
            if marks and (not sign or len(block) < len(name)):
                inside = list(itertools.takewhile(lambda one, mark=mark: one != mark, lines))
                found[block] = "\n".join(inside)
            elif sign:
                found[name] = value
            elif line:
                raise _StepFailed(f"{step.title}: {line!r} is no name=value")
        return found

    # --- uses ---

    def act(self, step: Step, env: dict[str, str], outputs: dict[str, str]) -> str:
        settings = step.settings
        part = settings.get("with", Lines(step.line))
        given = {key: self.filled(value, part.lines[key], step.title, env) for key, value in part.items()}
        action = settings["uses"].partition("@")[0].partition("/")[2]
        return getattr(self, action.replace("-", "_"))(given, outputs)

    def checkout(self, given: dict[str, str], outputs: dict[str, str]) -> str:
        target = self.workspace / given.get("path", ".")
        if not (self.state.source / ".git").exists():
            shutil.copytree(self.state.source, target, dirs_exist_ok=True, symlinks=True)
            return f"copied {self.state.source.name}\n"
        commands = [["git", "clone", "--quiet", "--shared", str(self.state.source), str(target)]]
        commands.append(
            ["git", "-C", str(target), "checkout", "--quiet", given.get("ref") or self.state.github["sha"]]
        )
        if any(target.glob("*")):
            shutil.rmtree(target)
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise _StepFailed(done.stderr)
        head = subprocess.run(
            ["git", "-C", str(target), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        outputs["commit"] = head.stdout.strip()
        return f"checked out {head.stdout}"

    def setup_python(self, given: dict[str, str], outputs: dict[str, str]) -> str:
        here = ".".join(map(str, sys.version_info[:3]))
        asked = given.get("python-version", here)
        prefix = asked.replace(".x", "")
        if not (asked.startswith((">", "~", "^")) or here == prefix or here.startswith(f"{prefix}.")):
            raise _StepFailed(f"Python {asked} is asked for, this machine has {here}\n")
        binaries = self.root / "python"
        binaries.mkdir(exist_ok=True)
        for name in ("python", "python3"):
            link = binaries / name
            link.unlink(missing_ok=True)
            link.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            link.chmod(0o755)
        self.paths.insert(0, str(binaries))
        outputs["python-version"] = here
        return f"Python {here}\n"

    def upload_artifact(self, given: dict[str, str], outputs: dict[str, str]) -> str:
        name = given.get("name") or "artifact"
        target = self.state.folder / "artifacts" / name
        if target.exists() and given.get("overwrite") != "true":
            raise _StepFailed(
                f"an artifact {name!r} is there already; choose another name or overwrite: true\n"
            )
        files = list(self.files(given.get("path", "")))
        if not files:
            message = f"no files at {given.get('path')!r}\n"
            if given.get("if-no-files-found") == "error":
                raise _StepFailed(message)
            return message
        shutil.rmtree(target, ignore_errors=True)
        folders = [base for base, _ in files]
        common = Path(os.path.commonpath(folders))
        for _, path in files:
            place = target / path.relative_to(common)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
        whole = hashlib.sha256()
        for path in sorted(target.rglob("*")):
            if path.is_file():
                whole.update(f"{path.relative_to(target).as_posix()}\0".encode() + path.read_bytes())
        outputs["artifact-digest"] = whole.hexdigest()
        return f"{len(files)} files in the artifact {name}\n"

    def files(self, patterns: str) -> Iterator[tuple[Path, Path]]:
        """Folder to which each file is relative in an artifact, and the file."""
        for pattern in filter(None, map(str.strip, patterns.splitlines())):
            for path in sorted(self.workspace.glob(pattern.rstrip("/"))):
                if path.is_dir():
                    yield from ((path, one) for one in sorted(path.rglob("*")) if one.is_file())
                else:
                    yield path.parent, path

    def download_artifact(self, given: dict[str, str], outputs: dict[str, str]) -> str:
        there = sorted(path.name for path in (self.state.folder / "artifacts").iterdir())
        name, target = given.get("name"), self.workspace / given.get("path", ".")
        if name and name not in there:
            raise _StepFailed(f"no artifact {name!r}; there are {', '.join(there) or 'none'}\n")
        for one in [name] if name else there:
            place = target if name else target / one
            shutil.copytree(self.state.folder / "artifacts" / one, place, dirs_exist_ok=True)
        outputs["download-path"] = str(target)
        return f"downloaded {name or ', '.join(there)}\n"

    def cache(self, given: dict[str, str], outputs: dict[str, str]) -> str:
        if not given.get("key"):
            raise _StepFailed("actions/cache needs a `key`\n")
        paths = [one.strip() for one in given.get("path", "").splitlines() if one.strip()]
        store = self.state.folder / "caches"
        exact = store / _file_name(given["key"])
        outputs["cache-hit"] = "true" if exact.is_dir() else "false"
        found = exact if exact.is_dir() else self.nearest(store, given.get("restore-keys", ""))
        if not exact.is_dir():
            self.caches.append((exact, paths))
        if found is None:
            return f"no cache for {given['key']}\n"
        for number, one in enumerate(paths):
            if (found / str(number)).exists():
                shutil.copytree(found / str(number), self.place(one), dirs_exist_ok=True)
        return f"restored {found.name}\n"

    def nearest(self, store: Path, keys: str) -> Path | None:
        for key in filter(None, map(str.strip, keys.splitlines())):
            found = sorted(store.glob(f"{_file_name(key)}*"), key=lambda path: path.stat().st_mtime)
            if found:
                return found[-1]
        return None

    def keep_caches(self) -> None:
        for store, paths in self.caches:
            with tempfile.TemporaryDirectory(dir=self.temp) as name:
                for number, one in enumerate(paths):
                    if self.place(one).is_dir():
                        shutil.copytree(self.place(one), Path(name) / str(number))
                store.parent.mkdir(exist_ok=True)
                beside = store.with_name(f".{uuid.uuid4().hex}")
                shutil.copytree(name, beside)
                beside.rename(store)

    def place(self, path: str) -> Path:
        return self.home / path[2:] if path.startswith("~/") else self.workspace / path


def _file_name(key: str) -> str:
    return "".join(one if one.isalnum() or one in "-_." else "_" for one in key)
