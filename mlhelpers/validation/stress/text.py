"""Perturbations of English texts: misspellings, negation, case and length.

Taught in lesson 5.3 (stress tests). All functions take a sequence of texts and return a list of as many.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_VERB = re.compile(r"\b(is|are|was|were|am)\b(?! not\b)(?!n't)", re.IGNORECASE)
_FILLER = "we opened the parcel on the table and read the text on the side of the box before lunch"


def _checked(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise ValueError("give a sequence of texts, not one text")
    return list(texts)


def misspell(texts: Sequence[str], n_typos: int = 1, *, random_state: int | None = 0) -> list[str]:
    """Swap, drop or double letters inside of words of at least four letters.

    Taught in lesson 5.3.

    Parameters
    ----------
    texts : sequence of str
        Texts; one without such a word stays as it is.
    n_typos : int, default=1
        Number of words per text that are changed, at most all that can be.
    random_state : int, optional
        Seed.
    """
    texts = _checked(texts)
    if n_typos < 0:
        raise ValueError(f"n_typos must be at least 0, got {n_typos}")
    rng = np.random.default_rng(random_state)
    changed = []
    for text in texts:
        spans = [found.span() for found in re.finditer(r"[A-Za-z]{4,}", text)]
        chosen = rng.permutation(len(spans))[:n_typos]
        for start, end in sorted((spans[i] for i in chosen), reverse=True):  # from behind: spans stay valid
            text = text[:start] + _typo(text[start:end], rng) + text[end:]
        changed.append(text)
    return changed


def _typo(word: str, rng: np.random.Generator) -> str:
    swaps = [i for i in range(1, len(word) - 2) if word[i] != word[i + 1]]
    kind, place = rng.integers(3), int(rng.integers(1, len(word) - 1))
    if kind == 0 and swaps:
        place = swaps[int(rng.integers(len(swaps)))]
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :] if kind == 1 else word[:place] + word[place] + word[place:]


def negate(texts: Sequence[str]) -> list[str]:
    """Put "not" after every plain form of "to be", so that each statement says the opposite.

    Taught in lesson 5.3.

    Parameters
    ----------
    texts : sequence of str
        Statements such as "The screen is good."; those without "is", "are", "was", "were" or "am", or with a
        "not" there already, stay as they are.
    """
    return [_VERB.sub(lambda found: f"{found.group()} not", text) for text in _checked(texts)]


def change_case(texts: Sequence[str], how: str = "upper") -> list[str]:
    """Write texts in another case.

    Taught in lesson 5.3.

    Parameters
    ----------
    texts : sequence of str
        Texts.
    how : {"upper", "lower", "title"}
        The case.
    """
    if how not in ("upper", "lower", "title"):
        raise ValueError(f"how must be upper, lower or title, got {how!r}")
    return [getattr(text, how)() for text in _checked(texts)]


def lengthen(texts: Sequence[str], n_words: int, *, filler: str = _FILLER) -> list[str]:
    """Append neutral words until each text has a number of words.

    Taught in lesson 5.3.

    Parameters
    ----------
    texts : sequence of str
        Texts; longer ones stay as they are.
    n_words : int
        Words of the result, divided by white space.
    filler : str
        What is appended, again and again, and cut to length.
    """
    words = filler.split()
    if not words:
        raise ValueError("filler must hold at least one word")
    changed = []
    for text in _checked(texts):
        lacking = max(0, n_words - len(text.split()))
        more = (words * (lacking // len(words) + 1))[:lacking]
        changed.append(" ".join([text, *more]).strip() if more else text)
    return changed
