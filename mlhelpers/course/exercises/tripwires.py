"""Signs that a submission reached for what grading rests on: IPython's hooks, `assert`, comparisons, modules.

Used by `runner`: the state of a kernel is compared with what it was before the submission's first cell, and
tests that must run in the submission's own kernel stand between copies of themselves that have to fail.
"""

from __future__ import annotations

import ast
import base64
import json
import random
import re
import secrets
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

IN_KERNEL = re.compile(r"^# Tests in the kernel: (.+)$", re.MULTILINE)
FOUND = "GradingError"
# Packed, so that whoever looks for words in cells does not find them here.
_LOOK = base64.b64encode(zlib.compress(Path(__file__).with_name("kernel_state.py").read_bytes())).decode()
_UNPACK = "__import__('zlib').decompress(__import__('base64').b64decode({!r}))"


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
    return "\n".join(
        [*lines, "_mle_state = {}", f"exec({_UNPACK.format(_LOOK)}, _mle_state)", call, "del _mle_state"]
    )


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
    parts = _printed(cell).split(nonce)
    if len(parts) != 3 or _errors(cell):
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
    return sorted({*changed, *new}, key=lambda name: (not name.startswith("sys.modules"), name))


_SEEN = """
_kinds_NONCE = []
def _seen_NONCE(value):
    import sys
    decide = "__eq__ __ne__ __lt__ __gt__ __bool__ __array__ __array_ufunc__ __float__ __sub__ __contains__"
    for one in [value, *(list(value)[:50] if type(value) in (list, tuple, set) else ())]:
        for kind in type(one).__mro__:
            home = sys.modules.get(kind.__module__)
            found = home
            for part in kind.__qualname__.split("."):
                found = vars(found).get(part) if hasattr(found, "__dict__") else None
            strange = found is not kind or kind.__module__ in ("__main__", "unittest.mock")
            made_here = kind.__flags__ & 512  # by a class statement, not by the interpreter
            decides = any(name in vars(kind) for name in decide.split())
            if made_here and strange and decides and kind.__name__ not in OWN:
                _kinds_NONCE.append(kind.__name__)
                break
    return value
"""


class Tripwires:
    """Cells around a test that must run in the submission's kernel.

    Parameters
    ----------
    source : str
        Of the test cell.
    answers : set of str
        Names that the answers define; what they return in the test is looked at.
    own : set of str
        Classes that the exercise itself defines.
    """

    def __init__(self, source: str, answers: set[str], own: set[str]) -> None:
        self.tree = ast.parse(source)
        self.source, self.answers, self.own = source, answers, own
        self.nonce = secrets.token_hex(12)
        self.places = [n for n, node in enumerate(self.tree.body) if isinstance(node, ast.Assert)]
        self.random = random.Random(secrets.randbits(64))

    def test(self) -> str:
        """The test; that it came to its end is told by a word which only this run knows."""
        lines = [line.encode() for line in self.source.rstrip().splitlines()]
        calls = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.answers
        ]
        marks = []
        for node in calls:  # on the same line, so that messages name the right one
            marks.append((node.lineno, node.col_offset, 1, f"_seen_{self.nonce}("))
            marks.append((node.end_lineno, node.end_col_offset, 0, ")"))
        for line, column, _, text in sorted(marks, reverse=True):
            old = lines[line - 1]
            lines[line - 1] = old[:column] + text.encode() + old[column:]
        return "\n".join([*(line.decode() for line in lines), f"print({self.nonce!r})"])

    def before(self) -> str:
        """Cell that defines what `test` calls with each result of an answer."""
        return _SEEN.replace("NONCE", self.nonce).replace("OWN", repr(sorted(self.own)))

    def after(self) -> str:
        """Cell that shows the classes of results which decide comparisons themselves, and cleans up."""
        return (
            f"print({self.nonce!r} + repr(_kinds_{self.nonce}))\ndel _kinds_{self.nonce}, _seen_{self.nonce}"
        )

    def strange(self, cell: NotebookNode) -> list[str] | None:
        """Classes that a cell of `after` printed; None if it did not."""
        text = _printed(cell).strip()
        if not text.startswith(self.nonce) or _errors(cell):
            return None
        try:
            return [str(name) for name in ast.literal_eval(text.removeprefix(self.nonce))]
        except (ValueError, SyntaxError):
            return None

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
        return not _errors(cell) and self.nonce in _printed(cell).splitlines()

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
        f"import numpy as np\nassert np.isclose({number}, {2 * number + 1}), {word!r}",
        f"assert all(x == {number} for x in [{number}, {number + 1}]), {word!r}",
        f"assert isinstance({number}, str), {word!r}",
        f"assert not [{number}], {word!r}",
    )
    return f"{secrets.choice(shapes)}\nprint({word * 2!r})", word


def _errors(cell: NotebookNode) -> list[Any]:
    return [output for output in cell.outputs if output.output_type == "error"]


def _printed(cell: NotebookNode) -> str:
    """What went to stdout."""
    outputs = [output for output in cell.outputs if output.output_type == "stream"]
    return "".join(output.text for output in outputs if output.name == "stdout")
