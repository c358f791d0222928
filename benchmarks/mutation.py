"""How many small faults in a module do its own tests find?

`python benchmarks/mutation.py mlhelpers/monitoring/drift/distances.py [...] [--most 40]`
changes one thing at a time (a comparison, a constant or default, an arithmetic or boolean operator, a `not`,
a condition, a returned value) in a copy of the package and runs the tests of the module's name there. A
mutant is killed when a test fails or takes too long; the survivors are printed with their line. Nothing in
the working tree is changed. Needs a system with `fork`.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import copy
import importlib
import os
import py_compile
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Loaded once and shared by all forks; the package itself is loaded anew in each.
PRELOADED = ("pandas", "hypothesis", "pytest")
LARGE = {
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "matplotlib",
    "pyarrow",
    "skops",
    "onnx",
    "fastapi",
    "pydantic",
}
LOADED = "loaded-modules.txt"
IDLE_PLUGINS = ("cacheprovider", "schemathesis", "nbval")
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.MatMult: ast.Mult,
}
Path_ = tuple[tuple[str, int | None], ...]  # from the module down to a node: field and place in its list


@dataclass(frozen=True)
class Mutant:
    """One change of a module."""

    line: int
    before: str
    after: str
    source: str


def mutants_of(source: str, changes: Callable[[ast.AST], Iterator[ast.AST]] | None = None) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines; `changes` gives what can stand for a node."""
    tree = ast.parse(source)
    found = []
    for place, node in _nodes(tree, ()):
        for new in (changes or changes_of)(node):
            changed = copy.deepcopy(tree)
            _put(changed, place, new)
            after = ast.unparse(ast.fix_missing_locations(new))
            text = ast.unparse(ast.fix_missing_locations(changed))
            found.append(Mutant(node.lineno, ast.unparse(node), after, text))
    return sorted(found, key=lambda mutant: mutant.line)


def _nodes(node: ast.AST, place: Path_) -> Iterator[tuple[Path_, ast.AST]]:
    """Nodes that run: no annotation, decorator, docstring, `__all__` or import for types only."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ops", "op", "ctx"):
            continue
        for number, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_idle(child):
                continue
            there = (*place, (name, number))
            yield there, child
            yield from _nodes(child, there)


def _is_idle(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def changes_of(node: ast.AST) -> Iterator[ast.AST]:
    """What can stand for a node: other comparisons, operators, constants, conditions, returned values."""
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                new = copy.deepcopy(node)
                new.ops[number] = other()
                yield new
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        if not any(
            isinstance(side, ast.Constant | ast.JoinedStr) and _is_text(side)
            for side in (node.left, node.right)
        ):
            yield ast.copy_location(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right), node)
    elif isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield ast.copy_location(ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value), node)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.copy_location(ast.BoolOp(other, node.values), node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.copy_location(ast.Constant(not node.value), node)
        elif isinstance(node.value, int | float):
            for step in (1, -1):
                yield ast.copy_location(ast.Constant(node.value + step), node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(
        node.test, ast.Compare | ast.UnaryOp
    ):
        new = copy.deepcopy(node)
        new.test = ast.copy_location(ast.UnaryOp(ast.Not(), new.test), node.test)
        yield new
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.copy_location(ast.Return(ast.Constant(None)), node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _put(tree: ast.AST, place: Path_, new: ast.AST) -> None:
    node = tree
    for name, number in place[:-1]:
        node = getattr(node, name) if number is None else getattr(node, name)[number]
    name, number = place[-1]
    if number is None:
        setattr(node, name, new)
    else:
        getattr(node, name)[number] = new


def tests_of(module: Path) -> list[Path]:
    """Files that bear the name of a module, below tests/."""
    folder = Path("tests") / module.parent.relative_to("mlhelpers")
    names = (f"test_{module.stem}.py", f"test_{module.stem}_*.py")
    return sorted(path.relative_to(ROOT) for name in names for path in (ROOT / folder).glob(name))


@contextlib.contextmanager
def _copy_of_the_package() -> Iterator[Path]:
    """A folder with package and tests copied and everything else linked."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        folder = Path(name)
        for entry in ROOT.iterdir():
            if entry.name in ("mlhelpers", "tests"):
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(entry, folder / entry.name, ignore=ignored)
                # Compiled files that are valid for one content only, so that no mutant is run as another.
                mode = py_compile.PycInvalidationMode.CHECKED_HASH
                compileall.compile_dir(folder / entry.name, quiet=2, invalidation_mode=mode)
            elif entry.name not in (".git", ".hypothesis"):
                (folder / entry.name).symlink_to(entry)
        yield folder


def _run(folder: Path, tests: list[Path], limit: float) -> tuple[bool, float]:
    """Run tests in a fork of this process; return whether all passed, and the seconds."""
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        _be_the_tests(folder, tests)
    while time.perf_counter() - started < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    else:
        status = 1
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # and what the tests have started
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    return status == 0, time.perf_counter() - started


def _preload(folder: Path) -> None:
    """Load what the tests have loaded of large libraries, so that every fork has it already."""
    for name in (folder / LOADED).read_text(encoding="utf-8").splitlines():
        if name.partition(".")[0] in LARGE:
            with contextlib.suppress(ImportError, AttributeError):
                importlib.import_module(name)


def _be_the_tests(folder: Path, tests: list[Path]) -> None:
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
        os.environ |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        import hypothesis
        import pytest

        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # a failure need not be made small
        hypothesis.settings.register_profile("mutation", phases=phases, database=None, deadline=None)
        options = ["-x", "-q", "--hypothesis-profile=mutation", "--hypothesis-seed=0"]
        options += [part for name in IDLE_PLUGINS for part in ("-p", f"no:{name}")]
        code = int(pytest.main([*options, *map(str, tests)]))
        (folder / LOADED).write_text("\n".join(sys.modules), encoding="utf-8")
    finally:
        os._exit(code)


def examine(module: Path, most: int, seed: int, jobs: int, say: Callable[[str], None]) -> tuple[int, int]:
    """Try the mutants of one module; return how many there were and how many were killed."""
    tests = tests_of(module)
    if not tests:
        raise SystemExit(f"{module} has no tests of its name")
    source = (ROOT / module).read_text(encoding="utf-8")
    every = mutants_of(source)
    drawn = sorted(random.Random(seed).sample(range(len(every)), min(most, len(every))))
    mutants = [every[number] for number in drawn]
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(_copy_of_the_package()) for _ in range(jobs)]
        spent = {}
        for file in tests:
            passed, spent[file] = _run(folders[0], [file], 600)
            if not passed:
                raise SystemExit(f"{file} fails without any change")
        tests.sort(key=spent.__getitem__)  # the quickest first
        seconds = sum(spent.values())
        limit = 10 + 4 * seconds
        _preload(folders[0])
        free = list(folders)

        def survives(mutant: Mutant) -> bool:
            folder = free.pop()
            try:
                (folder / module).write_text(mutant.source, encoding="utf-8")
                return _run(folder, tests, limit)[0]
            finally:
                free.append(folder)

        with ThreadPoolExecutor(jobs) as pool:
            alive = list(pool.map(survives, mutants))
    killed = alive.count(False)
    say(f"{module}: {killed} of {len(mutants)} killed ({len(every)} in all; {seconds:.0f} s a run)")
    for mutant, lived in zip(mutants, alive, strict=True):
        if lived:
            before, after = (" ".join(text.split())[:90] for text in (mutant.before, mutant.after))
            say(f"  line {mutant.line}: {before}  ->  {after}")
    return len(mutants), killed


def main(arguments: list[str]) -> int:
    """Print the survivors of each module and the total."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "modules", nargs="+", type=Path, help="such as mlhelpers/monitoring/drift/distances.py"
    )
    parser.add_argument("--most", type=int, default=40, help="mutants drawn for a module (default 40)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at a time (default 1)")
    options = parser.parse_args(arguments)
    for name in PRELOADED:
        importlib.import_module(name)
    counts = []
    for module in options.modules:
        place = module.resolve().relative_to(ROOT)
        counts.append(
            examine(place, options.most, options.seed, options.jobs, lambda line: print(line, flush=True))
        )
    mutants, killed = (sum(column) for column in zip(*counts, strict=True))
    print(f"total: {killed} of {mutants} killed ({killed / mutants:.0%})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
