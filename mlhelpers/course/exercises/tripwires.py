"""Signs that a submission reached for what grading rests on: IPython's hooks, `assert`, comparisons, modules.

Used by `runner`: the state of a kernel is compared with what it was before the submission's first cell, and
tests that must run in the submission's own kernel stand between copies of themselves that have to fail.
"""

from __future__ import annotations

import ast
import json
import random
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

IN_KERNEL = re.compile(r"^# Tests in the kernel: (.+)$", re.MULTILINE)
FOUND = "GradingError"
_LOOK = Path(__file__).with_name("kernel_state.py").read_text(encoding="utf-8")


def state_code(nonce: str, imports: str = "") -> str:
    """Cell that prints the state of a kernel between two marks, after the exercise's own imports.

    Parameters
    ----------
    nonce : str
        The mark.
    imports : str, default=""
        Statements that are executed where no name stays.

    Returns
    -------
    str
    """
    lines = [f"try: exec({line!r}, {{}})\nexcept Exception: pass" for line in imports.splitlines()]
    call = f"print({nonce!r} + _mle_state['look'](get_ipython()) + {nonce!r})"
    return "\n".join([*lines, "_mle_state = {}", f"exec({_LOOK!r}, _mle_state)", call, "del _mle_state"])


def imports_of(sources: list[str]) -> str:
    """Import statements of cells, one a line."""
    found = [
        ast.unparse(node)
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return "\n".join(dict.fromkeys(found))


def state_of(cell: NotebookNode, nonce: str) -> dict[str, str] | None:
    """State that a cell of `state_code` printed; None if it did not."""
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    parts = text.split(nonce)
    if len(parts) != 3 or any(output.output_type == "error" for output in cell.outputs):
        return None
    try:
        return {str(name): str(value) for name, value in json.loads(parts[1]).items()}
    except (ValueError, AttributeError):
        return None


def differences(clean: dict[str, str] | None, now: dict[str, str] | None) -> list[str]:
    """What was replaced between two states.

    Parameters
    ----------
    clean, now : dict of str to str, or None
        State before the first cell of the submission, and later.

    Returns
    -------
    list of str
        Names for the instructor.
    """
    if clean is None or now is None:
        return ["the state of the kernel, which can no longer be read"]
    changed = [name for name, value in clean.items() if now.get(name) != value]
    new = [
        name
        for name, value in now.items()
        if name not in clean and (value == "no module" or name.startswith(("IPython's", "builtins.")))
    ]
    return sorted({*changed, *new})


class Tripwires:
    """Cells around a test that must run in the submission's kernel.

    Parameters
    ----------
    source : str
        Of the test cell.
    """

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.source = source
        self.nonce = secrets.token_hex(12)
        self.places = [n for n, node in enumerate(self.tree.body) if isinstance(node, ast.Assert)]
        self.random = random.Random(secrets.randbits(64))

    def test(self) -> str:
        """The test; that it came to its end is told by a word which only this run knows."""
        return f"{self.source.rstrip()}\nprint({self.nonce!r})"

    def opposite(self) -> tuple[str, str]:
        """The test with one assertion turned around, and the word with which it must fail."""
        word = secrets.token_hex(12)
        tree = ast.parse(self.source)
        if not self.places:
            return (
                f"{self.source.rstrip()}\nassert {secrets.randbits(20)} == -1, {word!r}\nprint({word!r} * 2)",
                word,
            )
        place = self.random.choice(self.places)
        node = tree.body[place]
        node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        node.msg = ast.copy_location(ast.Constant(word), node)
        end = ast.parse(f"print({(word * 2)!r})").body
        tree.body = [*tree.body[: place + 1], *tree.body[place + 1 :], *end]
        return ast.unparse(ast.fix_missing_locations(tree)), word

    def passed(self, cell: NotebookNode) -> bool:
        """Whether the test came to its end."""
        return not _errors(cell) and _printed(cell).rstrip().endswith(self.nonce)

    def failed_as_it_must(self, cell: NotebookNode, word: str) -> bool:
        """Whether a cell of `opposite` failed at its own assertion and nowhere else."""
        errors = _errors(cell)
        right = len(errors) == 1 and errors[0].ename == "AssertionError" and errors[0].evalue == word
        return right and word not in _printed(cell)


def always_fails() -> tuple[str, str]:
    """A small cell in the shape of a test that must fail, and the word with which it must."""
    word = secrets.token_hex(12)
    number = secrets.randbits(30)
    shapes = (
        f"assert {number} == {number + 1}, {word!r}",
        f"import numpy as np\nassert np.isclose({number}, {number + 5}), {word!r}",
        f"assert all(x == {number} for x in [{number}, {number + 1}]), {word!r}",
        f"assert isinstance({number}, str), {word!r}",
        f"assert not [{number}], {word!r}",
    )
    return f"{secrets.choice(shapes)}\nprint({word * 2!r})", word


def _errors(cell: NotebookNode) -> list[Any]:
    return [output for output in cell.outputs if output.output_type == "error"]


def _printed(cell: NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")
