"""Every rule on the parts of a lesson is silent on a good one and fires on the fault it is for."""

import pytest

from mlhelpers.course.files import read_notebook
from mlhelpers.course.lessons import lint_structure
from mlhelpers.course.lessons.document import RULES
from mlhelpers.course.lessons.lint import check_lesson
from mlhelpers.course.normal_form import dumps

FRONT = "40 min · after 1.1 · helpers: mlhelpers.data.quality · [![Binder](../../docs/images/binder.svg)](https://mybinder.org/v2)"
HIDDEN = {"source_hidden": True}
ANSWER = "<details><summary>Answer</summary>\n\nIt holds.\n\n</details>"


def replace(old, new):
    def change(cells, makers):
        hits = [cell for cell in cells if old in cell.source]
        assert hits, old
        hits[0].source = hits[0].source.replace(old, new, 1)

    return change


def drop(heading):
    def change(cells, makers):
        cells[:] = [cell for cell in cells if not cell.source.startswith(heading)]

    return change


def swap(cells, makers):
    cells[-2], cells[-3] = cells[-3], cells[-2]


def move_common_way(cells, makers):
    place = next(n for n, cell in enumerate(cells) if cell.source.startswith("## The common way"))
    cells.insert(len(cells) - 1, cells.pop(place))


def many(makers_cells):
    def change(cells, makers):
        cells[5:5] = makers_cells(makers)

    return change


FAULTS = [
    ("L001", replace("# 2.1 Missing data", "# 2.1 Missing values")),
    ("L002", replace("After this lesson a gap in a table is no surprise.", "")),
    ("L003", replace("40 min", "41 min")),
    ("L003", replace(FRONT, "")),
    ("L003", replace(" · [![Binder](../../docs/images/binder.svg)](https://mybinder.org/v2)", "")),
    ("L004", drop("## In production")),
    ("L004", drop("## By hand")),
    ("L004", swap),
    ("L004", move_common_way),
    ("L005", replace("- Score a table\n", "")),
    ("L006", replace("    Mechanisms\n      MCAR\n      MAR\n      MNAR\n", "")),
    ("L006", replace("mindmap", "flowchart LR")),
    ("L006", replace(lint_structure.MAP_STYLE, "%% no style")),
    ("L006", replace("The map shows the kinds of gaps and what to do about each.", "")),
    ("L007", replace("A provider loses customers. ", "")),
    ("L008", replace(ANSWER, "")),
    ("L008", replace("</details>", "")),
    ("L009", replace("[Exercise 2.1](../../exercises/02_data/missing.ipynb)", "Soon.")),
    ("L010", replace("- Flag it.", "")),
    ("L011", replace("Both agree.", "TODO")),
    ("L012", many(lambda make: [make.text(f"More, {n}.") for n in range(30)])),
    ("L013", many(lambda make: [make.code(f"more = {n}") for n in range(12)])),
    ("L014", replace("More rows arrive. ", "")),
    ("L015", replace("- Dive into Deep Learning, a book.", "")),
    ("L016", replace("2.2 Cleaning.", "More.")),
    ("L017", replace("## Summary", "## Exercise\n\nx\n\n## Summary")),
    ("L018", replace("We read the table once more, row by row. " * 170, "We read the table once.")),
    ("L018", many(lambda make: [make.text("We read the table again. " * 300)])),
    ("L019", replace("The mean is biased", "".join(f"### Trap {n}\n\nIt is biased.\n\n" for n in range(4)))),
]


@pytest.mark.parametrize(
    ("rule", "change"), FAULTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(FAULTS)]
)
def test_rule_fires_on_its_fault(rule, change, good, cells, check):
    change(good, cells)
    assert rule in check(good)


def test_every_rule_is_tested_and_says_what_it_wants():
    rules = {code: rule for code, (_, rule) in RULES.items() if rule.__module__ == lint_structure.__name__}
    assert set(rules) == {code for code, _ in FAULTS}
    assert all(rule.__doc__ for rule in rules.values())


def test_lesson_that_the_syllabus_does_not_have_is_told(good, check):
    assert "L001" in check(good, name="notebooks/02_data/09_other.ipynb")


def test_reason_in_the_metadata_excuses_a_long_lesson(good, cells, check, course):
    good.insert(5, cells.text("We read the table again. " * 300))
    assert check(good) == {"L018"}
    path = course / "notebooks" / "02_data" / "01_missing_data.ipynb"
    notebook = read_notebook(path)
    notebook.metadata["mle"] = {"reasons": {"L018": "two data sets are compared"}}
    path.write_text(dumps(notebook), encoding="utf-8", newline="\n")
    assert check_lesson(path) == []


def test_check_cells_are_not_counted(good, cells, check):
    good[6:6] = [
        cells.code(f"# check: what the text says\nassert part < {n}", tags=["check"], jupyter=HIDDEN)
        for n in range(2, 32)
    ]
    assert check(good) == set()


def test_headings_inside_code_blocks_are_no_sections(good, cells, check):
    good[4] = cells.text("We write a comment:\n\n```python\n## Summary\n```\n\nand go on.")
    assert check(good) == set()
