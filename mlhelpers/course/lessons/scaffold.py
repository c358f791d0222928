"""An empty lesson made from its entry in the syllabus, behind `mle lesson new`.

Everything to be filled in is marked TODO, so that `mle lesson check` fails until it is.
"""

from __future__ import annotations

from pathlib import Path

from mlhelpers.course.files import write_text
from mlhelpers.course.lessons.document import CHECK_TAG
from mlhelpers.course.lessons.lint_code import CHECK_HEAD
from mlhelpers.course.lessons.lint_structure import BY_HAND, MAP_STYLE, front_matter
from mlhelpers.course.syllabus import Lesson, Syllabus, load_syllabus

REPOSITORY = "practical-ml-engineering/practical-ml-engineering"


def new_lesson(number: str, *, root: Path) -> Path:
    """Write the scaffold of a lesson.

    Parameters
    ----------
    number : str
        Such as ``"2.3"``.
    root : pathlib.Path
        Folder of the course.

    Returns
    -------
    pathlib.Path
        The new file.

    Raises
    ------
    FileExistsError
        If the lesson is there already; it is never overwritten.
    ValueError
        If the syllabus has no such lesson.
    """
    import nbformat

    from mlhelpers.course.normal_form import dumps

    syllabus = load_syllabus(root)
    lesson = syllabus.lesson(number)
    path = syllabus.path(lesson)
    if path.exists():
        raise FileExistsError(f"{path} exists already; edit it, or delete it first")
    notebook = nbformat.v4.new_notebook()
    for kind, text in _cells(lesson, syllabus):
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        metadata = {"jupyter": {"source_hidden": True}, "tags": [CHECK_TAG]} if kind == "check" else {}
        notebook.cells.append(make(text, metadata=metadata))
    write_text(path, dumps(notebook))
    return path


def badge(lesson: Lesson) -> str:
    """Markdown of the Binder badge that opens a lesson."""
    url = f"https://mybinder.org/v2/gh/{REPOSITORY}/HEAD?urlpath=lab/tree/notebooks/{lesson.file}"
    return f"[![Binder](../../docs/images/binder.svg)]({url})"


def _cells(lesson: Lesson, syllabus: Syllabus) -> list[tuple[str, str]]:
    objectives = "\n".join(f"- {objective}" for objective in lesson.objectives)
    branches = "\n".join(f"    TODO branch {n}\n      TODO leaf" for n in range(1, 5))
    details = "\n\n".join(
        f"{n}. TODO question\n\n<details><summary>Answer</summary>\n\nTODO\n\n</details>" for n in (1, 2, 3)
    )
    front = f"{front_matter(lesson)} · {badge(lesson)}"
    mindmap = f"mindmap\n  root(({lesson.title}))\n{branches}"
    following = syllabus.after(lesson)
    after = f"{following.number} {following.title}" if following else "the end of the course"
    helper = [
        ("markdown", f"## {BY_HAND}\n\nTODO"),
        ("code", "# TODO: the idea in a few lines"),
        ("markdown", "TODO: the tested helper gives the same answer:"),
        ("code", "# TODO: import the helper, use it, assert that both agree"),
    ]
    return [
        ("markdown", f"# {lesson.number} {lesson.title}\n\nTODO: one sentence with the promise.\n\n{front}"),
        ("markdown", f"## What you will learn\n\n{objectives}"),
        ("markdown", f"## Map\n\nTODO: what the map shows.\n\n```mermaid\n{MAP_STYLE}\n{mindmap}\n```"),
        ("markdown", "## The question\n\nTODO: three to six sentences."),
        ("code", "# TODO: load the data"),
        ("markdown", "TODO: what the result says and what to do because of it."),
        ("markdown", "## The common way, and how it fails\n\nTODO"),
        ("code", "# TODO: the trap, with the damage as a number"),
        ("markdown", "TODO: read the damage."),
        ("code", "# TODO: the repair, with the same number"),
        ("check", f"{CHECK_HEAD}\n# TODO: assert both numbers"),
        ("markdown", "TODO: read the repair."),
        *(helper if lesson.helpers else []),
        ("markdown", "## In production\n\nTODO: three to eight sentences."),
        ("markdown", f"## Check yourself\n\n{details}"),
        ("markdown", f"## Exercise\n\n[Exercise {lesson.number}](../../exercises/TODO)"),
        ("markdown", "## Summary\n\n- TODO\n- TODO\n- TODO"),
        ("markdown", "## References\n\n- TODO"),
        ("markdown", f"## Next\n\n{after}: TODO"),
    ]  # fmt: skip
