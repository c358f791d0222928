"""Every rule is silent on a good lesson and fires on the fault it is for."""

import json
import re

import pytest
from nbformat.v4 import new_output

from mlhelpers.course.commands.cli import main
from mlhelpers.course.lessons import lint_code, lint_prose, lint_structure
from mlhelpers.course.lessons.document import RULES, plain, sentences
from mlhelpers.course.lessons.lint import check_lesson

FRONT = "40 min · after 1.1 · helpers: mlhelpers.data.quality · [![Binder](../../docs/images/binder.svg)](https://mybinder.org/v2)"
MAP = f"""## Map

The map shows the kinds of gaps and what to do about each.

```mermaid
{lint_structure.MAP_STYLE}
mindmap
  root((Missing data))
    Mechanisms
      MCAR
      MAR
      MNAR
    Repairs
      Drop
      Impute
      Flag
```"""
ANSWER = "<details><summary>Answer</summary>\n\nIt holds.\n\n</details>"


@pytest.fixture
def good(cells):
    """Cells of a lesson that breaks no rule."""
    t, c = cells.text, cells.code
    steps = [
        cell
        for n in range(4)
        for cell in (t(f"We look at part {n}:"), c(f"part = {n}\nprint(part)", f"{n}\n"))
    ]
    return [
        t(f"# 2.1 Missing data\n\nAfter this lesson a gap in a table is no surprise.\n\n{FRONT}"),
        t("## What you will learn\n\n- Score a table\n- Name the mechanisms\n- Impute inside the split"),
        t(MAP),
        t("## The question\n\nA provider loses customers. Its table has gaps. Which of them matter?"),
        *steps,
        t("The bars show the share of gaps by column:"),
        c("ax = draw()", cells.figure()),
        t("## The common way, and how it fails\n\nThe mean is biased by roughly 4.2%, lesson 1.1 shows why."),
        c("bias = 0.042\nassert 0.03 < bias < 0.05"),
        t("Machine and time differ, so the next output is not compared."),
        t("## By hand, then with the helper\n\nBoth agree."),
        c("assert by_hand == helper"),
        t("## In production\n\nMore rows arrive. The check runs daily. It costs seconds."),
        t("## Check yourself\n\n" + "\n\n".join(f"{n}. Why?\n\n{ANSWER}" for n in (1, 2, 3))),
        t("## Exercise\n\n[Exercise 2.1](../../exercises/02_data/missing.ipynb)"),
        t("## Summary\n\n- The bias is 4.2%.\n- A gap may be a signal.\n- Flag it."),
        t("## References\n\n- Dive into Deep Learning, a book."),
        t("## Next\n\n2.2 Cleaning."),
    ]


@pytest.fixture
def check(course, store):
    """Store cells as lesson 2.1, change the stored notebook's text, and return the codes found."""
    target = course / "exercises" / "02_data" / "missing.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text("{}")
    badge = course / "docs" / "images" / "binder.svg"
    badge.parent.mkdir(parents=True)
    badge.write_text("<svg/>")

    def run(notebook_cells, *, name="notebooks/02_data/01_missing_data.ipynb"):
        path = store(course / name, notebook_cells)
        return {finding.code for finding in check_lesson(path)}

    return run


def replace(old, new):
    def change(cells, makers):
        hits = [cell for cell in cells if old in cell.source]
        assert hits, old
        hits[0].source = hits[0].source.replace(old, new, 1)

    return change


def code_cell(change):
    """Change the first plain code cell."""

    def apply(cells, makers):
        cell = next(cell for cell in cells if cell.cell_type == "code")
        change(cell, makers)

    return apply


def output(text, kind="stdout"):
    return code_cell(lambda cell, makers: cell.update(outputs=[new_output("stream", name=kind, text=text)]))


def set_output(make):
    return code_cell(lambda cell, makers: cell.update(outputs=[make(makers)]))


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


def tag_ignored(count, *, start=0):
    def change(cells, makers):
        plain_cells = [cell for cell in cells if cell.cell_type == "code"]
        for cell in plain_cells[start : start + count]:
            cell.metadata["tags"] = ["nbval-ignore-output"]

    return change


def uncaption(cells, makers):
    place = next(n for n, cell in enumerate(cells) if cell.source.startswith("The bars show"))
    cells[place].source = "Figure"


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
    ("L020", replace("part = 0", "\n".join(f"x{n} = {n}" for n in range(16)))),
    ("L020", replace("ax = draw()", "\n".join(f"x{n} = {n}" for n in range(26)))),
    ("L021", replace("print(part)", "print(part);  # quiet")),
    ("L023", output("UserWarning: old", "stderr")),
    ("L024", set_output(lambda make: new_output("error", ename="E", evalue="no", traceback=[]))),
    ("L025", output("saved to /tmp/ada/model.bin\n")),
    ("L025", output("saved to C:\\Users\\ada\n")),
    ("L026", set_output(lambda make: new_output("display_data", {"text/plain": "<Axes at 0x7f16a9b3c1d0>"}))),
    ("L027", set_output(lambda make: make.figure(400, 300))),
    ("L028", tag_ignored(2, start=5)),
    ("L029", tag_ignored(1)),
    ("L030", uncaption),
    ("L032", set_output(lambda make: new_output("display_data", {"text/html": '<table id="T_0a1b2">'}))),
    ("L033", output("x" * 121 + "\n")),
    ("L040", replace("Both agree.", "Let's delve into both.")),
    ("L041", replace("Both agree.", "Both agree!")),
    ("L042", replace("We look at part 0:", "We find 71.5 at once:")),
    ("L042", replace("- The bias is 4.2%.", "- The bias is 4.9%.")),
    ("L043", replace("Both agree.", "[Both](/tmp/ada/a.md) agree.")),
    ("L043", replace("Both agree.", "[Both](http://localhost:8888/a) agree.")),
    ("L044", replace("Both agree.", "[Both](../nowhere.md) agree.")),
    ("L045", replace("Both agree.", "![](../../docs/images/binder.svg) Both agree.")),
    ("L046", replace("Both agree.", r"Both cost \\$5.")),
    ("L047", replace("Both agree.", "![a](https://x.org/a.png) Both agree.")),
    ("L047", replace("Both agree.", '<img alt="a" src="https://x.org/a.png"> Both agree.')),
    ("L006", replace(lint_structure.MAP_STYLE, "%% no style")),
    ("L045", replace("Both agree.", '<img src="../../docs/images/binder.svg"> Both agree.')),
]


def test_good_lesson_breaks_no_rule(good, check):
    assert check(good) == set()


@pytest.mark.parametrize(
    ("rule", "change"), FAULTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(FAULTS)]
)
def test_rule_fires_on_its_fault(rule, change, good, cells, check):
    change(good, cells)
    assert rule in check(good)


def test_cells_out_of_order_are_found(good, check, course):
    check(good)
    path = course / "notebooks/02_data/01_missing_data.ipynb"
    path.write_text(path.read_text().replace('"execution_count": 3', '"execution_count": 30'))
    codes = {finding.code for finding in check_lesson(path)}
    assert {"L022", "L031"} == codes


def test_every_rule_is_tested():
    assert set(RULES) == {code for code, _ in FAULTS} | {"L022", "L031", "L034", "L035"}


def test_every_rule_says_what_it_wants():
    for module in (lint_structure, lint_code, lint_prose):
        for code, (_, function) in RULES.items():
            if function.__module__ == module.__name__:
                assert function.__doc__, code


@pytest.mark.parametrize(
    "change",
    [
        tag_ignored(1, start=5),
        replace("Both agree.", "Both agree, see `a != b!` and $p < 0.05$ and ```x = 0.73```."),
        replace("Both agree.", "The 95% interval holds in lesson 2.1 and with Python 3.11 too."),
        replace("Both agree.", "Both agree, [here](#summary), [there](../syllabus.yml) and [out](https://x.org)."),
        replace("print(part)", 'print("a;")  # text\nsql = """SELECT 1;\n"""'),
        replace("print(part)", "%matplotlib inline"),
        replace("print(part)", "if (")
    ],
)  # fmt: skip
def test_allowed_forms_break_no_rule(change, good, cells, check):
    change(good, cells)
    assert check(good) == set()


def test_numbers_that_are_given_need_no_assertion(good, cells, check):
    good[4] = cells.text("A contact costs 7.5 dollars.", tags=["given-numbers"])
    assert check(good) == set()


def test_alt_text_may_stand_in_the_metadata(good, cells, check):
    uncaption(good, cells)
    next(cell for cell in good if cell.source == "ax = draw()").metadata["alt"] = "Bars of gaps by column."
    assert check(good) == set()


def test_wide_text_beside_a_table_is_not_shown_and_allowed(good, cells, check):
    set_output(lambda make: new_output("display_data", {"text/html": "<table>", "text/plain": "x" * 200}))(
        good, cells
    )
    assert check(good) == set()


def test_exception_that_the_lesson_means_is_allowed(good, cells, check):
    set_output(lambda make: new_output("error", ename="E", evalue="no", traceback=[]))(good, cells)
    next(cell for cell in good if cell.cell_type == "code").metadata["tags"] = ["raises-exception"]
    assert check(good) == set()


def test_vector_figures_count_too(good, cells, check):
    set_output(lambda make: new_output("display_data", {"image/svg+xml": "x" * 100_001}))(good, cells)
    assert check(good) == {"L027"}


def test_lesson_that_the_syllabus_does_not_have_is_told(good, check):
    assert "L001" in check(good, name="notebooks/02_data/09_other.ipynb")


def test_headings_inside_code_blocks_are_no_sections(good, cells, check):
    good[4] = cells.text("We write a comment:\n\n```python\n## Summary\n```\n\nand go on.")
    assert check(good) == set()


def test_start_notebook_has_no_lesson_parts_but_is_checked(cells, check):
    start = [cells.text("# Start\n\nThis page is for beginners."), cells.code("1")]
    assert check(start, name="notebooks/00_start_here.ipynb") == set()
    start[0].source += "\n\nWow!"
    assert check(start, name="notebooks/00_start_here.ipynb") == {"L041"}


def test_pipeline_stage_needs_a_sound_parameters_cell_and_stored_outputs(cells, store, make, course):
    def stage(name, *body):
        return check_lesson(store(course / f"pipelines/churn/{name}.ipynb", list(body)))

    title = cells.text("# Train")
    assert stage("04_train", title, cells.code("x: int = 1", tags=["parameters"])) == []
    many = "\n".join(f"x{n}: int = {n}" for n in range(40))
    assert stage("07_a", title, cells.code(many, tags=["parameters"])) == []
    wrong = stage("05_x", title, cells.code("x: int = 'a'", tags=["parameters"]))
    assert [finding.code for finding in wrong] == ["L034"]
    none = stage("06_y", cells.text("Y"), cells.code("plt.plot()"))
    assert [finding.code for finding in none] == ["L034", "L001"]
    unrun = make("pipelines/churn/08_z.ipynb", title, cells.code("x: int = 1", tags=["parameters"]))
    assert "L022" in {finding.code for finding in check_lesson(unrun)}


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
    replace("Both agree.", "Both agree!")(good, cells)
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


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two? Three.", 3),
        ("Roughly 0.5 of e.g. this. Next", 1),
        ("We see:\n", 1),
        ("# Title\n\nFirst: second.", 1),
        ("`a. b.`", 0),
    ],
)
def test_sentences_are_counted_as_a_reader_does(text, count):
    assert sentences(text) == count


def test_prose_is_what_remains_without_code_formulas_and_targets():
    text = "A [link](x!y) ![pic](z) `code!` $a=1$ <b>bold</b>\n```\nblock!\n```\n<!-- note! -->"
    assert plain(text).split() == ["A", "link", "pic", "bold"]


@pytest.mark.parametrize(
    "source",
    [
        'frame.sort_values("score")',
        'frame.sort_values(by="score", ascending=False).head(3)',
        "series.sort_values()",
        "np.argsort(scores)[::-1]",
        "scores.argsort()",
        'frame.sort_values(["score"])',
        "np.argpartition(scores, 3)",
        "TfidfVectorizer(ngram_range=(1, 2), max_features=100)",
    ],
)
def test_sort_that_leaves_ties_to_the_processor_is_found(good, check, cells, source):
    code_cell(lambda cell, makers: cell.update(source=source))(good, cells)
    assert "L035" in check(good)


@pytest.mark.parametrize(
    "source",
    [
        'frame.sort_values("score", kind="stable")',
        'frame.sort_values(["score", "id"])',
        'np.argsort(scores, kind="stable")',
        '"a b".partition(" ")',
        'frame.nlargest(3, "score")',
        "TfidfVectorizer(min_df=2)",
        "%time frame.sort_values()",
    ],
)
def test_sort_with_a_total_order_is_good(good, check, cells, source):
    code_cell(lambda cell, makers: cell.update(source=source))(good, cells)
    assert "L035" not in check(good)
