"""A good lesson breaks no rule; each kind of notebook gets its rules; `mle lesson check` tells what to do."""

import json
import re

from mlhelpers.course.commands.cli import main
from mlhelpers.course.lessons.lint import check_lesson


def test_good_lesson_breaks_no_rule(good, check):
    assert check(good) == set()


def test_start_notebook_has_no_lesson_parts_but_is_checked(cells, check):
    start = [cells.text("# Start\n\nThis page is for beginners."), cells.code("1")]
    assert check(start, name="notebooks/00_start_here.ipynb") == set()
    start[0].source += "\n\nWow!"
    assert check(start, name="notebooks/00_start_here.ipynb") == {"L041"}


def test_other_notebooks_get_the_rules_on_code_and_prose(cells, store, course, tmp_path_factory):
    inside = store(course / "exercises/a.ipynb", [cells.text("# A\n\nDone!"), cells.code("1")])
    outside = store(tmp_path_factory.mktemp("else") / "a.ipynb", [cells.text("# A"), cells.code("1")])
    assert [finding.code for finding in check_lesson(inside)] == ["L041"]
    assert check_lesson(outside) == []


def test_empty_notebook_is_told(store, course):
    assert {f.code for f in check_lesson(store(course / "notebooks/02_data/01_missing_data.ipynb", []))} >= {
        "L001",
        "L012",
    }


def test_command_names_cell_code_and_what_to_do(good, cells, check, capsys):
    next(cell for cell in good if "Both agree." in cell.source).source += "!"
    check(good)
    file = "notebooks/02_data/01_missing_data.ipynb"
    assert main(["lesson", "check", file]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{file}: cell \d+: L041 no exclamation marks in prose", lines[0])
    assert lines[1] == f"{file}: 1 to repair"
    assert main(["lesson", "check", "--json", file]) == 1
    assert json.loads(capsys.readouterr().out)[file][0]["code"] == "L041"


def test_command_is_content_with_a_good_lesson(good, check, capsys):
    check(good)
    assert main(["lesson", "check", "notebooks/02_data/01_missing_data.ipynb"]) == 0
    assert capsys.readouterr().out.endswith(": ok\n")
