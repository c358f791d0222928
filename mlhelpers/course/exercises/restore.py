"""A submission put into the exercise's own notebook: tests, metadata and order ours, answers theirs.

Used by `grading` and `classroom` before anything of a submission is executed.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


def marks_of(cell: NotebookNode) -> dict[str, Any]:
    """The nbgrader metadata of a cell, empty without any or with what is none."""
    marks = cell.get("metadata", {}).get("nbgrader")
    return marks if isinstance(marks, dict) else {}


def id_of(cell: NotebookNode) -> str | None:
    """The nbgrader id of a cell, None without one."""
    name = marks_of(cell).get("grade_id")
    return name if isinstance(name, str) and name else None


def missing_cells(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """Ids of the cells that the release version has and `notebook` has not."""
    there = {id_of(cell) for cell in notebook.cells}
    return [name for cell in released.cells if (name := id_of(cell)) and name not in there]


def repeated_cells(notebook: NotebookNode) -> list[str]:
    """Ids that more than one cell has."""
    names = [name for cell in notebook.cells if (name := id_of(cell))]
    return sorted({name for name in names if names.count(name) > 1})


def moved_cells(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """Ids of cells that stand before one which precedes them in the release version."""
    order = {name: place for place, cell in enumerate(released.cells) if (name := id_of(cell))}
    names = [name for cell in notebook.cells if (name := id_of(cell)) in order]
    places = [order[name] for name in dict.fromkeys(names)]
    return [
        name
        for number, (name, place) in enumerate(zip(dict.fromkeys(names), places, strict=True))
        if any(later < place for later in places[number + 1 :])
    ]


def restored(notebook: NotebookNode, source: NotebookNode, released: NotebookNode) -> NotebookNode:
    """The exercise with a student's answers.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Submission; it is not changed.
    source : nbformat.NotebookNode
        With solutions and hidden tests.
    released : nbformat.NotebookNode
        Generated from it; its stubs stand for answers that are gone.

    Returns
    -------
    nbformat.NotebookNode
        Cells of `source` in their order, with the answers by id. Other cells of the student follow the cell
        of the exercise that they followed; a changed cell that is no answer is kept too, before its original.
    """
    import nbformat

    stubs = {id_of(cell): cell for cell in released.cells if id_of(cell)}
    answers = {name for cell in source.cells if marks_of(cell).get("solution") and (name := id_of(cell))}
    places = _places(notebook, source)
    given: dict[str, NotebookNode] = {}
    before: dict[int, list[NotebookNode]] = {}
    after: dict[int, list[NotebookNode]] = {}
    last = -1
    for cell, place in zip(notebook.cells, places, strict=True):
        if place is None:
            after.setdefault(last, []).append(_ordinary(cell))
            continue
        last = place
        original = source.cells[place]
        name = id_of(original)
        if name in answers:
            given[name] = cell
        elif name is None and cell.source != original.source:
            before.setdefault(place, []).append(_ordinary(cell))
    made = nbformat.v4.new_notebook(metadata=copy.deepcopy(source.metadata))
    made.cells += after.get(-1, [])
    for place, original in enumerate(source.cells):
        cell = copy.deepcopy(original)
        name = id_of(original)
        if name in answers:
            cell.source = given[name].source if name in given else stubs[name].source
        made.cells += [*before.get(place, []), cell, *after.get(place, [])]
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    return made


def _places(notebook: NotebookNode, source: NotebookNode) -> list[int | None]:
    """For each cell of a submission the cell of the exercise that it is, None for the student's own."""
    by_name = {name: place for place, cell in enumerate(source.cells) if (name := id_of(cell))}
    plain = {place: cell for place, cell in enumerate(source.cells) if id_of(cell) is None}
    by_id = {cell.id: place for place, cell in plain.items() if cell.get("id")}
    taken: set[int] = set()
    found: list[int | None] = []
    for cell in notebook.cells:
        name = id_of(cell)
        place = by_name.get(name) if name else None
        if place is not None and source.cells[place].cell_type != cell.cell_type:
            place = None
        if name is None:
            place = by_id.get(cell.get("id"))
            if place is None or plain[place].cell_type != cell.cell_type:
                same = (p for p, c in plain.items() if p not in taken and c.source == cell.source)
                place = next(same, None)
        if place in taken:
            place = None
        if place is not None:
            taken.add(place)
        found.append(place)
    return found


def _ordinary(cell: NotebookNode) -> NotebookNode:
    """Copy of a student's cell that is no cell of the exercise."""
    cell = copy.deepcopy(cell)
    cell.metadata = {}
    return cell
