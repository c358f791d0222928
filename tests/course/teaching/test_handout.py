import re
from pathlib import Path

from mlhelpers.course.commands.cli import main
from mlhelpers.course.files import find_root
from mlhelpers.course.syllabus import load_syllabus
from mlhelpers.course.teaching.handout import make_handout

ROOT = find_root(Path(__file__).parent)
SYLLABUS = load_syllabus(ROOT)
WRITTEN = [lesson for lesson in SYLLABUS if lesson.written]
OUTSIDE = re.compile(r"""(?:\bsrc|\bhref)=["']?(?!data:|#|["'])|url\((?!["']?data:)|@import|<link\b""")


def body(page):
    """The page without reveal.js and the style sheets."""
    return re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)


def visible(page):
    """Text of the slides, without the speaker's notes."""
    page = re.sub(r'<aside class="notes">.*?</aside>', "", body(page), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_handout_has_objectives_map_summary_and_questions_but_no_answer(lesson):
    page = make_handout(lesson)
    parts = ["<li>See it</li>", '<div class="root">It</div>', 'alt="x^2"', "Why?", "30 minutes, notebooks/"]
    for part in parts:
        assert part in page
    assert "Because" not in page and "We look at it." in page


def test_handouts_of_all_lessons_fit_a_page_and_need_no_network():
    for lesson in WRITTEN:
        page = make_handout(ROOT / "notebooks" / lesson.file)
        assert not OUTSIDE.search(page.replace('href="https://', "#")), lesson.number
        text = visible(page)
        assert len(text) < 3400, lesson.number  # what one A4 page holds at this size of type


def test_handout_of_something_else_is_refused(course, make, capsys):
    assert main(["lesson", "handout", str(make("a.ipynb", "1"))]) == 1
    assert "is no lesson" in capsys.readouterr().err
