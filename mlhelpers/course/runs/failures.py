"""The error of a failed notebook: which cell, which line, why, and where the executed copy is.

Used by `mle run` and by `mle lesson`. Apart because `run` and `kernels` raise it and lessons catch it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookError(RuntimeError):
    """A cell of a notebook failed; the attributes say which and why.

    Attributes
    ----------
    notebook : str
    cell : int
        Position of the cell in the source notebook, from 1; 0 when no cell can be named.
    execution_count : int or None
    first_line, failing_line : str
        First line of the cell, and the line that raised.
    name, message : str
        Exception's type and text.
    output : pathlib.Path or None
        Where the executed notebook is kept.
    """

    def __init__(
        self, *, notebook, cell, execution_count, first_line, failing_line, name, message, output=None
    ):
        self.notebook, self.cell, self.execution_count = notebook, cell, execution_count
        self.first_line, self.failing_line = first_line, failing_line
        self.name, self.message, self.output = name, message, output
        where = f"cell {cell} (In [{execution_count}])" if cell else "the kernel"
        lines = [f"{notebook}: {where} failed: {name}: {message}".rstrip(": ")]
        if first_line:
            lines.append(f"  cell begins: {first_line}")
        if failing_line:
            lines.append(f"  raised at:   {failing_line}")
        if output is not None:
            lines.append(f"  kept:        {output}")
        super().__init__("\n".join(lines))


def first_line(source: str) -> str:
    """First line of a cell that is not empty."""
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def failing_line(traceback: Sequence[str]) -> str:
    """Line of the cell at which an exception passed, from IPython's traceback (empty when it has none)."""
    text = _ANSI.sub("", "\n".join(traceback))
    block = text.split("Cell In[", 1)[-1]
    arrow = re.search(r"^-+>\s*(\d+)\s?(.*)$", block, re.MULTILINE)
    return f"line {arrow.group(1)}: {arrow.group(2).strip()}" if arrow else ""
