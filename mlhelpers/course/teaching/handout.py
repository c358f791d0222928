"""A handout of a lesson on one page: objectives, map, summary and questions, ready to print."""

from __future__ import annotations

import html
import os

from mlhelpers.course.lessons.document import Document, load_document
from mlhelpers.course.teaching.pages import offline, questions

STYLE = """
@page { size: A4; margin: 12mm 14mm; }
body { font: 9.2pt/1.35 "DejaVu Sans", Verdana, Arial, sans-serif; color: #222; }
body { max-width: 182mm; margin: 0 auto; }
h1 { font-size: 17pt; margin: 0 0 1mm; color: #004a75; }
h2 { font-size: 11pt; margin: 3.5mm 0 1mm; color: #004a75; border-bottom: 1px solid #ccc; }
p { margin: 0 0 1mm; }
ul, ol { margin: 0; padding-left: 5mm; }
li { margin-bottom: 0.6mm; }
code { font-size: 92%; }
ol li p { display: inline; }
.facts { color: #666; }
.map .root { display: inline-block; background: #004a75; color: #fff; padding: 1mm 3mm; border-radius: 1mm; }
.map .branches { display: flex; flex-wrap: wrap; gap: 3mm; margin-top: 1.5mm; }
.map .branch { flex: 1 1 28mm; border-top: 1mm solid; padding-top: 1mm; }
.map .branch ul { padding-left: 4mm; }
img.formula { vertical-align: middle; }
"""


def make_handout(path: str | os.PathLike[str]) -> str:
    """Handout of a lesson as one HTML page that needs no network.

    Parameters
    ----------
    path : path-like
        Notebook of a lesson.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook, or no lesson.
    """
    document = load_document(path)
    objectives, summary = _text(document, "What you will learn"), _text(document, "Summary")
    title, _, rest = document.cells[0].source.partition("\n")
    promise = next((line for line in rest.splitlines() if line.strip() and "mybinder.org" not in line), "")
    asked = "\n".join(
        f"{number}. {' '.join(question.split())}"
        for number, (question, _) in enumerate(questions(_text(document, "Check yourself")), 1)
    )
    parts = [("Map", _text(document, "Map")), ("Summary", summary), ("Check yourself", asked)]
    body = [
        f"<h1>{html.escape(title.lstrip('# '))}</h1>",
        _html(promise),
        f'<p class="facts">{html.escape(_facts(document))}</p>',
        "<h2>Afterwards you can</h2>",
        _html(objectives),
    ]
    for heading, text in parts:
        body += [f"<h2>{heading}</h2>", _html(text)]
    name = html.escape(title.lstrip("# "))
    head = f'<meta charset="utf-8">\n<title>{name}</title>\n<style>{STYLE}</style>'
    content = "\n".join(body)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{content}\n</body>\n</html>\n'
    )


def _text(document: Document, title: str) -> str:
    section = document.section(title)
    if section is None:
        raise ValueError(f"{document.path.name} is no lesson: it has no section `## {title}`")
    return section.text


def _facts(document: Document) -> str:
    if document.lesson is None:
        return ""
    lesson = document.lesson
    after = f", builds on {', '.join(lesson.prerequisites)}" if lesson.prerequisites else ""
    return f"{lesson.read_minutes} minutes{after}, notebooks/{lesson.file}"


def _html(markdown: str) -> str:
    from nbconvert.filters import markdown2html

    return markdown2html(offline(markdown)).strip()
