from mlhelpers.data.synthetic import words
from mlhelpers.data.synthetic.common import stream


def test_a_typo_changes_one_long_word_by_at_most_one_letter():
    choose, sentence = words.Chooser(stream(5, 1)), "the battery is terrible"
    for _ in range(300):
        changed = choose.typo(sentence)
        different = [(a, b) for a, b in zip(sentence.split(), changed.split(), strict=True) if a != b]
        assert len(different) <= 1
        assert all(len(a) > 4 and abs(len(a) - len(b)) <= 1 for a, b in different)


def test_a_text_without_long_words_gets_no_typo():
    assert words.Chooser(stream(5, 2)).typo("it is so so") == "it is so so"


def test_templates_are_filled_from_their_pools():
    text = words.Chooser(stream(5, 3)).fill("code {nnn} for {name}", {"name": ["Kim"]})
    assert text.startswith("code ") and text.endswith(" for Kim")
    assert 100 <= int(text.split()[1]) <= 999
