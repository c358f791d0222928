"""One readable line about each task of a graded notebook, which never shows a hidden test.

Used by `mle exercise check` and for the feedback of `mle exercise grade`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlhelpers.course.exercises.rules import HINT, hidden_lines

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOT_ANSWERED = "not answered yet"
STOPPED = ("CellTimeoutError", "DeadKernelError", "LimitError", "NotebookTimeoutError", "GradingError")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE = re.compile(r"Cell In\s?\[[^\]]*\], line (\d+)")
_FILE = re.compile(r" \([^()]*\.py, line \d+\)$")  # what a SyntaxError of a cell adds
_SHORT = 12


def error_of(cell: NotebookNode) -> NotebookNode | None:
    """First error among the outputs of a code cell."""
    return next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)


def failed_line(error: NotebookNode) -> int | None:
    """Line of the executed cell at which an exception passed; None when its traceback does not say."""
    found = _LINE.search(_ANSI.sub("", "\n".join(error.traceback)))
    return int(found.group(1)) if found else None


def one_line(error: NotebookNode) -> str:
    """An exception as one line: an assertion by its message, others by type and message."""
    message = _FILE.sub("", " ".join(_ANSI.sub("", error.evalue).split()))
    if error.ename in STOPPED:
        return message
    if error.ename == "AssertionError":
        return message or "an assertion failed that says nothing"
    return f"{error.ename}: {message}".rstrip(": ")


def shown_error(cell: NotebookNode) -> str:
    """What a learner may read about a failed test cell.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        Executed test cell, with its hidden tests.

    Returns
    -------
    str
        Message of a visible test; for a hidden one, the hint that the visible part of the cell gives; empty
        when the cell did not fail.
    """
    error = error_of(cell)
    if error is None:
        return ""
    if error.ename == "NotImplementedError":
        return NOT_ANSWERED
    if error.ename in STOPPED:
        return error.evalue.replace("the cell", "the test")
    line = failed_line(error)
    hidden = hidden_lines(cell.source)
    if hidden and (line is None or line in hidden):
        hint = HINT.search(cell.source)
        how = "fails" if error.ename == "AssertionError" else f"fails with {error.ename}"
        looks = (
            f"it looks at {hint.group(1)}"
            if hint
            else "read the task again: does the answer hold in general?"
        )
        return f"a hidden test {how}; {looks}"
    return one_line(error)


def answer_error(cell: NotebookNode) -> str:
    """What a learner reads about an answer cell that raised; empty when it did not."""
    error = error_of(cell)
    if error is None:
        return ""
    if error.ename == "NotImplementedError":
        return NOT_ANSWERED
    line = failed_line(error)
    return f"the answer's cell fails: {one_line(error)}" + (f" (line {line})" if line else "")


def leaks(cell: NotebookNode, hidden: list[str]) -> bool:
    """Whether an output of `cell` quotes one of the lines `hidden` (very short ones do not count)."""
    wanted = [line for line in hidden if len(line) >= _SHORT]
    texts = []
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
        texts += [str(value) for mime, value in output.get("data", {}).items() if mime.startswith("text/")]
    shown = _ANSI.sub("", "\n".join(texts)).replace("\\'", "'").replace('\\"', '"')
    return any(line in shown for line in wanted)
