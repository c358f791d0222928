"""Pairs of submissions that share more than the release and the usual ways to solve a task explain.

Behind `mle exercise similar`; a hint with the passages to read, not a verdict.
"""

from __future__ import annotations

import builtins
import io
import json
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import NamedTuple

from mlhelpers.course.exercises.collect import Found
from mlhelpers.course.exercises.exercise import Exercise
from mlhelpers.course.exercises.restore import id_of, marks_of
from mlhelpers.course.files import read_notebook

GRAM = 10  # tokens in a row that are compared
OWN = "own cells"
_SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
_PLAIN = re.compile(r"\w+|[^\w\s]")


class Token(NamedTuple):
    """A token with names that the student chose replaced, as it was written, and its line, from 1."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Passage:
    """Lines of one task that two students share.

    Attributes
    ----------
    task : str
    left, right : str
        As each has written them.
    tokens : int
    same_names : bool
        Whether the names that they chose are the same too.
    """

    task: str
    left: str
    right: str
    tokens: int
    same_names: bool


@dataclass(frozen=True)
class Pair:
    """Two students, how much they share in one exercise, and where.

    Attributes
    ----------
    exercise : Exercise
    left, right : str
    share : float
        Of the sequences of the one who has fewer, those that are neither in the release nor usual.
    tokens : int
        In the passages.
    passages : tuple of Passage
    """

    exercise: Exercise
    left: str
    right: str
    share: float
    tokens: int
    passages: tuple[Passage, ...]


def similar_pairs(
    found: Found, *, least: float = 0.5, least_tokens: int = 30, usual: float = 0.1
) -> list[Pair]:
    """Compare the last attempts of all students with each other.

    Parameters
    ----------
    found : Found
        The exercises have release versions.
    least : float, default=0.5
        Smallest share of a pair.
    least_tokens : int, default=30
        Fewest tokens in its passages: short answers are alike by themselves.
    usual : float, default=0.1
        What more than this share of the class writes, and more than five, is no hint. A larger group that
        copied from one source is not found.

    Returns
    -------
    list of Pair
        The largest share first.

    Raises
    ------
    ValueError
        If a share is not between 0 and 1.
    """
    for name, value in (("least", least), ("usual", usual)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a share between 0 and 1, not {value:g}")
    pairs: list[Pair] = []
    for exercise in found.exercises:
        released = read_notebook(exercise.release)
        known_names = {
            token.string
            for cell in released.cells
            if cell.cell_type == "code"
            for token in _python_tokens(cell.source)
            if token.type == tokenize.NAME
        }
        tasks = {name for cell in released.cells if marks_of(cell).get("solution") and (name := id_of(cell))}
        given = {gram for cell in released.cells for gram in _grams(tokens_of(cell.source, known_names))}
        own = {cell.source for cell in released.cells}
        texts = {
            student: answers
            for student in found.students
            if (attempts := found.attempts(student, exercise))
            and (answers := _answers(attempts[-1].data, tasks, own))
        }
        pairs += _pairs(exercise, texts, known_names, given, least, least_tokens, usual)
    return sorted(pairs, key=lambda pair: (-pair.share, -pair.tokens, pair.left, pair.right))


def _pairs(exercise, texts, known_names, given, least, least_tokens, usual) -> Iterator[Pair]:
    tokens = {
        student: {task: tokens_of(text, known_names) for task, text in answers.items()}
        for student, answers in texts.items()
    }
    grams = {
        student: {(task, gram) for task, line in tasks.items() for gram in _grams(line)}
        for student, tasks in tokens.items()
    }
    counts = Counter(gram for several in grams.values() for gram in several)
    most = max(5, usual * len(texts))
    telling = {
        student: {item for item in several if item[1] not in given and counts[item] <= most}
        for student, several in grams.items()
    }
    holders: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for student in sorted(telling):
        for item in telling[student]:
            holders.setdefault(item, []).append(student)
    shared = Counter(pair for students in holders.values() for pair in combinations(students, 2))
    for (left, right), number in shared.items():
        share = number / min(len(telling[left]), len(telling[right]))
        if share < least:
            continue
        common = telling[left] & telling[right]
        passages = tuple(
            passage
            for task in sorted(tokens[left].keys() & tokens[right].keys())
            for passage in _passages(
                task,
                (texts[left][task], texts[right][task]),
                (tokens[left][task], tokens[right][task]),
                {gram for name, gram in common if name == task},
            )
        )
        total = sum(passage.tokens for passage in passages)
        if total >= least_tokens:
            yield Pair(exercise, left, right, share, total, passages)


def _passages(task: str, texts, tokens, common: set[tuple[str, ...]]) -> Iterator[Passage]:
    left, right = tokens
    kinds = [token.kind for token in left], [token.kind for token in right]
    for start, other, size in SequenceMatcher(None, *kinds, autojunk=False).get_matching_blocks():
        if common.isdisjoint(_grams(left[start : start + size])):
            continue
        parts = left[start : start + size], right[other : other + size]
        lines = [
            "\n".join(text.splitlines()[part[0].line - 1 : part[-1].line])
            for text, part in zip(texts, parts, strict=True)
        ]
        same = [token.text for token in parts[0]] == [token.text for token in parts[1]]
        yield Passage(task, *lines, size, same)


def tokens_of(text: str, known_names: set[str]) -> list[Token]:
    """Tokens of code without comments and layout; names that the student chose count as one.

    Parameters
    ----------
    text : str
        What is no Python is cut into words and signs.
    known_names : set of str
        Names that stand for themselves, beside Python's own and those after a point.

    Returns
    -------
    list of Token
    """
    found: list[Token] = []
    before = ""
    for token in _python_tokens(text):
        if token.type in _SKIPPED or not token.string.strip():
            continue
        chosen = (
            token.type == tokenize.NAME
            and before != "."
            and not keyword.iskeyword(token.string)
            and not hasattr(builtins, token.string)
            and token.string not in known_names
        )
        before = token.string
        found.append(Token("name" if chosen else token.string, token.string, token.start[0]))
    return found


def _python_tokens(text: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return [
            tokenize.TokenInfo(
                tokenize.NAME if match[0].isidentifier() else tokenize.OP,
                match[0],
                (number, match.start()),
                (number, match.end()),
                line,
            )
            for number, line in enumerate(text.splitlines(), 1)
            for match in _PLAIN.finditer(line)
        ]


def _grams(tokens: list[Token]) -> set[tuple[str, ...]]:
    kinds = [token.kind for token in tokens]
    return {tuple(kinds[place : place + GRAM]) for place in range(len(kinds) - GRAM + 1)}


def _answers(data: bytes, tasks: set[str], released: set[str]) -> dict[str, str]:
    """Text of each answer cell and of the student's own code cells; nothing of what is no notebook."""
    found: dict[str, str] = {}
    own: list[str] = []
    try:
        for cell in json.loads(data)["cells"]:
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            name = id_of(cell)
            if cell["cell_type"] != "code" or text in released:
                continue
            if name in tasks:
                found.setdefault(name, text)
            elif name is None:
                own.append(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    if own:
        found[OWN] = "\n".join(own)
    return found


def report(pairs: list[Pair], *, most: int = 50) -> str:
    """Pairs as Markdown: a table, then the passages side by side.

    Parameters
    ----------
    pairs : list of Pair
    most : int, default=50
        Pairs whose passages are shown.

    Returns
    -------
    str
    """
    lines = [
        "# Similar submissions",
        "",
        "A hint, not a verdict. Students who learn together, or from one page, write alike. Read the "
        "passages and talk with both before you conclude anything. Code of the release and what many of the "
        "class write is left out; names that a student chose count as equal.",
        "",
    ]
    if not pairs:
        return "\n".join([*lines, "No pair shares more than the limits.", ""])
    lines += ["| share | tokens | exercise | students | same names |", "|---|---|---|---|---|"]
    for pair in pairs:
        same = sum(passage.same_names for passage in pair.passages)
        names = f"{_cell(pair.left)} and {_cell(pair.right)}"
        lines.append(
            f"| {pair.share:.0%} | {pair.tokens} | {pair.exercise.lesson.number} | {names} "
            f"| {same} of {len(pair.passages)} |"
        )
    for pair in pairs[:most]:
        lines += ["", f"## {pair.exercise.lesson.number}: {_cell(pair.left)} and {_cell(pair.right)}"]
        for passage in pair.passages:
            equal = "with the same names" if passage.same_names else "with other names"
            lines += ["", f"`{passage.task}`, {passage.tokens} tokens, {equal}"]
            texts = [passage.left] if passage.left == passage.right else [passage.left, passage.right]
            for text in texts:
                runs = re.findall(r"`{3,}", text)
                fence = "`" * max([3, *(len(run) + 1 for run in runs)])
                lines += ["", f"{fence}python", text, fence]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return re.sub(r"([|<>`*_\[\]\\])", r"\\\1", " ".join(text.split()))
