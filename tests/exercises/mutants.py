"""Do the tests of an exercise find a small fault in each solution?

`python tests/exercises/mutants.py [2.1 ...] [--most 25] [--seed 0] [--limit 10]`
changes one thing at a time in the solution of a task (a comparison, a constant, a branch, a dropped argument,
sort or round, an ignored `random_state`, a part of an expression) and runs the cells up to the test of the
task. A mutant is killed when the test fails or takes too long; it would earn full points otherwise. Printed
are the survivors with their line, and a table with the share killed of each exercise. Mutants that are equal
in effect to the solution are listed in `equal_mutants.yml` with the reason. Needs a system with `fork`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from mutation import Mutant, changes_of, mutants_of  # noqa: E402

from mlhelpers.course.exercises import find_exercises  # noqa: E402
from mlhelpers.course.exercises.rules import BEGIN_SOLUTION, END_SOLUTION  # noqa: E402
from mlhelpers.course.files import read_notebook  # noqa: E402
from mlhelpers.course.syllabus import load_syllabus  # noqa: E402

EQUAL = Path(__file__).with_name("equal_mutants.yml")
DROPPED_FUNCTIONS = {"sorted", "round", "abs"}
DROPPED_METHODS = {
    "abs",
    "copy",
    "drop_duplicates",
    "dropna",
    "fillna",
    "lower",
    "round",
    "sort_index",
    "sort_values",
    "strip",
}
SEEDS = {"random_state", "seed"}


@dataclass(frozen=True)
class Task:
    """Name of a task, its answer, and the cells from there to its test."""

    name: str
    answer: str
    cells: tuple[str, ...]


@dataclass
class Tally:
    """What became of the mutants of one exercise."""

    mutants: int = 0
    killed: int = 0
    equal: int = 0
    left: list[tuple[str, Mutant]] = field(default_factory=list)


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What can stand for a node of a solution."""
    yield from changes_of(node)
    if isinstance(node, ast.If | ast.IfExp):
        for taken in (True, False):
            new = copy.copy(node)
            new.test = ast.copy_location(ast.Constant(taken), node.test)
            yield new
    elif isinstance(node, ast.Call):
        yield from _calls_with_less(node)
    elif isinstance(node, ast.Name) and node.id in SEEDS and isinstance(node.ctx, ast.Load):
        yield ast.copy_location(ast.Constant(0), node)
    elif isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
    elif isinstance(node, ast.BoolOp):
        for number in range(len(node.values)):
            rest = node.values[:number] + node.values[number + 1 :]
            yield rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(node.op, rest), node)
    elif isinstance(node, ast.comprehension) and node.ifs:
        new = copy.copy(node)
        new.ifs = node.ifs[1:]
        yield new
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.copy_location(ast.Pass(), node)


def _calls_with_less(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in DROPPED_FUNCTIONS and node.args:
        yield node.args[0]
    if isinstance(node.func, ast.Attribute) and node.func.attr in DROPPED_METHODS:
        yield node.func.value
    if len(node.args) > 1:
        yield ast.copy_location(ast.Call(node.func, node.args[:-1], node.keywords), node)
    for number in range(len(node.keywords)):
        rest = node.keywords[:number] + node.keywords[number + 1 :]
        yield ast.copy_location(ast.Call(node.func, node.args, rest), node)


def mutants_of_answer(source: str, most: int, seed: int) -> list[Mutant]:
    """Mutants of an answer cell, each text once, a sample of at most `most` of them."""
    lines = [line.strip() for line in source.splitlines()]
    first, last = lines.index(BEGIN_SOLUTION) + 1, lines.index(END_SOLUTION) + 1
    same = ast.unparse(ast.parse(source))
    every: dict[str, Mutant] = {}
    for mutant in mutants_of(source, _with_line):
        if first < mutant.line < last and mutant.source != same:
            every.setdefault(mutant.source, mutant)
    found = list(every.values())
    drawn = sorted(random.Random(seed).sample(range(len(found)), min(most, len(found))))
    return [found[number] for number in drawn]


def _with_line(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.comprehension):
        node.lineno = node.target.lineno
    for new in changes(node):
        with contextlib.suppress(AttributeError):
            new.lineno = getattr(new, "lineno", node.lineno)
        yield new


def tasks_of(notebook) -> Iterator[tuple[list[str], Task]]:
    """Cells to run before each task, and the task."""
    ahead: list[str] = []
    answer, name, between = None, "", []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        marks = cell.metadata.get("nbgrader", {})
        if answer is None:
            if marks.get("solution"):
                answer, name, between = cell.source, marks["grade_id"], []
            else:
                ahead.append(cell.source)
            continue
        between.append(cell.source)
        if marks.get("grade"):
            yield ahead, Task(name, answer, tuple(between))
            ahead, answer = [answer, *between], None


def survives(namespace: dict, cells: list[str], limit: float) -> bool:
    """Whether the last of `cells` passes, each run in a copy of this process within `limit` seconds."""
    child = os.fork()
    if child == 0:
        _be_the_mutant(namespace, cells, limit)
    until = time.monotonic() + limit + 1
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _be_the_mutant(namespace: dict, cells: list[str], limit: float) -> None:
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limit)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        warnings.simplefilter("ignore")
        try:
            for cell in cells[:-1]:
                exec(cell, namespace)
        except Exception:  # noqa: BLE001  (the test says what an answer that cannot run is worth)
            pass
        exec(cells[-1], namespace)
        code = 0
    except BaseException:  # noqa: BLE001
        pass
    finally:
        os._exit(code)


def known_equal() -> dict[tuple[str, str, str], str]:
    """Reason for each mutant that does what the solution does, by exercise, task and change."""
    if not EQUAL.exists():
        return {}
    listed = yaml.safe_load(EQUAL.read_text(encoding="utf-8")) or {}
    return {
        (number, task, change): why
        for number, tasks in listed.items()
        for task, entries in tasks.items()
        for change, why in entries.items()
    }


def change_of(mutant: Mutant) -> str:
    """The change of a mutant in one line."""
    before, after = (" ".join(text.split()) for text in (mutant.before, mutant.after))
    return f"{before}  ->  {after}"


def examine(number: str, notebook, *, most: int, seed: int, limit: float, say: Callable) -> Tally:
    """Try the mutants of every task of an exercise.

    Parameters
    ----------
    number : str
        Of the lesson.
    notebook : NotebookNode
        The source of the exercise.
    most : int
        Mutants of a task.
    seed : int
        Of the draw.
    limit : float
        Seconds for a mutant.
    say : callable
        Gets a line for each survivor.

    Returns
    -------
    Tally
    """
    equal = known_equal()
    namespace: dict = {"__name__": "__main__"}
    tally = Tally()
    for ahead, task in tasks_of(notebook):
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for cell in ahead:
                exec(cell, namespace)
        if not survives(namespace, [task.answer, *task.cells], 60):
            raise SystemExit(f"{number} {task.name}: the solution itself fails")
        for mutant in mutants_of_answer(task.answer, most, seed):
            tally.mutants += 1
            if not survives(namespace, [mutant.source, *task.cells], limit):
                tally.killed += 1
                continue
            if (number, task.name, change_of(mutant)) in equal:
                tally.equal += 1
                continue
            tally.left.append((task.name, mutant))
            say(f"{number} {task.name}, line {mutant.line}: {change_of(mutant)}")
    return tally


def main(arguments: list[str]) -> int:
    """Print the survivors and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="lessons such as 2.1 (default: all)")
    parser.add_argument("--most", type=int, default=25, help="mutants drawn for a task (default 25)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default 0)")
    parser.add_argument("--limit", type=float, default=10, help="seconds for a mutant (default 10)")
    options = parser.parse_args(arguments)
    exercises = [
        exercise
        for exercise in find_exercises(syllabus=load_syllabus(ROOT))
        if not options.numbers or exercise.lesson.number in options.numbers
    ]
    rows, total = [], Tally()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, contextlib.chdir(folder):
        for exercise in exercises:
            tally = examine(
                exercise.lesson.number,
                read_notebook(exercise.source),
                most=options.most,
                seed=options.seed,
                limit=options.limit,
                say=lambda line: print(line, flush=True),
            )
            rows.append((exercise.lesson.number, tally))
            total.mutants += tally.mutants
            total.killed += tally.killed
            total.equal += tally.equal
            total.left += tally.left
    print("exercise | mutants | killed | equal in effect | left | killed of those that differ")
    for name, tally in [*rows, ("all", total)]:
        differ = tally.mutants - tally.equal
        share = f"{tally.killed / differ:.0%}" if differ else "-"
        print(f"{name} | {tally.mutants} | {tally.killed} | {tally.equal} | {len(tally.left)} | {share}")
    return 0 if total.mutants and total.killed >= 0.9 * (total.mutants - total.equal) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
