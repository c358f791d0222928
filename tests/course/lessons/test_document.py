import pytest

from mlhelpers.course.lessons.document import plain, sentences


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
