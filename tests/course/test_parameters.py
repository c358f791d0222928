"""What a parameters cell may declare, and which values fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def as_text(name, value):
    return name, from_text(name, value)


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


def test_values_arrive_in_the_declared_type():
    got = values(
        as_text("learning_rate", "1"), as_text("columns", "[age, region]"), as_text("seeds", "[3, 4]")
    )
    assert got == {"data": "x", "learning_rate": 1.0, "columns": ["age", "region"], "seeds": [3, 4]}
    assert isinstance(got["learning_rate"], float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_depth", "abc"),
        ("max_depth", "true"),
        ("max_depth", "6.5"),
        ("max_depth", "null"),
        ("model", "forest"),
        ("learning_rate", "0"),
        ("learning_rate", "1.5"),
        ("learning_rate", "true"),
        ("columns", "age"),
        ("columns", "[1]"),
        ("n_folds", "five"),
        ("seeds", "[1]"),
    ],
)
def test_values_that_do_not_fit_are_refused(name, value):
    with pytest.raises(ParameterError, match=rf"{name} \(-p {name}\)"):
        values(as_text(name, value))


def test_unknown_name_is_told_with_the_nearest_right_one():
    with pytest.raises(ParameterError, match=r"max_dept .*did you mean max_depth\?"):
        values(as_text("max_dept", "6"))


def test_unknown_name_far_from_all_lists_them():
    with pytest.raises(ParameterError, match=r"the notebook has data, max_depth"):
        values(as_text("zzz", "6"))


def test_value_for_a_notebook_without_parameters_is_unknown():
    with pytest.raises(ParameterError, match=r"no cell tagged 'parameters'"):
        check_values("a.ipynb", {}, [as_text("x", "1")])


def test_missing_required_parameter_is_told_with_the_option_to_add():
    with pytest.raises(ParameterError, match=r"data: required .*add -p data VALUE"):
        check_values("a.ipynb", declared(), [])


def test_all_problems_are_listed_at_once():
    with pytest.raises(ParameterError) as caught:
        check_values("a.ipynb", declared(), [as_text("max_depth", "x"), as_text("modle", "y")])
    assert len(caught.value.problems) == 3


def test_later_value_wins():
    assert values(as_text("max_depth", "3"), as_text("max_depth", "4"))["max_depth"] == 4


@pytest.mark.parametrize("value", ["007", "1e5", "true", "null", "2024-01-31", "on", "[a", "a: b: c"])
def test_text_for_a_string_parameter_stays_as_typed(value):
    assert values(as_text("data", value))["data"] == value


def test_value_that_yaml_cannot_hold_is_refused():
    with pytest.raises(ParameterError, match=r"not a plain YAML value"):
        values(("max_depth", Given({1, 2}, "argument")))


def test_place_inside_a_list_is_told():
    with pytest.raises(ParameterError, match=r"\[1\] should be a valid string"):
        values(("columns", Given(["a", 3], "argument")))


@given(st.integers(-(10**6), 10**6))
def test_integers_pass_unchanged(number):
    assert values(as_text("max_depth", str(number)))["max_depth"] == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_pass_exactly_when_in_range(number):
    entry = ("learning_rate", from_text("learning_rate", repr(number)))
    if 0 < number <= 1:
        assert values(entry)["learning_rate"] == number
    else:
        with pytest.raises(ParameterError):
            values(entry)


def test_exponents_without_a_dot_are_numbers():
    assert values(as_text("learning_rate", "1e-3"))["learning_rate"] == 0.001


def test_sections_of_a_file_are_taken_in_order(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("common: {max_depth: 2}\nstages:\n  train: {max_depth: 3, n_folds: 4}\nempty:\n")
    given = read_parameters([file], ["common", "stages.train", "empty"])
    assert values(*given) == {"data": "x", "max_depth": 3, "n_folds": 4}


def test_whole_file_is_taken_without_sections(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("max_depth: 2\n")
    assert values(*read_parameters([file]))["max_depth"] == 2


def test_wrong_value_in_a_file_is_told_with_file_and_section(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("train: {max_depth: deep}\n")
    with pytest.raises(ParameterError, match=r"max_depth \(.*params.yaml, section train\)"):
        values(*read_parameters([file], ["train"]))


@pytest.mark.parametrize(
    ("content", "sections", "message"),
    [
        ("train: {a: 1}", ["trian"], "has no section 'trian'; sections there: train"),
        ("train: 3", ["train.deep"], "has no section 'train.deep'; sections there: none"),
        ("train: 3", ["train"], "must hold `name: value` lines, not int"),
        ("- 1", [], "must hold `name: value` lines, not list"),
        ("a: [1", [], "not valid YAML"),
    ],
)
def test_unusable_parameter_files_are_told(tmp_path, content, sections, message):
    file = tmp_path / "params.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_parameters([file], sections)


def test_missing_parameters_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"params.yaml does not exist"):
        read_parameters([tmp_path / "params.yaml"])


def test_section_without_a_file_is_told():
    with pytest.raises(ValueError, match=r"add -f"):
        read_parameters([], ["train"])


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
    ("name", "text", "value"),
    [
        ("rate", "-1e-3", -0.001),
        ("rate", ".5", 0.5),
        ("rate", "010", 10.0),
        ("count", "010", 10),
        ("count", "08", 8),
        ("count", "0x1F", 31),
        ("name", "None", None),
        ("name", "null", None),
        ("title", "None", "None"),
        ("title", "Issue #12", "Issue #12"),
        ("title", "1:30", "1:30"),
        ("title", "a: b", "a: b"),
        ("title", "010", "010"),
        ("title", "[1, 2]", "[1, 2]"),
        ("title", "", ""),
        ("day", "2024-01-01", "2024-01-01"),
        ("flag", "true", True),
        ("flag", "no", False),
        ("answer", "no", "no"),
        ("sizes", "[010, 2]", [10, 2]),
        ("any_value", "1:30", "1:30"),
        ("any_value", "08", 8),
    ],
)
def test_declared_type_decides_what_a_text_of_the_command_line_means(name, text, value):
    found = check_values("n.ipynb", declared(TYPED), [(name, from_text(name, text))])[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"), [("count", "1:30"), ("count", "1.0"), ("rate", "1:30"), ("flag", "1")]
)
def test_text_that_the_type_does_not_take_is_refused(name, text):
    with pytest.raises(ParameterError, match=rf"- {name} \(-p {name}\): .*should be a valid"):
        check_values("n.ipynb", declared(TYPED), [(name, from_text(name, text))])


def test_numbers_of_a_file_are_read_as_dvc_reads_them(tmp_path):
    (tmp_path / "params.yaml").write_text("count: 010\ntitle: 1:30\nrate: 1e-3\n")
    read = dict(read_parameters([tmp_path / "params.yaml"]))
    assert [read[name].value for name in ("count", "title", "rate")] == [10, "1:30", 0.001]
