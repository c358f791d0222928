"""The plans in docs/teaching.md are those that `mle teach plan` makes."""

import re

import pytest

from mlhelpers.course.commands.teach import main
from mlhelpers.course.files import find_root

ROOT = find_root(__file__)


def test_plans_in_the_guide_are_made_by_the_command(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["--check"]) == 0
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    assert len(re.findall("<!-- mle teach plan ", text)) == text.count("<!-- end of plan -->") >= 2
    assert text.count("| week | meeting |") >= 2


@pytest.fixture
def guide(course):
    file = course / "docs" / "teaching.md"
    file.parent.mkdir()
    file.write_text(
        "before\n<!-- mle teach plan --weeks 1 --from 2027-02-01 -->\nold\n<!-- end of plan -->\nafter\n"
    )
    return file


def test_plan_is_made_anew_by_the_command_that_stands_above_it(guide, capsys):
    assert main(["--check"]) == 1
    assert "a plan is out of date; run python -m mlhelpers.course.commands.teach" in capsys.readouterr().err
    assert main([]) == 0
    text = guide.read_text()
    assert text.startswith("before\n<!-- mle teach plan --weeks 1 --from 2027-02-01 -->\n| week | meeting |")
    assert text.endswith("<!-- end of plan -->\nafter\n")
    assert "old" not in text
    assert "1.1 What it is" in text
    assert main(["--check"]) == 0
