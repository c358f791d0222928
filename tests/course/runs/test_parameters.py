import pytest

from mlhelpers.course.runs.parameters import ParameterError, inspect_parameters, parse_cell
from mlhelpers.course.runs.values import Given, check_values, from_text, read_parameters

CELL = '''"""Settings of the training stage."""
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

data: str  # folder of the features
max_depth: int = 6  # depth of each tree
model: Literal["boosting", "logistic"] = "boosting"
learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
columns: list[str] = ["age"]
limit: int | None = None
seeds: tuple[int, int] = (1, 2)
n_folds = 5
note = None
'''


def declared(source=CELL):
    parameters, problems = parse_cell(source)
    assert problems == []
    return parameters


def problems_of(source):
    return parse_cell(source)[1]


def values(*pairs, source=CELL):
    return check_values("04_train.ipynb", declared(source), [("data", Given("x", "test")), *pairs])


def test_declarations_carry_type_default_and_comment():
    depth = declared()["max_depth"]
    assert (depth.type, depth.default, depth.required, depth.help) == ("int", 6, False, "depth of each tree")


def test_annotation_without_value_is_required():
    assert declared()["data"].required


def test_type_is_inferred_from_a_default_without_annotation():
    assert declared()["n_folds"].type == "int"
    assert declared()["note"].type == "Any"


def test_cell_is_never_executed(tmp_path):
    marker = tmp_path / "executed"
    assert problems_of(f"open({str(marker)!r}, 'w')")
    assert problems_of(f"x: int = open({str(marker)!r}, 'w')")
    assert problems_of(f"x: open({str(marker)!r}, 'w') = 1")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x: int = 'six'", "default of x does not fit its own type"),
        ("x: int = 2 * 3", "must be a literal"),
        ("x: int = 1\nx: int = 2", "declared twice"),
        ("x, y = 1, 2", "is not a declaration"),
        ("for i in [1]:\n    x = i", "is not a declaration"),
        ("x: Path = 'a'", "not from typing, pydantic or builtins"),
        ("from pathlib import Path\nx: Path = 'a'", "not from typing, pydantic or builtins"),
        ("x: (lambda: int)() = 1", "only pydantic's calls"),
        ("x: open('a') = 1", "only pydantic's calls"),
        ("x: [int for i in (1,)] = 1", "something else than types"),
        ("x: str.__class__ = 'a'", "something else than types"),
        ("x: str() = 'a'", "only pydantic's calls"),
        ("x: 3 = 1", "not a type that can be checked"),
        ("x: int = = 1", "line 1: invalid syntax"),
        ("x = ", "line 1"),
    ],
)
def test_unsound_cells_are_told_with_their_line(source, message):
    assert any(message in problem for problem in problems_of(source))


def test_every_unsound_line_is_told_at_once():
    assert len(problems_of("x: int = 'a'\ny: Path = 1\nz: int = 2")) == 2


@pytest.mark.parametrize(
    "source",
    [
        "import typing as t\nx: t.Optional[int] = None",
        "import pydantic\nx: pydantic.PositiveInt = 3",
        "import pydantic, typing\nx: typing.Annotated[int, pydantic.Field(ge=0)] = 3",
        "x: 'int' = 3",
        "x: dict[str, float] = {'a': 1}",
        "x: bool = True\n'a note'\n",
        "from typing import *\nx: int = -1",
    ],
)
def test_sound_cells_of_every_form_are_accepted(source):
    assert "x" in declared(source)


def test_whole_file_is_taken_without_sections(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("max_depth: 2\n")
    assert values(*read_parameters([file]))["max_depth"] == 2


def test_notebook_without_the_tag_has_no_parameters(make):
    assert inspect_parameters(make("a.ipynb", "x = 1")) == {}


def test_two_tagged_cells_are_refused(make, cells):
    path = make("a.ipynb", cells.code("x = 1", tags=["parameters"]), cells.code("y = 1", tags=["parameters"]))
    with pytest.raises(ParameterError, match=r"2 cells carry the tag"):
        inspect_parameters(path)


def test_unsound_cell_of_a_notebook_is_refused(make, cells):
    with pytest.raises(ParameterError, match=r"1 problem with the parameters"):
        inspect_parameters(make("a.ipynb", cells.code("x: int = 'a'", tags=["parameters"])))


def test_missing_notebook_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist"):
        inspect_parameters(tmp_path / "a.ipynb")


def test_file_that_is_no_notebook_is_told(tmp_path):
    (tmp_path / "a.ipynb").write_text("not json")
    with pytest.raises(ValueError, match=r"is not a notebook"):
        inspect_parameters(tmp_path / "a.ipynb")


TYPED = """from typing import Literal
rate: float = 0.5
count: int = 1
name: str | None = "x"
title: str = "x"
day: str = "x"
flag: bool = False
answer: Literal["yes", "no"] = "yes"
sizes: list[int] = []
any_value: object = 0"""


@pytest.mark.parametrize(
    ("name", "text"), [("count", "1:30"), ("count", "1.0"), ("rate", "1:30"), ("flag", "1")]
)
def test_text_that_the_type_does_not_take_is_refused(name, text):
    with pytest.raises(ParameterError, match=rf"- {name} \(-p {name}\): .*should be a valid"):
        check_values("n.ipynb", declared(TYPED), [(name, from_text(name, text))])
