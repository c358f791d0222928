"""Rules L040-L047: words, numbers and links in the prose.

A number quoted in prose must be asserted near it; that one rule keeps text and results together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from mlhelpers.course.lessons.document import EVERY, LESSON, START, Document, asserts, is_check, plain, rule

Found = Iterator[tuple[int, str]]
BANNED = (
    "crucial", "crucially", "delve", "in today's world", "it is important to note", "it's important to note",
    "it is worth noting", "leverage", "leveraging", "seamless", "seamlessly", "cutting-edge", "game-changer",
    "game changer", "state-of-the-art", "simply", "obviously", "needless to say", "unlock", "deep dive",
    "dive into", "harness the", "paradigm shift", "in conclusion", "journey", "world-class", "ever-evolving",
    "landscape of", "plays a vital role", "rest assured", "let's",
)  # fmt: skip
NEAR = 3
GIVEN_TAG = "given-numbers"
_FREE = ("check yourself", "exercise", "references", "next", "in production", "map")
_ECHO = ("", "what you will learn", "summary")
_BANNED = re.compile(r"\b(" + "|".join(re.escape(word) for word in BANNED) + r")\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])(\d[\d,]*\.\d+(?![\d.]*\.\d)|\d[\d,]*(?=\s?(?:%|percent\b)))")
_NOT_MEASURED = re.compile(
    r"(?:lessons?|chapters?|exercises?|sections?|version|python|pandas|numpy|scikit-learn|tensorflow|mlflow|papermill|"
    r"jupyterlab|after|and|,)\s+$",
    re.IGNORECASE,
)
_INTERVAL = re.compile(
    r"\s?(?:%|percent)[- ](?:confidence |bootstrap |credible )?(?:interval|confidence|band|quantile)"
)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|(?:href|src)=[\"']([^\"']+)")


@rule("L040", EVERY)
def filler(document: Document) -> Found:
    """No filler words."""
    for number, cell in document.prose():
        if document.section_of(number).lower() == "references":
            continue
        for match in _BANNED.finditer(plain(cell.source)):
            yield number, f"`{match.group()}` is filler; say the thing"


@rule("L041", EVERY)
def exclamation(document: Document) -> Found:
    """No exclamation marks."""
    for number, cell in document.prose():
        if re.search(r"!(?!=)", plain(cell.source)):
            yield number, "no exclamation marks in prose"


@rule("L042", {LESSON, START})
def numbers(document: Document) -> Found:
    """A decimal or percentage in prose is asserted near it or in its section, or echoes one that is."""
    code = [(number, asserts(cell)) for number, cell in document.code()]
    known = " ".join(cell.source for _, cell in document.code() if asserts(cell))
    echoes: list[tuple[int, str]] = []
    for number, cell in document.prose():
        place = document.section_of(number).lower()
        if GIVEN_TAG in cell.metadata.get("tags", []) or place.startswith(_FREE):
            continue
        found = list(quoted_numbers(cell.source, document))
        if place in _ECHO and document.kind == LESSON:
            echoes += [(number, value) for value in found]
            continue
        before = [asserted for at, asserted in code if at < number][-NEAR:]
        after = [asserted for at, asserted in code if at > number][:NEAR]
        section = document.section_of(number)
        checked = any(is_check(c) and document.section_of(at) == section for at, c in document.code())
        if checked or any(before + after):
            known += " " + plain(cell.source)
        elif found:
            advice = f"assert it or tag the cell {GIVEN_TAG}"
            yield number, f"{found[0]} is quoted, but no code cell within {NEAR} asserts anything; {advice}"
    for number, value in echoes:
        if not re.search(rf"(?<![\d.]){re.escape(value)}(?!\d)", known):
            yield (
                number,
                f"{value} is quoted, but neither an assertion nor an asserted passage of the lesson has it",
            )


def quoted_numbers(markdown: str, document: Document | None = None) -> Iterator[str]:
    """Decimals and percentages in prose that a reader takes for results.

    Numbers of lessons, versions and the level of an interval are not results.
    """
    lessons = {lesson.number for lesson in document.syllabus} if document and document.syllabus else set()
    text = plain(markdown)
    for match in _NUMBER.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        reference = _NOT_MEASURED.search(before) and (
            match.group() in lessons or not re.search(r"(?:and|,)\s+$", before)
        )
        heading = re.search(r"^#+ $", before.rpartition("\n")[2])
        if not reference and not heading and not _INTERVAL.match(after):
            yield match.group()


@rule("L043", EVERY)
def local_links(document: Document) -> Found:
    """No links to places on one machine."""
    for number, target in links(document):
        if target.startswith(("/", "file:", "http://localhost", "http://127.")) or re.match(
            r"[A-Za-z]:\\", target
        ):
            yield number, f"the link {target} works on one machine only; make it relative"


@rule("L044", EVERY)
def broken_links(document: Document) -> Found:
    """Relative links lead to a file."""
    for number, target in links(document):
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/#]", target):
            continue
        file = Path(document.path).parent / unquote(target.split("#")[0].split("?")[0])
        if not file.exists():
            yield number, f"the link {target} leads to no file"


@rule("L045", EVERY)
def image_alt(document: Document) -> Found:
    """Pictures in prose have alt text."""
    for number, cell in document.prose():
        if re.search(r"!\[\s*\]\(", cell.source) or re.search(
            r"<img(?![^>]*\balt=[\"'][^\"'])[^>]*>", cell.source
        ):
            yield number, "the picture has no alt text"


@rule("L046", EVERY)
def dollars(document: Document) -> Found:
    """No amount with a dollar sign: JupyterLab reads two of them as a formula, escaped ones too."""
    for number, cell in document.prose():
        match = re.search(r"\\?\$\d+(?:[,.]\d+)*", plain(cell.source))
        if match:
            yield (
                number,
                f"`{match.group()}` is shown as a formula; write `{match.group().lstrip(chr(92) + '$')} USD`",
            )


@rule("L047", EVERY)
def outside_pictures(document: Document) -> Found:
    """No picture from another site: offline it is broken."""
    for number, cell in document.prose():
        for match in re.finditer(
            r"!\[[^\]]*\]\((https?:[^)\s]+)|<img[^>]*\bsrc=[\"'](https?:[^\"']+)", cell.source
        ):
            picture = match[1] or match[2]
            yield number, f"the picture {picture} is broken offline; keep it in docs/images and link that"


def links(document: Document) -> Iterator[tuple[int, str]]:
    """Targets of the links in the prose, with their cells."""
    for number, cell in document.prose():
        text = re.sub(
            r"^(`{3,}|~{3,}).*?^\1`*\s*?$|`[^`\n]*`", " ", cell.source, flags=re.MULTILINE | re.DOTALL
        )
        for match in _LINK.finditer(text):
            yield number, match.group(1) or match.group(2)
