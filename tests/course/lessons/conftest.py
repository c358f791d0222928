"""A lesson that breaks no rule, and the codes of the rules that a changed one breaks."""

import pytest

from mlhelpers.course.lessons import lint_structure
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
HIDDEN = {"source_hidden": True}
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
        c("bias = 0.042"),
        c("# check: what the text says\nassert 0.03 < bias < 0.05", tags=["check"], jupyter=HIDDEN),
        t("We read the table once more, row by row. " * 170),
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
