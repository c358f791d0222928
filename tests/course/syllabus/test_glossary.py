import pytest

from mlhelpers.course.files import read_notebook
from mlhelpers.course.syllabus import glossary, load_syllabus
from mlhelpers.course.syllabus.glossary import (
    Term,
    link_notebook,
    link_text,
    load_glossary,
    problems,
    render,
)

RECALL = Term(term="recall", text="Share of the positives that are found.", lesson="1.1")
GAIN = Term(
    term="net benefit", text="What decisions earn minus what they cost.", lesson="1.1", also=("net benefits",)
)
YAML = """
- term: recall
  text: Share of the positives that are found.
  lesson: "1.1"
- term: Cramér's V
  text: Association of two categorical columns.
  lesson: "2.1"
"""


@pytest.fixture
def written(course, store, cells):
    (course / "notebooks" / "glossary.yml").write_text(YAML, encoding="utf-8")
    lesson = store(
        course / "notebooks/01_foundations/01_what_it_is.ipynb",
        [cells.text("# 1.1 Recall"), cells.text("We measure recall, then recall again."), cells.code("1")],
    )
    return course, lesson


def test_first_mention_is_linked_once():
    text, linked = link_text("Recall is a share. More recall is better.", [RECALL])
    assert text == "[Recall](../glossary.md#recall) is a share. More recall is better."
    assert linked == [RECALL]


@pytest.mark.parametrize(
    "text",
    [
        "# Recall",
        "`recall`",
        "[recall](a.md)",
        "```\nrecall\n```",
        "recalled",
        "<b title='recall'>",
        "$recall$",
    ],
)
def test_code_links_headings_and_longer_words_are_left_alone(text):
    assert link_text(text, [RECALL]) == (text, [])


def test_longer_terms_and_other_forms_come_first():
    text, linked = link_text("Net benefits beat recall.", [RECALL, GAIN])
    assert text == "[Net benefits](../glossary.md#net-benefit) beat [recall](../glossary.md#recall)."
    assert linked == [GAIN, RECALL]


def test_entries_are_sorted_and_their_anchors_are_plain(written):
    terms = load_glossary(written[0])
    assert [term.anchor for term in terms] == ["cramérs-v", "recall"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            "- term: recall\n  text: Another text that is long enough.\n  lesson: '1.1'\n",
            "there twice: recall",
        ),
        ("- term: x\n  text: Too short a term, long enough a text.\n  lesson: '1.1'\n", "entry 'x'"),
        ("- just words\n", "entry 'just words'"),
    ],
)
def test_wrong_entries_are_named(written, extra, message):
    path = written[0] / "notebooks" / "glossary.yml"
    path.write_text(YAML + extra, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_glossary(written[0])


def test_missing_file_is_named(course):
    with pytest.raises(FileNotFoundError, match=r"glossary.yml is missing"):
        load_glossary(course)


def test_page_links_written_lessons_only(written):
    page = render(load_glossary(written[0]), load_syllabus(written[0]))
    assert (
        "## recall\n\nShare of the positives that are found. Lesson [1.1 What it is](01_foundations/" in page
    )
    assert "Lesson 2.1 Missing data." in page


def test_linking_a_lesson_keeps_its_outputs_and_happens_once(written):
    course, lesson = written
    terms = load_glossary(course)
    assert [term.term for term in link_notebook(lesson, terms)] == ["recall"]
    assert "[recall](../glossary.md#recall), then recall" in read_notebook(lesson).cells[1].source
    before = lesson.read_bytes()
    assert link_notebook(lesson, terms) == []
    assert lesson.read_bytes() == before


def test_problems_tell_what_to_do(written, monkeypatch, capsys, store, cells):
    course, lesson = written
    monkeypatch.chdir(course)
    found = list(problems(course))
    assert found[0].startswith("glossary.md is out of date")
    assert "defines 'recall' but does not link it" in found[1]
    assert glossary.main(["--check"]) == 1
    assert glossary.main(["--link", str(lesson)]) == 0
    assert "linked recall" in capsys.readouterr().out
    assert glossary.main(["--check"]) == 0
    store(
        lesson, [cells.text("# 1.1"), cells.text("[a](../glossary.md#recall) [b](../glossary.md#precision)")]
    )
    assert list(problems(course)) == [
        "01_foundations/01_what_it_is.ipynb: links 'precision', which no entry explains"
    ]


def test_terms_need_a_lesson_of_the_syllabus(written):
    course, _ = written
    path = course / "notebooks" / "glossary.yml"
    path.write_text(YAML.replace('"2.1"', '"9.9"'), encoding="utf-8")
    assert "Cramér's V: there is no lesson 9.9" in list(problems(course))


def test_text_below_a_heading_is_linked():
    assert link_text("# Title\n\nOn recall.", [RECALL])[0] == "# Title\n\nOn [recall](../glossary.md#recall)."
