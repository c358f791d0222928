"""Prose as points, maps and formulas that need no network."""

import re

import pytest

from mlhelpers.course.teaching.pages import (
    formula_html,
    lead,
    map_html,
    offline,
    paragraphs,
    questions,
    read_map,
)

MAP = """mindmap
  root((A table))
    Columns & types
      Kinds
        Deeper
      [Keys]
    Rows
"""


def test_map_is_read_with_its_shapes_and_depths():
    root = read_map(MAP)
    assert root.text == "A table"
    assert [branch.text for branch in root.below] == ["Columns & types", "Rows"]
    assert [leaf.text for leaf in root.below[0].below] == ["Kinds", "Keys"]
    assert root.below[0].below[0].below[0].text == "Deeper"


def test_directives_and_comments_of_a_map_are_no_nodes():
    assert read_map('%%{init: {"theme": "base"}}%%\n' + MAP) == read_map(MAP)


@pytest.mark.parametrize("source", ["", "mindmap\n", "flowchart TB\n  a --> b\n"])
def test_other_diagrams_are_refused(source):
    with pytest.raises(ValueError, match="no mermaid `mindmap`"):
        read_map(source)


def test_map_becomes_html_on_one_line():
    shown = map_html(read_map(MAP))
    assert "\n" not in shown
    assert "<b>Columns &amp; types</b><ul><li>Kinds<ul><li>Deeper</li></ul></li>" in shown


def test_offline_text_keeps_web_links_and_code_and_draws_the_rest():
    text = offline(
        f"See [term](../glossary.md#term), [site](https://example.org) and $x^2$; `$x$` costs 5 USD.\n\n"
        f"```mermaid\n{MAP}```\n"
    )
    assert "See term, [site](https://example.org)" in text
    assert "`$x$`" in text
    assert '<div class="root">A table</div>' in text
    assert text.count('<img class="formula" alt="x^2"') == 1


@pytest.mark.parametrize("tex", [r"\sqrt{1 - e^{-2I}}", r"\frac{b}{1-b} \cdot \text{false alarm},", r"\pi"])
def test_formula_is_a_picture_with_its_source_as_text(tex):
    shown = formula_html(tex)
    assert shown.startswith("<img ")
    height = float(re.search(r"height:([\d.]+)em", shown)[1])
    assert 0.5 < height < 4
    assert "data:image/svg+xml;base64," in shown


def test_display_formula_is_a_paragraph_and_one_that_cannot_be_drawn_is_code():
    assert formula_html("x", display=True).strip().startswith("<p><img")
    assert formula_html(r"\nosuchcommand{x}") == r"<code>\nosuchcommand{x}</code>"


def test_fences_and_details_stay_whole():
    text = "one\n\n```python\na\n\nb\n```\n\n<details><summary>A</summary>\n\nyes\n\n</details>\n\n- a\n- b"
    assert [part[:3] for part in paragraphs(text)] == ["one", "```", "<de", "- a"]
    assert paragraphs(text)[1].endswith("b\n```")
    assert paragraphs("") == []


@pytest.mark.parametrize(
    ("paragraph", "first"),
    [
        ("A long first sentence says what the result is about here. More.", 57),
        ("**Step 1: put rows aside, as long as nobody has seen them.** More of it.", 60),
        ("It holds. Among the whole numbers two are not quantities. More.", 57),
        ("The error of e.g. a hasty look is larger than 0.5 points in all groups. More.", 71),
        ("It stops at `a. b` and the sentence goes on until it really ends. More.", 65),
        ("no end at all", 13),
        ("- a list. Of two\n- entries. And more of it, longer than a sentence is.", 70),
    ],
)
def test_lead_is_the_first_sentence_that_says_something(paragraph, first):
    assert lead(paragraph) == paragraph[:first]


def test_questions_and_answers_are_told_apart():
    first = "1. Why?\n\n<details><summary>Answer</summary>\n\nSo.\n\n</details>\n\n"
    text = first + "2. How\n   long?\n\n<details>x</details>"
    assert list(questions(text)) == [("Why?", "So."), ("How\n   long?", "x")]


def test_other_diagrams_are_shown_as_their_source():
    assert offline("```mermaid\nflowchart TB\n  a --> b\n```") == "```text\nflowchart TB\n  a --> b\n```"
