"""Executing a notebook object in a kernel of its own, with its time and peak memory.

Used by `mle lesson run` and `mle lesson save`; `mle run` shares the settings of the kernel.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlhelpers.course.runs.failures import NotebookError, failing_line, first_line

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode


# For outputs still on their way when a cell has ended: after nbclient's 4 seconds the rest is lost. Grading
# keeps the 4, since the kernel of a stopped answer may never say that it is done.
OUTPUT_SECONDS = 600
# Runs in the kernel before the first cell: ZeroMQ would drop what a busy machine has not fetched after 1,000
# messages. Set in the thread to which the socket belongs.
_KEEP_UNSENT = (
    "(lambda sender: sender.schedule(lambda: setattr(sender.socket, 'sndhwm', 0)))"
    "(get_ipython().kernel.iopub_thread)"
)


@dataclass(frozen=True)
class Execution:
    """What an execution cost.

    Attributes
    ----------
    cells : int
        Number of code cells executed.
    seconds : float
        From the start of the kernel to its end.
    peak_megabytes : float
        Largest resident memory of the kernel and its children.
    """

    cells: int
    seconds: float
    peak_megabytes: float


def kernel_settings(*, keep_all: bool = False) -> dict[str, Any]:
    """Options for nbclient: encrypted messages where ZeroMQ has Curve, and a kernel that logs nothing.

    Parameters
    ----------
    keep_all : bool, default=False
        The kernel keeps whatever it printed until it is fetched, however much it is.

    Returns
    -------
    dict
    """
    import zmq
    from jupyter_client.manager import AsyncKernelManager
    from traitlets.config import Config

    class PatientKernelManager(AsyncKernelManager):
        """Keeps every message that is not yet read; ZeroMQ would drop those after the first 1,000."""

        def _context_default(self):
            context = super()._context_default()
            context.rcvhwm = 0
            return context

    config = Config()
    if zmq.has("curve"):
        config.KernelManager.transport_encryption = "auto"
    arguments = ["--log-level=CRITICAL"]
    if keep_all:
        arguments.append(f"--IPKernelApp.exec_lines={_KEEP_UNSENT}")
    return {
        "config": config,
        "extra_arguments": arguments,
        "kernel_manager_class": PatientKernelManager,
    }


def join_streams(cell: NotebookNode) -> None:
    """Join the printed outputs of a cell by stream, and keep of an overwritten line what stands at the end.

    Does what nbclient's ``coalesce_streams`` does, whose regular expression takes hours for a long line.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        Executed code cell, changed in place.
    """
    texts: dict[str, list[str]] = {}
    kept = []
    for output in cell.outputs:
        if output.output_type != "stream":
            kept.append(output)
            continue
        if output.name not in texts:
            texts[output.name] = []
            kept.append(output)
        texts[output.name].append(output.text)
    for output in kept:
        if output.output_type == "stream":
            lines = "".join(texts[output.name]).split("\n")
            output.text = "\n".join(line[line.rfind("\r", 0, -1) + 1 :] for line in lines)
    for here in range(len(kept) - 1):  # they arrive in any order
        names = [kept[n].get("name") if kept[n].output_type == "stream" else "" for n in (here, here + 1)]
        if names == ["stderr", "stdout"]:
            kept[here], kept[here + 1] = kept[here + 1], kept[here]
    cell.outputs = kept


def execute(notebook: NotebookNode, *, name: str, folder: Path) -> Execution:
    """Execute every code cell of `notebook` in place.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place: outputs and execution counts.
    name : str
        Name for messages.
    folder : path-like
        Working folder of the kernel.

    Returns
    -------
    Execution

    Raises
    ------
    NotebookError
        If a cell fails or the kernel dies.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    started: list[int] = []

    def on_cell_start(cell, cell_index):
        started.append(cell_index)

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=on_cell_start,
        iopub_timeout=OUTPUT_SECONDS,
        **kernel_settings(keep_all=True),
    )
    start = time.perf_counter()
    memory = _PeakMemory()
    try:
        with client.setup_kernel():
            memory.watch(client.km.provisioner.pid)
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
                if cell.cell_type == "code":
                    join_streams(cell)
            memory.stop()
    except (CellExecutionError, DeadKernelError) as error:
        raise _named(error, notebook, name, started[-1] if started else None) from error
    finally:
        memory.stop()
    return Execution(client.code_cells_executed, time.perf_counter() - start, memory.megabytes)


def _named(error: Exception, notebook: NotebookNode, name: str, index: int | None) -> NotebookError:
    cell = notebook.cells[index] if index is not None else {}
    outputs = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    return NotebookError(
        notebook=name,
        cell=0 if index is None else index + 1,
        execution_count=cell.get("execution_count") or "*",
        first_line=first_line(cell.get("source", "")),
        failing_line=failing_line(outputs[0].traceback) if outputs else "",
        name=getattr(error, "ename", "DeadKernelError"),
        message=getattr(error, "evalue", "the kernel died, most often because memory ran out"),
    )


class _PeakMemory:
    """Samples the memory of a process tree from a thread."""

    def __init__(self, interval: float = 0.05) -> None:
        self.interval = interval
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, pid: int) -> None:
        """Begin to sample process `pid`."""
        self._thread = threading.Thread(target=self._sample, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a second call does nothing."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _sample(self, pid: int) -> None:
        import psutil

        try:
            kernel = psutil.Process(pid)
            while True:
                total = sum(_resident(process) for process in (kernel, *kernel.children(recursive=True)))
                self.megabytes = max(self.megabytes, total / 1e6)
                if self._done.wait(self.interval):
                    return
        except psutil.NoSuchProcess:
            return


class MemoryGuard:
    """Ends the kernel when it holds too much memory; without a limit it does nothing.

    The kernel is what this process starts while the guard looks, with all its children.

    Parameters
    ----------
    megabytes : float, optional
        Most resident memory of the kernel and its children together.
    interval : float, default=0.1
        Seconds between two looks.
    """

    def __init__(self, megabytes: float | None, interval: float = 0.1) -> None:
        self.megabytes, self.interval = megabytes, interval
        self.exceeded = False
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        if megabytes is not None:
            import psutil

            self._before = {child.pid for child in psutil.Process().children(recursive=True)}
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; a second call does nothing."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _look(self) -> None:
        import psutil

        own = psutil.Process()
        while not self._done.wait(self.interval):
            children = [c for c in own.children(recursive=True) if c.pid not in self._before]
            if sum(map(_resident, children)) > self.megabytes * 1e6:
                self.exceeded = True
                for child in children:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
                return


def _resident(process) -> int:
    import psutil

    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
