"""Slides of a lesson: nbconvert's reveal export, without code, in one file that needs no network.

Each section is a column of slides. A slide shows the first sentences of its paragraphs and one result; the
whole text is in the speaker's notes (key S). Cells that only check are left out.
"""

from __future__ import annotations

import ast
import copy
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlhelpers.course.lessons.document import Document, load_document
from mlhelpers.course.teaching.pages import lead, offline, paragraphs, questions

if TYPE_CHECKING:
    from nbformat import NotebookNode

DECK = Path(__file__).parent / "deck"
LEFT_OUT = ("Exercise", "References")
WHOLE = ("What you will learn", "Map", "Summary", "Next")
POINTS = 4  # most points of a slide; beside a result two
LONG_LINES = 16  # a result with more lines is set smaller


@dataclass
class Slide:
    """One slide: title, points above the result, cells with results, points below it, text of the notes."""

    title: str
    points: list[str] = field(default_factory=list)
    results: list[NotebookNode] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    top: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is on it."""
        return not (self.points or self.results or self.below)


def make_slides(path: str | os.PathLike[str], *, code: bool = False) -> str:
    """Slides of a lesson as one HTML page.

    Parameters
    ----------
    path : path-like
        Notebook with stored outputs.
    code : bool, default=False
        Show the code above its result, without assertions.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook.
    """
    import nbformat
    from nbconvert.exporters import SlidesExporter

    document = load_document(path)
    notebook = nbformat.v4.new_notebook(cells=list(_cells(outline(document))))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"slide-{number}"  # the same lesson gives the same page
    exporter = SlidesExporter(
        template_name=DECK.name,
        extra_template_basedirs=[str(DECK.parent)],
        template_file="index.html.j2",
        exclude_input=not code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    scripts = "\n".join((DECK / name).read_text(encoding="utf-8") for name in ("reveal.js", "notes.js"))
    styles = "\n".join((DECK / name).read_text(encoding="utf-8") for name in ("reveal.css", "course.css"))
    title = document.cells[0].source.splitlines()[0].lstrip("# ")
    course = {"title": title, "styles": styles, "scripts": scripts.replace("</script", r"<\/script")}
    page, _ = exporter.from_notebook_node(notebook, resources={"course": course})
    return re.sub(r"[ \t]+\n", "\n", page)


def outline(document: Document) -> list[Slide]:
    """What is on each slide of a lesson.

    Parameters
    ----------
    document : Document

    Returns
    -------
    list of Slide
    """
    slides = [_first(document)]
    for section in document.sections[1:]:
        if not section.title.startswith(LEFT_OUT):
            column = [slide for slide in _column(document, section) if not slide.empty]
            for position, slide in enumerate(column):
                slide.top = position == 0
            slides += column
    return slides


def _first(document: Document) -> Slide:
    """The title, the promise and the minutes."""
    title, _, rest = document.cells[0].source.partition("\n")
    parts = [part for part in paragraphs(rest) if "mybinder.org" not in part]
    return Slide(title.lstrip("# "), points=parts, notes=list(parts), top=True)


def _column(document: Document, section) -> Iterator[Slide]:
    if section.title.startswith("Check yourself"):
        for question, answer in questions(section.text):
            shown = f"{question}\n\n<details><summary>Answer</summary>\n\n{answer}\n\n</details>"
            yield Slide(section.title, points=[shown], notes=[question, answer])
        return
    slide = Slide(section.title)
    for kind, content in _content(document, section):
        if kind == "result":
            if slide.results or len(slide.points) > 2:
                rest = slide.points[-1:] if not slide.results else []
                slide.points = slide.points[: len(slide.points) - len(rest)]
                yield slide
                slide = Slide(section.title, points=rest)
            slide.results.append(content)
            continue
        point = content if section.title.startswith(WHOLE) else lead(content)
        if slide.results:  # what the result says stays with it, what comes next does not
            slide.below.append(point)
            slide.notes.append(content)
            yield slide
            slide = Slide(section.title)
            continue
        full = len(slide.points) == POINTS or _size([*slide.points, point]) > LONG_LINES * 70
        if full and not section.title.startswith(WHOLE):
            yield slide
            slide = Slide(section.title)
        slide.points.append(point)
        slide.notes.append(content)
    yield slide


def _size(points: list[str]) -> int:
    return sum(max(len(point), 90 * (point.count("\n") + 1)) for point in points)


def _content(document: Document, section) -> Iterator[tuple[str, object]]:
    """Paragraphs and results of a section, in order."""
    following = document.sections[document.sections.index(section) + 1 :][:1]
    end = following[0].cell if following else len(document.cells)
    for number in range(section.cell, end + 1):
        cell = document.cells[number - 1]
        if cell.cell_type == "markdown":
            for part in paragraphs(_within(cell.source, section.title, opening=number == section.cell)):
                yield "text", part
        elif number < end or not following:
            shown = _result(cell)
            if shown is not None:
                yield "result", shown


def _within(source: str, title: str, *, opening: bool) -> str:
    """The part of a markdown cell that stands under the heading `title`."""
    if opening:
        source = re.split(rf"^## {re.escape(title)}[ \t]*$", source, maxsplit=1, flags=re.MULTILINE)[-1]
    return re.split(r"^## ", source, maxsplit=1, flags=re.MULTILINE)[0]


def _result(cell: NotebookNode) -> NotebookNode | None:
    """The cell with what it shows; None if it shows nothing or only checks."""
    outputs = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    if not outputs or "hide" in cell.metadata.get("tags", []):
        return None
    shown = copy.deepcopy(cell)
    shown.outputs = outputs
    shown.source = without_checks(cell.source)
    return shown if shown.source.strip() else None


def without_checks(source: str) -> str:
    """Code without its assertions; code that Python cannot read (magics) stays as it is."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    dropped = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = [line for number, line in enumerate(source.splitlines(), 1) if number not in dropped]
    kept = "\n".join(lines).strip("\n")
    try:
        ast.parse(kept)
    except SyntaxError:  # a block that held assertions only
        return source
    return kept


def _cells(slides: list[Slide]) -> Iterator[NotebookNode]:
    """The cells of the notebook that nbconvert makes slides of."""
    from nbformat.v4 import new_markdown_cell

    for number, slide in enumerate(slides):
        heading = (
            f"# {slide.title}" if number == 0 else f"## {slide.title}" if slide.top else f"### {slide.title}"
        )
        above = "\n\n".join([heading, *slide.points])
        kind = "slide" if slide.top else "subslide"
        yield new_markdown_cell(offline(above), metadata={"slideshow": {"slide_type": kind}})
        for cell in slide.results:
            cell.metadata["slideshow"] = {"slide_type": "-"}
            cell.metadata["tags"] = list(_sizes(cell))
            yield cell
        if slide.below:
            metadata = {"slideshow": {"slide_type": "-"}}
            yield new_markdown_cell(offline("\n\n".join(slide.below)), metadata=metadata)
        notes = "\n\n".join(slide.notes)
        if notes and notes != "\n\n".join(slide.points + slide.below):
            yield new_markdown_cell(offline(notes), metadata={"slideshow": {"slide_type": "notes"}})


def _sizes(cell: NotebookNode) -> Iterator[str]:
    """Tags by which the style sheet sets the results of a cell smaller."""
    lines, figures = 0, 0
    for output in cell.outputs:
        data = output.get("data", {})
        if any(mime.startswith("image/") for mime in data):
            figures += 1
        elif "text/html" in data:
            lines += data["text/html"].count("<tr")
        else:
            lines += output.get("text", data.get("text/plain", "")).count("\n") + 1
    if (figures and lines) or figures > 1:
        yield "shared"
    if lines > (LONG_LINES if not figures else 2):
        yield "long" if lines <= 2 * LONG_LINES else "longest"
