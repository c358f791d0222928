import pytest

from mlhelpers.validation.stress import change_case, lengthen, misspell, negate

TEXTS = ["The battery is great.", "It was bad", "", "no way"]


def test_one_word_per_typo_changes():
    changed = misspell(["battery keyboard charger delivery"] * 50, 2)
    for text in changed:
        words = zip(text.split(), ["battery", "keyboard", "charger", "delivery"], strict=True)
        assert sum(new != old for new, old in words) == 2


def test_first_and_last_letter_survive_and_length_moves_by_one():
    words = [text for text in misspell(["keyboard"] * 200)]
    assert {len(word) for word in words} == {7, 8, 9}
    assert all(word[0] == "k" and word[-1] == "d" and word != "keyboard" for word in words)


def test_word_without_different_inner_letters_changes_too():
    assert all(word != "book" for word in misspell(["book"] * 50))


def test_texts_without_long_words_stay():
    assert misspell(["it is a", "", "no"], 3) == ["it is a", "", "no"]
    assert misspell(TEXTS, 0) == TEXTS


def test_typos_depend_on_the_seed_only():
    assert misspell(TEXTS, 2) == misspell(TEXTS, 2)
    assert misspell(TEXTS * 5, 2) != misspell(TEXTS * 5, 2, random_state=1)


def test_every_statement_is_negated_once():
    assert negate(["The screen is good and the plugs were fine."]) == [
        "The screen is not good and the plugs were not fine."
    ]
    assert negate(["It Is new", "I like it", "", "This isn't it"]) == [
        "It Is not new",
        "I like it",
        "",
        "This isn't it",
    ]
    assert negate(negate(TEXTS)) == negate(TEXTS)


@pytest.mark.parametrize(("how", "first"), [("upper", "IT"), ("lower", "it"), ("title", "It")])
def test_case_is_changed(how, first):
    assert change_case(TEXTS, how)[1].split()[0] == first


def test_texts_get_the_number_of_words_and_keep_their_own():
    changed = lengthen(TEXTS, 5000)
    assert [len(text.split()) for text in changed] == [5000] * 4
    assert changed[0].startswith(TEXTS[0])
    assert lengthen(["a b c d"], 3) == ["a b c d"]
    assert lengthen(["a"], 4, filler="x y") == ["a x y x"]
    assert lengthen([""], 2, filler="x") == ["x x"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: misspell("one text"), "sequence of texts"),
        (lambda: misspell(TEXTS, -1), "n_typos"),
        (lambda: change_case(TEXTS, "swap"), "upper, lower or title"),
        (lambda: lengthen(TEXTS, 10, filler=" "), "at least one word"),
    ],
)
def test_unusable_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
