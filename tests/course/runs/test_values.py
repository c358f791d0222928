"""What a parameters cell may declare, and which values fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.course.runs.parameters import ParameterError, parse_cell
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


def values(*pairs, source=CELL):
    return check_values("04_train.ipynb", declared(source), [("data", Given("x", "test")), *pairs])


def as_text(name, value):
    return name, from_text(name, value)


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


def test_numbers_of_a_file_are_read_as_dvc_reads_them(tmp_path):
    (tmp_path / "params.yaml").write_text("count: 010\ntitle: 1:30\nrate: 1e-3\n")
    read = dict(read_parameters([tmp_path / "params.yaml"]))
    assert [read[name].value for name in ("count", "title", "rate")] == [10, "1:30", 0.001]
