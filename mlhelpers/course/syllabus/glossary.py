"""The glossary: one YAML file of terms, the page made from it, and the links from the lessons.

``python -m mlhelpers.course.syllabus.glossary`` writes the page, ``--check`` fails when it or a link is out
of date, ``--link FILE`` links the first mention of each term in a lesson.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydantic
import yaml

from mlhelpers.course.files import find_root, read_notebook, write_text
from mlhelpers.course.syllabus.syllabus import Syllabus, load_syllabus

_LINK = re.compile(r"\]\((?:\.\./)?glossary\.md#([^)]+)\)")
# Prose that must stay as it is: code, links, headings, front lines, HTML tags.
_PROTECTED = re.compile(
    r"```.*?```|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)|<[^>\n]+>|\$[^$\n]+\$|^#[^\n]*$", re.S | re.M
)


class Term(pydantic.BaseModel, extra="forbid", frozen=True):
    """One entry.

    Attributes
    ----------
    term : str
        As it is written within a sentence.
    text : str
        One to three sentences.
    lesson : str
        Number of the lesson that defines it.
    also : tuple of str
        Other forms, such as the plural, that a lesson may use.
    """

    term: str = pydantic.Field(min_length=2)
    text: str = pydantic.Field(min_length=20)
    lesson: str
    also: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Name of its heading in a link."""
        return re.sub(r"[^\w\- ]", "", self.term.lower()).replace(" ", "-")

    @property
    def mention(self) -> re.Pattern[str]:
        """Any of its forms as whole words."""
        forms = sorted({self.term, *self.also}, key=len, reverse=True)
        return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, forms))})(?![\w-])", re.IGNORECASE)


def load_glossary(root: str | Path | None = None) -> list[Term]:
    """Terms of ``notebooks/glossary.yml`` in alphabetical order.

    Parameters
    ----------
    root : path-like, optional
        Folder of the course; found from the working folder without it.

    Returns
    -------
    list of Term

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If an entry is wrong or there twice; the message names it.
    """
    path = Path(root or find_root()) / "notebooks" / "glossary.yml"
    if not path.is_file():
        raise FileNotFoundError(f"glossary.yml is missing in {path.parent.name}")
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    terms = []
    for entry in entries:
        try:
            terms.append(Term(**entry))
        except (pydantic.ValidationError, TypeError) as error:
            name = entry.get("term", entry) if isinstance(entry, dict) else entry
            raise ValueError(f"glossary.yml: entry {name!r}: {error}") from error
    anchors = [term.anchor for term in terms]
    twice = sorted({anchor for anchor in anchors if anchors.count(anchor) > 1})
    if twice:
        raise ValueError(f"glossary.yml: there twice: {', '.join(twice)}")
    return sorted(terms, key=lambda term: term.term.lower())


def render(terms: Sequence[Term], syllabus: Syllabus) -> str:
    """Page in Markdown: one heading a term, its text and the lesson that defines it.

    Parameters
    ----------
    terms : sequence of Term
    syllabus : Syllabus

    Returns
    -------
    str
    """
    lessons = {lesson.number: lesson for lesson in syllabus}
    parts = [
        "# Glossary",
        "",
        "Made from `glossary.yml` by `python -m mlhelpers.course.syllabus.glossary`.",
        "",
    ]
    for term in terms:
        lesson = lessons[term.lesson]
        name = f"{lesson.number} {lesson.title}"
        where = f"[{name}]({lesson.file})" if lesson.written else name
        parts += [f"## {term.term}", "", f"{term.text.strip()} Lesson {where}.", ""]
    return "\n".join(parts)


def link_text(markdown: str, terms: Sequence[Term]) -> tuple[str, list[Term]]:
    """Link the first mention of each term in a text.

    Parameters
    ----------
    markdown : str
        Code, existing links, headings and HTML tags in it are left alone.
    terms : sequence of Term

    Returns
    -------
    markdown : str
    linked : list of Term
        Those that were found.
    """
    linked = []
    for term in sorted(terms, key=lambda term: -len(term.term)):
        protected = [match.span() for match in _PROTECTED.finditer(markdown)]
        for match in term.mention.finditer(markdown):
            if not any(start <= match.start() < end for start, end in protected):
                link = f"[{match[0]}](../glossary.md#{term.anchor})"
                markdown = markdown[: match.start()] + link + markdown[match.end() :]
                linked.append(term)
                break
    return markdown, linked


def link_notebook(path: str | Path, terms: Sequence[Term]) -> list[Term]:
    """Link the first mention of each term in a lesson; outputs stay as they are.

    Parameters
    ----------
    path : path-like
        Notebook in a chapter's folder. Written only if a link was added.
    terms : sequence of Term
        Those that the lesson links already are left out.

    Returns
    -------
    list of Term
        The newly linked ones.
    """
    from mlhelpers.course.normal_form import dumps, normalize

    notebook = read_notebook(path)
    present = {anchor for cell in notebook.cells for anchor in _LINK.findall(cell.source)}
    waiting = [term for term in terms if term.anchor not in present]
    added: list[Term] = []
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            cell.source, linked = link_text(cell.source, waiting)
            waiting = [term for term in waiting if term not in linked]
            added += linked
    if added:
        write_text(path, dumps(normalize(notebook)))
    return added


def problems(root: str | Path | None = None) -> Iterator[str]:
    """What is wrong with the glossary and its links.

    Parameters
    ----------
    root : path-like, optional
        Folder of the course.

    Yields
    ------
    str
        One sentence a problem: the page is out of date; a lesson links a term that does not exist, or leaves
        one without a link that the glossary says it defines; a term names no lesson of the syllabus.
    """
    root = Path(root or find_root())
    terms, syllabus = load_glossary(root), load_syllabus(root)
    numbers = {lesson.number for lesson in syllabus}
    strangers = [term for term in terms if term.lesson not in numbers]
    yield from (f"{term.term}: there is no lesson {term.lesson}" for term in strangers)
    page = root / "notebooks" / "glossary.md"
    if not strangers and (not page.is_file() or page.read_text(encoding="utf-8") != render(terms, syllabus)):
        yield "glossary.md is out of date; run `python -m mlhelpers.course.syllabus.glossary`"
    anchors = {term.anchor for term in terms}
    for lesson in syllabus:
        if not lesson.written:
            continue
        notebook = read_notebook(root / "notebooks" / lesson.file)
        linked = {anchor for cell in notebook.cells for anchor in _LINK.findall(cell.source)}
        yield from (
            f"{lesson.file}: links {anchor!r}, which no entry explains" for anchor in sorted(linked - anchors)
        )
        for term in terms:
            if term.lesson == lesson.number and term.anchor not in linked:
                yield f"{lesson.file}: defines {term.term!r} but does not link it"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, check it, or link lessons; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mlhelpers.course.syllabus.glossary", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if anything is out of date"
    )
    parser.add_argument("--link", nargs="+", metavar="FILE", help="link the terms in these lessons")
    options = parser.parse_args(arguments)
    root = find_root()
    if options.check:
        found = list(problems(root))
        print("\n".join(found), file=sys.stderr)
        return 1 if found else 0
    terms = load_glossary(root)
    for file in options.link or []:
        print(
            f"{file}: linked {', '.join(term.term for term in link_notebook(file, terms)) or 'nothing new'}"
        )
    write_text(root / "notebooks" / "glossary.md", render(terms, load_syllabus(root)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
