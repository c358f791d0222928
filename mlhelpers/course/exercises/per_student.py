"""Numbers per student: an exercise with a seed of his own, and the values that its solution gives with it.

Used by `assign`, `grade` and `check`. A source has ``SEED = 7  # per student`` as the first line of a
cell, and ``value = 0.12  # per student: EXPRESSION`` in visible tests; `rules` checks them.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import hashlib
import hmac
import io
import json
import math
import os
import re
import secrets
import subprocess
import sys
import types
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

KEY_NAME = "per_student.key"
_LINE = re.compile(
    r"(?P<before>\s*(?P<name>[A-Za-z_]\w*) = )(?P<value>.+?)  # per student(?:: (?P<code>.+))?"
)
_TAG = re.compile(r"#\s*per student\b")
_FIRST_SEED, _SEEDS = 100_000_000, 900_000_000  # nine digits; scikit-learn takes less than 2**32
_HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS[ \t]*$.*?^[ \t]*### END HIDDEN TESTS[ \t]*$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Mark:
    """A line of a notebook that differs between students.

    Attributes
    ----------
    cell, line : int
        Position of the cell, from 0, and of the line in it, from 1.
    name, value : str
        What is assigned, as it stands there.
    code : str or None
        Expression that gives the value; None for the seed, and in a release version.
    """

    cell: int
    line: int
    name: str
    value: str
    code: str | None


def marks_in(notebook: NotebookNode) -> list[Mark]:
    """Every marked line, the seed too, in order."""
    found = []
    for place, cell in enumerate(notebook.cells):
        for number, line in enumerate(cell.source.splitlines() if cell.cell_type == "code" else (), 1):
            match = _LINE.fullmatch(line)
            if match:
                found.append(Mark(place, number, match["name"], match["value"], match["code"]))
    return found


def seed_of(notebook: NotebookNode) -> int | None:
    """Seed that a notebook declares in the first line of a cell, None without one."""
    for mark in marks_in(notebook):
        if mark.name == "SEED" and mark.line == 1 and mark.code is None and re.fullmatch(r"\d+", mark.value):
            return int(mark.value)
    return None


def mark_problems(notebook: NotebookNode) -> Iterator[str]:
    """Say of each mark in a source what is wrong with how it is written.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        With solutions and hidden tests.

    Yields
    ------
    str
    """
    marks, seeds = marks_in(notebook), 0
    known = {(mark.cell, mark.line): mark for mark in marks}
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        kind = cell.metadata.get("nbgrader") or {}
        hidden = _HIDDEN.sub(lambda match: "\n" * match[0].count("\n"), cell.source).splitlines()
        for number, line in enumerate(cell.source.splitlines(), 1):
            where = f"cell {place + 1}, line {number}"
            mark = known.get((place, number))
            if mark is None:
                if _TAG.search(line):
                    yield f"{where}: write `NAME = VALUE  # per student: EXPRESSION` in one line"
            elif mark.name == "SEED" and mark.code is None:
                seeds += 1
                if not re.fullmatch(r"\d+", mark.value):
                    yield f"{where}: the seed is a whole number, not {mark.value}"
                elif seeds > 1 or number != 1 or kind:
                    yield f"{where}: the seed stands once, first in a cell that is no answer and no test"
            elif mark.code is None:
                yield f"{where}: say which expression gives {mark.name}: `# per student: EXPRESSION`"
            elif not kind.get("grade") or number > len(hidden) or not hidden[number - 1]:
                yield f"{where}: values per student stand in the visible part of a test"
            elif not seeds:
                yield f"{where}: a value per student needs a line `SEED = 7  # per student` before it"
            elif not (_parses(mark.value, ast.literal_eval) and _parses(mark.code, _compiled)):
                yield f"{where}: `{mark.value}` must be a literal and `{mark.code}` an expression"


def _compiled(code: str) -> Any:
    return compile(code, "expression", "eval")


def _parses(text: str, read) -> bool:
    try:
        read(text)
    except (ValueError, SyntaxError):
        return False
    return True


def wrong_values(source: NotebookNode) -> list[str]:
    """Say of each value in a source that is not what its solution gives with the seed that stands there."""
    marks, seed = [mark for mark in marks_in(source) if mark.code], seed_of(source)
    if not marks or seed is None:
        return []
    try:
        with Solver(source) as solver:
            values = solver.values(seed)
    except ValueError as error:
        return [str(error)]
    return [
        f"cell {mark.cell + 1}, line {mark.line}: {mark.name} = {mark.value}, but the solution gives {value}"
        for mark, value in zip(marks, values, strict=True)
        if repr(ast.literal_eval(mark.value)) != value
    ]


def without_expressions(notebook: NotebookNode) -> NotebookNode:
    """Copy in which the marks do not say how a value is found."""
    return _changed(notebook, lambda match: f"{match['before']}{match['value']}  # per student")


def personal(notebook: NotebookNode, seed: int, values: Sequence[str]) -> NotebookNode:
    """Copy of a source or a release version with another seed and other values.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    seed : int
    values : sequence of str
        Literals in the order of the marks, as `Solver.values` gives them.

    Returns
    -------
    nbformat.NotebookNode
    """
    left = list(values)

    def new(match: re.Match[str]) -> str:
        text = str(seed) if match["name"] == "SEED" else left.pop(0)
        return f"{match['before']}{text}  # per student" + (f": {match['code']}" if match["code"] else "")

    made = _changed(notebook, new)
    if left:
        raise ValueError(f"{len(values)} values for {len(values) - len(left)} marks")
    return made


def with_seed(notebook: NotebookNode, seed: int) -> NotebookNode:
    """Copy of a submission with another seed."""
    return _changed(notebook, lambda match: re.sub(r"^SEED = \d+ ", f"SEED = {seed} ", match[0]))


def _changed(notebook: NotebookNode, new) -> NotebookNode:
    made = copy.deepcopy(notebook)
    for place in dict.fromkeys(mark.cell for mark in marks_in(notebook)):
        lines = made.cells[place].source.split("\n")
        matches = [_LINE.fullmatch(line) for line in lines]
        made.cells[place].source = "\n".join(
            line if match is None else new(match) for line, match in zip(lines, matches, strict=True)
        )
    return made


def student_seed(key: bytes, assignment: str, student: str) -> int:
    """Seed of a student, which nobody without the key can tell.

    Parameters
    ----------
    key : bytes
        Of the course, as `read_key` gives it.
    assignment, student : str

    Returns
    -------
    int
        Of nine digits.
    """
    text = f"{assignment}\n{unicodedata.normalize('NFC', student)}"
    number = int.from_bytes(hmac.new(key, text.encode(), hashlib.sha256).digest()[:8], "big")
    return _FIRST_SEED + number % _SEEDS


def read_key(path: str | os.PathLike[str]) -> bytes:
    """Key in a file that `make_key` has made.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no key {path}; give --key FILE, which `mle exercise assign --per-student` has made"
        )
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{path} holds no key: 64 hexadecimal digits; give the file that `assign` made")
    return bytes.fromhex(text)


def make_key(path: str | os.PathLike[str]) -> bool:
    """Make the file of a key, for its owner only; gives False if it is there."""
    path = Path(path)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32) + "\n")
    return True


class Solver:
    """Runs the solution of an exercise under any seed, in a process of its own; use it in a ``with`` block.

    Parameters
    ----------
    source : nbformat.NotebookNode
        With solutions, hidden tests and the expressions of its marks.
    """

    def __init__(self, source: NotebookNode) -> None:
        self.source = source
        self.process: subprocess.Popen | None = None
        self.places = [mark.cell for mark in marks_in(source) if mark.code]

    def __enter__(self) -> Solver:
        return self

    def __exit__(self, *error) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def values(self, seed: int) -> list[str]:
        """Literals of the marked values under a seed; the visible tests up to the last of them must pass.

        Raises
        ------
        ValueError
            If the solution fails, or a value has no literal.
        """
        return self._ask(seed, prove=False) if self.places else []

    def prove(self, seed: int) -> list[str]:
        """As `values`, but every test is run, the hidden ones too."""
        return self._ask(seed, prove=True)

    def _ask(self, seed: int, *, prove: bool) -> list[str]:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
            cells = [cell.source if cell.cell_type == "code" else "" for cell in self.source.cells]
            self._send(cells)
        self._send({"seed": seed, "prove": prove, "last": max(self.places, default=-1)})
        answer = json.loads(self.process.stdout.readline() or '{"error": "its process ended"}')
        if "error" in answer:
            raise ValueError(f"the solution fails with SEED = {seed}: {answer['error']}")
        return answer["values"]

    def _send(self, data: Any) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(data) + "\n")
            self.process.stdin.flush()


def values_under(cells: list[str], seed: int, *, last: int | None = None, prove: bool = True) -> list[str]:
    """Run the code cells of a source in this process and give the literals of its marked values.

    Parameters
    ----------
    cells : list of str
        Texts of the cells, empty for those without code.
    seed : int
        In place of the one that stands there.
    last : int, optional
        Position of the last cell to run if nothing is to be proved.
    prove : bool, default=True
        Run hidden tests and every cell.

    Returns
    -------
    list of str

    Raises
    ------
    Exception
        What the solution or a test raises.
    """
    module = types.ModuleType("__main__")
    before = sys.modules.get("__main__")
    sys.modules["__main__"] = module
    given: list[str] = []

    def literal(value: Any) -> Any:
        given.append(repr(_plain(value)))
        return value

    module.__dict__["_per_student_literal"] = literal

    def line_for(line: str) -> str:
        match = _LINE.fullmatch(line)
        if match is None:
            return line
        if match["code"]:
            return f"{match['before']}_per_student_literal({match['code']})"
        return f"{match['before']}{seed}" if match["name"] == "SEED" else line

    try:
        for number, text in enumerate(cells if prove or last is None else cells[: last + 1], 1):
            shown = text if prove else _HIDDEN.sub(lambda match: "\n" * match[0].count("\n"), text)
            code = "\n".join(line_for(line) for line in shown.split("\n"))
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(code, f"cell {number}", "exec"), module.__dict__)
        return given
    finally:
        if before is not None:
            sys.modules["__main__"] = before


def _plain(value: Any) -> Any:
    """The value as Python numbers, texts and containers, which have a literal."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {_plain(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, set) and value:
        return {_plain(inner) for inner in value}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no literal")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a {type(value).__name__} has no literal; mark a number, a text, a list or a dict")


def _serve() -> None:
    """Read the cells, then questions, one a line of JSON; a line of JSON answers each."""
    answers = sys.stdout
    cells = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            values = values_under(cells, asked["seed"], last=asked["last"], prove=asked["prove"])
            told = {"values": values}
        except BaseException as error:  # noqa: BLE001  (a solution may raise anything)
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
