"""Strict runs of parameterized notebooks on papermill, behind `mle run`.

Parameters are checked before a kernel starts; the executed notebook is kept. Taught in lesson 3.5.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlhelpers.course.files import read_notebook, replacing
from mlhelpers.course.runs.failures import NotebookError, failing_line, first_line
from mlhelpers.course.runs.kernels import OUTPUT_SECONDS, MemoryGuard
from mlhelpers.course.runs.parameters import Parameter, ParameterError, inspect_parameters
from mlhelpers.course.runs.values import Given, check_values, from_text, read_parameters

__all__ = [
    "NotebookError", "Parameter", "ParameterError", "RunResult", "describe_parameters", "inspect_parameters",
    "read_parameters", "run_notebook",
]  # fmt: skip


@dataclass(frozen=True)
class RunResult:
    """Outcome of a successful run.

    Attributes
    ----------
    output : pathlib.Path
        Executed notebook.
    cells : int
        Number of code cells executed.
    seconds : float
    parameters : dict
        The values injected.
    """

    output: Path
    cells: int
    seconds: float
    parameters: dict[str, Any]


def run_notebook(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    files: Sequence[str | os.PathLike[str]] = (),
    sections: Sequence[str] = (),
    texts: Sequence[tuple[str, str]] = (),
    kernel_cwd: str | os.PathLike[str] | None = None,
    cell_seconds: float | None = None,
    megabytes: float | None = None,
    progress: bool = False,
) -> RunResult:
    """Check the parameters of a notebook, run it, and keep the executed copy.

    Parameters
    ----------
    path : path-like
        Notebook to run.
    output : path-like, optional
        Where the executed notebook goes; default ``<name>.out.ipynb`` in the current folder.
    parameters : mapping, optional
        Values by name; they win over `files` and `texts`.
    files : sequence of path-like
        YAML files with values; a later file wins.
    sections : sequence of str
        Sections of `files` to take, such as ``train`` or ``stages.train``; a later one wins. Empty takes
        the whole file.
    texts : sequence of (str, str)
        Names and values as text, read as YAML scalars; they win over `files`.
    kernel_cwd : path-like, optional
        Working folder of the kernel; default is the notebook's folder.
    cell_seconds : float, optional
        Longest time of a cell; a cell that takes longer is interrupted and the run fails.
    megabytes : float, optional
        Most resident memory of the kernel and its children; above it the kernel is ended and the run fails.
    progress : bool, default=False
        Show a progress bar.

    Returns
    -------
    RunResult

    Raises
    ------
    FileNotFoundError
        If the notebook, a parameters file or the working folder does not exist.
    ParameterError
        If a name is unknown, a value does not fit or a required one is missing. No kernel was started.
    ValueError
        If the file is no notebook of format 4, is not for Python, or `output` is a folder or the notebook
        itself. No kernel was started.
    NotebookError
        If a cell fails, takes too long or too much memory, or the kernel dies. The executed part is at
        `output`.
    """
    path = Path(path)
    _require_python(path)
    for name, limit in (("cell_seconds", cell_seconds), ("megabytes", megabytes)):
        if limit is not None and not limit > 0:
            raise ValueError(f"{name} must be above 0, got {limit}")
    declared = inspect_parameters(path)
    given = [*read_parameters(files, sections), *((n, from_text(n, t)) for n, t in texts)]
    given += [(name, Given(value, "argument")) for name, value in (parameters or {}).items()]
    values = check_values(path.name, declared, given)
    output = Path(output) if output is not None else Path(f"{path.stem}.out.ipynb")
    if output.absolute() == path.absolute():
        raise ValueError(f"{output} is the notebook itself; give another output")
    if output.is_dir():
        raise ValueError(f"{output} is a folder; name a file, such as {output / path.name}")
    folder = Path(kernel_cwd) if kernel_cwd is not None else path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"working folder {folder} does not exist")
    start = time.perf_counter()
    failure = None
    with replacing(output) as temporary, _termination_as_interrupt():
        failure = _execute(path, temporary, values, folder, progress, cell_seconds, megabytes)
        cells = _finish(temporary, path, output)
    if failure is not None:
        raise _named(failure, path.name, output)
    return RunResult(output, cells, time.perf_counter() - start, values)


def _require_python(path: Path) -> None:
    """Refuse a notebook for another language: it would be run as Python."""
    metadata = read_notebook(path).metadata
    language = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    if language and language.lower() not in ("python", "ipython"):
        raise ValueError(f"{path} is a notebook for {language}; `mle run` runs Python notebooks only")


def _execute(
    path: Path,
    temporary: Path,
    values: dict[str, Any],
    folder: Path,
    progress: bool,
    cell_seconds: float | None,
    megabytes: float | None,
) -> Exception | None:
    """Run with papermill into `temporary`; return what failed, if anything did."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook

    from mlhelpers.course.runs.kernels import kernel_settings

    log = logging.getLogger("papermill")
    level = log.level
    log.setLevel(logging.CRITICAL)  # papermill guesses at parameters; they are checked above
    guard = MemoryGuard(megabytes)
    try:
        execute_notebook(
            read_notebook(path),
            str(temporary).replace("{", "{{").replace("}", "}}"),  # papermill formats paths
            values,
            kernel_name="python3",
            language="python",
            progress_bar={"desc": path.stem, "leave": False} if progress else False,
            autosave_cell_every=0,
            execution_timeout=cell_seconds,
            resources={"metadata": {"path": str(folder)}},
            iopub_timeout=OUTPUT_SECONDS,
            **kernel_settings(keep_all=True),
        )
    except CellTimeoutError as error:
        error.ename, error.evalue = "CellTimeoutError", _timeout_reason(error, cell_seconds)
        return error
    except (PapermillExecutionError, DeadKernelError) as error:
        if guard.exceeded:
            error.ename, error.evalue = (
                "MemoryError",
                f"the kernel held more than {megabytes:g} MB and was ended",
            )
        return error
    finally:
        guard.stop()
        log.setLevel(level)
    return None


def _timeout_reason(error: Exception, cell_seconds: float | None) -> str:
    """Which of the two waits was too long: for the cell, or for its outputs after it had ended."""
    if cell_seconds is None or "IOPub output" in str(error):
        return f"its outputs had not all arrived {OUTPUT_SECONDS} s after it ended; print less"
    return f"took longer than {cell_seconds:g} s"


def _finish(temporary: Path, path: Path, output: Path) -> int:
    """Replace the temporary name in the executed notebook's metadata; return the number of code cells run."""
    import nbformat

    notebook = nbformat.read(temporary, as_version=4)
    notebook.metadata.papermill.update(input_path=path.as_posix(), output_path=output.as_posix())
    nbformat.write(notebook, temporary)
    run = [cell for cell in notebook.cells if cell.get("execution_count") is not None]
    return sum("injected-parameters" not in cell.metadata.get("tags", []) for cell in run)


def _named(error: Exception, notebook: str, output: Path) -> NotebookError:
    import nbformat

    marker, injected = "papermill-error-cell-tag", "injected-parameters"
    cells = [c for c in nbformat.read(output, as_version=4).cells if marker not in c.metadata.get("tags", [])]
    index = getattr(error, "cell_index", None)
    if index is None:  # the kernel died: in the last cell that was started
        index = max(n for n, c in enumerate(cells) if c.metadata.papermill.start_time is not None)
    before = sum(injected in c.metadata.get("tags", []) for c in cells[: index + 1])
    source = cells[index].source
    name = getattr(error, "ename", "DeadKernelError")
    message = getattr(error, "evalue", "the kernel died, most often because memory ran out")
    return NotebookError(
        notebook=notebook,
        cell=index + 1 - before,
        execution_count=getattr(error, "exec_count", None) or "*",
        first_line=first_line(source),
        failing_line=failing_line(getattr(error, "traceback", [])),
        name=name,
        message=message,
        output=output,
    )


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C: the kernel is shut down and the temporary file removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number, frame):
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # under nohup a closed terminal is to be ignored
    numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def describe_parameters(path: str | os.PathLike[str]) -> str:
    """Table of a notebook's parameters: name, type with choices or range, default, comment.

    Parameters
    ----------
    path : path-like
        Notebook.

    Returns
    -------
    str
    """
    declared = inspect_parameters(path)
    if not declared:
        return f"{Path(path).name} has no parameters"
    rows = [("name", "default", "type", "meaning")]
    rows += [
        (p.name, "(required)" if p.required else repr(p.default), p.type, p.help) for p in declared.values()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]).rstrip() for row in rows
    )


def command(args) -> int:
    """Run the subcommand `mle run`."""
    if args.help_parameters:
        print(describe_parameters(args.notebook))
        return 0
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    result = run_notebook(
        args.notebook,
        args.output,
        files=args.file,
        sections=args.section,
        texts=args.parameter,
        kernel_cwd=args.kernel_cwd,
        cell_seconds=args.cell_seconds,
        megabytes=args.megabytes,
        progress=sys.stderr.isatty(),
    )
    print(f"{Path(args.notebook).stem}: {result.cells} cells, {result.seconds:.1f} s -> {result.output}")
    return 0
