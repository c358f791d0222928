"""A notebook as the rules of the style see it, and the register of these rules.

The rules are in `lint_structure`, `lint_code`, `lint_prose`; `lint` runs them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlhelpers.course.files import find_root, read_notebook
from mlhelpers.course.syllabus import Lesson, Syllabus, load_syllabus

if TYPE_CHECKING:
    from nbformat import NotebookNode

LESSON, START, PIPELINE, OTHER = "lesson", "start", "pipeline", "other"
EVERY = frozenset({LESSON, START, PIPELINE, OTHER})
CHECK_TAG = "check"
STORED = EVERY  # every notebook keeps its outputs, the stages of a pipeline too

_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*\s*?$", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)


class Finding(NamedTuple):
    """One broken rule: code, cell (from 1; 0 for the whole file) and what to do."""

    code: str
    cell: int
    message: str


class Section(NamedTuple):
    """A part below a ``##`` heading: title, the heading's cell (from 1), all its prose, that cell's prose."""

    title: str
    cell: int
    text: str
    opening: str


@dataclass
class Document:
    """A notebook as the rules see it.

    Attributes
    ----------
    path : pathlib.Path
    kind : str
        ``lesson``, ``start``, ``pipeline`` or ``other``, by the file's place.
    notebook : nbformat.NotebookNode
    syllabus : Syllabus or None
    lesson : Lesson or None
    """

    path: Path
    kind: str
    notebook: NotebookNode
    syllabus: Syllabus | None = None
    lesson: Lesson | None = None
    cells: list[NotebookNode] = field(init=False)

    def __post_init__(self) -> None:
        self.cells = self.notebook.cells

    def code(self) -> Iterator[tuple[int, NotebookNode]]:
        """Code cells that are not empty, with their position from 1."""
        return ((n, c) for n, c in enumerate(self.cells, 1) if c.cell_type == "code" and c.source.strip())

    def shown_code(self) -> Iterator[tuple[int, NotebookNode]]:
        """Code cells that the reader is meant to read, so no check cells."""
        return ((n, c) for n, c in self.code() if not is_check(c))

    def reason(self, code: str) -> str:
        """Why a rule is broken, ``{"mle": {"reasons": {"L018": ...}}}`` in the metadata; or ``""``."""
        return str(self.notebook.metadata.get("mle", {}).get("reasons", {}).get(code, "")).strip()

    def prose(self) -> Iterator[tuple[int, NotebookNode]]:
        """Markdown cells with their position from 1."""
        return ((n, c) for n, c in enumerate(self.cells, 1) if c.cell_type == "markdown")

    @cached_property
    def sections(self) -> list[Section]:
        """Parts below ``##`` headings, in order; the part before the first has the title ``""``."""
        found: list[list[Any]] = [["", 1, [], []]]
        for number, cell in self.prose():
            fenced = False
            for line in cell.source.splitlines():
                fenced ^= line.startswith(("```", "~~~"))
                if line.startswith("## ") and not fenced:
                    found.append([line[3:].strip(), number, [], []])
                else:
                    found[-1][2].append(line)
                    if number == found[-1][1]:
                        found[-1][3].append(line)
            found[-1][2].append("")
        return [Section(title, cell, *("\n".join(t).strip() for t in texts)) for title, cell, *texts in found]

    def section(self, title: str) -> Section | None:
        """Section whose heading begins with `title`, ignoring case; None without one."""
        return next((s for s in self.sections if s.title.lower().startswith(title.lower())), None)

    def section_of(self, cell: int) -> str:
        """Heading that the prose of `cell` stands under."""
        return next((s.title for s in reversed(self.sections) if s.cell <= cell), "")


Rule = Callable[[Document], Iterator[tuple[int, str]]]
RULES: dict[str, tuple[frozenset[str], Rule]] = {}


def rule(code: str, kinds: frozenset[str] | set[str] = EVERY) -> Callable[[Rule], Rule]:
    """Register a function as the rule `code` for notebooks of these kinds."""

    def register(function: Rule) -> Rule:
        RULES[code] = (frozenset(kinds), function)
        return function

    return register


def plain(markdown: str) -> str:
    """Prose of a markdown cell: without code, formulas, HTML and link targets."""
    text = _FENCE.sub(" ", markdown)
    text = re.sub(r"`[^`]*`", " ", text)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]*[A-Za-z\\=<>][^$\n]*\$", " ", text, flags=re.DOTALL)
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return _TAG.sub(" ", text)


def sentences(markdown: str) -> int:
    """Number of sentences in the prose of `markdown`."""
    text = re.sub(r"\b(e\.g|i\.e|etc|vs|cf)\.", " ", plain(markdown))
    text = re.sub(r"(?<=\d)\.(?=\d)", "", text)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return len(re.findall(r"\w[^.?!]*?(?:[.?!](?=\s|$)|:(?=\s*$))", "\n".join(lines), re.MULTILINE))


def is_check(cell: NotebookNode) -> bool:
    """Whether a code cell is a check cell: what the text says is asserted, out of the reader's way."""
    return cell.cell_type == "code" and CHECK_TAG in cell.get("metadata", {}).get("tags", [])


def makes_figure(cell: NotebookNode) -> bool:
    """Whether a code cell has an image among its outputs."""
    return any(
        mime.startswith("image/") for output in cell.get("outputs", []) for mime in output.get("data", {})
    )


def output_texts(cell: NotebookNode) -> Iterator[str]:
    """Every text that the outputs of a code cell show."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.text
        for mime, value in output.get("data", {}).items():
            if mime.startswith("text/"):
                yield value


def asserts(cell: NotebookNode) -> bool:
    """Whether a code cell asserts something."""
    return bool(re.search(r"^\s*assert\b|\bassert_\w+\(", cell.source, re.MULTILINE))


def notebook_path(what: str | os.PathLike[str]) -> Path:
    """Path of a notebook that is given by its path or, a lesson, by its number.

    Parameters
    ----------
    what : str or path-like
        Such as ``"2.3"`` or ``"notebooks/02_data/03_exploratory_data_analysis.ipynb"``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message names the nearest lesson.
    ValueError
        If there is no lesson of this number, or it is not written yet.
    """
    return Path(what) if Path(what).exists() else load_syllabus().notebook(what)


def load_document(path: str | os.PathLike[str]) -> Document:
    """Read a notebook and find out which kind it is and which lesson.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Document

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook.
    """
    path = Path(path)
    notebook = read_notebook(path)
    try:
        root = find_root(path.absolute().parent)
    except FileNotFoundError:
        return Document(path, OTHER, notebook)
    parts = path.resolve().relative_to(root.resolve()).parts
    if parts[0] == "pipelines":
        return Document(path, PIPELINE, notebook)
    if parts[0] != "notebooks":
        return Document(path, OTHER, notebook)
    syllabus = load_syllabus(root)
    if parts == ("notebooks", "00_start_here.ipynb"):
        return Document(path, START, notebook, syllabus)
    return Document(path, LESSON, notebook, syllabus, syllabus.by_file(path))
