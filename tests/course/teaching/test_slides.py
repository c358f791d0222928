"""Slides and handouts of lessons: without code, checks and network."""

import re
from pathlib import Path

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.files import find_root
from mlhelpers.course.lessons.document import load_document
from mlhelpers.course.syllabus import load_syllabus
from mlhelpers.course.teaching.handout import make_handout
from mlhelpers.course.teaching.slides import make_slides, outline, without_checks

ROOT = find_root(Path(__file__).parent)
SYLLABUS = load_syllabus(ROOT)
WRITTEN = [lesson for lesson in SYLLABUS if lesson.written]
LESSON = ROOT / "notebooks" / SYLLABUS.lesson("2.3").file
OUTSIDE = re.compile(r"""(?:\bsrc|\bhref)=["']?(?!data:|#|["'])|url\((?!["']?data:)|@import|<link\b""")


def body(page):
    """The page without reveal.js and the style sheets."""
    return re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)


def visible(page):
    """Text of the slides, without the speaker's notes."""
    page = re.sub(r'<aside class="notes">.*?</aside>', "", body(page), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_slides_show_results_without_code_or_checks(lesson):
    page = make_slides(lesson)
    text = visible(page)
    assert "assert" not in body(page) and "print" not in text and "draw(x)" not in text
    assert "The result is two, as everybody expected before it was computed." in text
    assert "It is even." not in text and "It is even." in page  # in the notes
    assert re.search(r'<img alt="A gray square" src="data:image/png;base64,\w', page)
    assert "What is it that we look at" in text
    assert "A book." not in text and "Exercise" not in text and "Binder" not in page


def test_code_is_shown_on_request_without_its_assertions(lesson):
    page = body(make_slides(lesson, code=True))
    assert "draw" in page and "print" in page
    assert "assert" not in page


def test_answers_stay_closed_and_maps_and_formulas_are_drawn(lesson):
    page = body(make_slides(lesson))
    assert re.search(r"<details><summary>Answer</summary>\s*<p>Because\.</p>\s*</details>", page)
    assert "mermaid" not in page and '<div class="root">It</div>' in page
    assert 'alt="x^2" class="formula"' in page


def test_sections_of_one_cell_share_no_results(lesson):
    slides = outline(load_document(lesson))
    assert [slide.title for slide in slides if slide.results] == ["The question"] * 2
    assert [slide.title for slide in slides if slide.top] == [
        "1.1 What it is", "What you will learn", "Map", "The question", "Check yourself", "Summary", "Next",
    ]  # fmt: skip


def test_same_lesson_gives_the_same_page(lesson):
    assert make_slides(lesson) == make_slides(lesson)
    assert make_handout(lesson) == make_handout(lesson)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("assert a\nb", "b"),
        ("b\nassert (\n    a\n), 'why'\nc", "b\nc"),
        ("assert a", ""),
        ("if a:\n    assert b\nc", "if a:\n    assert b\nc"),
        ("%timeit a\nassert b", "%timeit a\nassert b"),
    ],
)
def test_assertions_are_taken_out_where_the_rest_still_is_python(source, kept):
    assert without_checks(source) == kept


def test_slides_of_a_real_lesson_need_no_network():
    page = make_slides(LESSON)
    outside = [page[m.start() : m.start() + 60] for m in OUTSIDE.finditer(body(page))]
    assert outside == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert not OUTSIDE.search(styles)
    assert "Reveal.initialize" in page
    assert page.count("<section") > 30


def test_every_written_lesson_has_an_outline_that_fits():
    for lesson in WRITTEN:
        slides = outline(load_document(ROOT / "notebooks" / lesson.file))
        assert 12 < len(slides) < 50, lesson.number
        assert {"Map", "Summary", "Check yourself"} <= {slide.title for slide in slides}
        assert all(len(slide.results) <= 1 for slide in slides), lesson.number


def test_commands_write_beside_or_where_they_are_told(lesson, course, capsys):
    assert main(["lesson", "slides", "1.1"]) == 0
    assert main(["lesson", "handout", "1.1", "-o", "pages"]) == 0
    assert main(["lesson", "handout", "1.1", "-o", "one.html"]) == 0
    names = ["01_what_it_is.slides.html", "pages/01_what_it_is.handout.html", "one.html"]
    assert capsys.readouterr().out.splitlines() == names
    assert all((course / name).stat().st_size > 1000 for name in names)
    assert main(["lesson", "slides", "1.1", "1.1", "-o", "one.html"]) == 1
    assert "one.html is one file for 2 lessons" in capsys.readouterr().err
    assert main(["lesson", "slides", "2.1"]) == 1
    assert "lesson 2.1 Missing data is planned" in capsys.readouterr().err
