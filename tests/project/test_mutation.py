"""The mutants of benchmarks/mutation.py: one change each, of code that runs."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def mutation():
    spec = importlib.util.spec_from_file_location("mutation", ROOT / "benchmarks" / "mutation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutation"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mutation"]


@pytest.mark.parametrize(
    ("expression", "changes"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a == b", {"a != b"}),
        ("a is not b", {"a is b"}),
        ("a + b", {"a - b"}),
        ("a // b", {"a / b"}),
        ("a and b", {"a or b"}),
        ("not a", {"a"}),
        ("-a", {"a"}),
        ("True", {"False"}),
        ("7", {"8", "6"}),
        ("0.5", {"1.5", "-0.5"}),
        ("a if b else c", {"a if not b else c"}),
        ("'text'", set()),
        ("None", set()),
        ("'a' + b", set()),
    ],
)
def test_each_kind_of_expression_is_changed(mutation, expression, changes):
    found = mutation.mutants_of(f"x = {expression}")
    assert {mutant.source for mutant in found} == {f"x = {change}" for change in changes}
    assert all((mutant.line, mutant.before) == (1, expression) for mutant in found)


def test_returned_values_conditions_and_defaults_are_changed(mutation):
    source = "def f(a, *, b=1):\n    if a:\n        return b\n    return None"
    after = [mutant.source.splitlines() for mutant in mutation.mutants_of(source)]
    assert [[line for line in lines if line not in source.splitlines()] for lines in after] == [
        ["def f(a, *, b=2):"],
        ["def f(a, *, b=0):"],
        ["    if not a:"],
        ["        return None"],
    ]


def test_what_does_not_run_is_left_alone(mutation):
    source = '''
"""Docstring."""
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import a
__all__ = ["f"]

@decorated(frozen=True)
class A:
    """Docstring."""
    b: Literal[1]
'''
    assert mutation.mutants_of(source) == []


def test_every_mutant_is_another_module_that_can_be_read(mutation):
    source = (ROOT / "mlhelpers" / "packaging" / "signature.py").read_text(encoding="utf-8")
    found = mutation.mutants_of(source)
    assert len({mutant.source for mutant in found}) == len(found) > 50
    for mutant in found:
        compile(mutant.source, "signature.py", "exec")


def test_tests_of_a_module_are_those_of_its_name(mutation):
    found = mutation.tests_of(Path("mlhelpers/monitoring/drift/distances.py"))
    assert Path("tests/monitoring/drift/test_distances.py") in found
    assert all(path.name.startswith("test_distances") for path in found)
    assert mutation.tests_of(Path("mlhelpers/lazy.py")) == [Path("tests/test_lazy.py")]
