"""Of a submission only the answers are taken; everything else is put back."""

import nbformat


def cells(*marks):
    """Cells from (kind, id) pairs; the source is the id, or the kind without one."""
    made = []
    for kind, name in marks:
        metadata = {}
        if name:
            metadata = {"nbgrader": {"grade_id": name, "grade": kind == "test", "solution": kind == "answer"}}
        cell = nbformat.v4.new_code_cell(f"{kind} {name or ''}".strip(), metadata=metadata)
        made.append(cell)
    return nbformat.v4.new_notebook(cells=made)


def test_answers_alone_are_taken_and_everything_else_is_put_back():
    from mlhelpers.course.exercises.restore import moved_cells, restored

    source = cells(("setup", None), ("answer", "a"), ("test", "a_test"), ("answer", "b"), ("test", "b_test"))
    handed_in = nbformat.from_dict(source)
    handed_in.cells = [nbformat.from_dict(dict(cell)) for cell in source.cells]
    first, a, a_test, b, _ = handed_in.cells
    first.source, a.source, a_test.source, b.source = "import math", "mine", "assert True", "mine too"
    a.metadata = {"nbgrader": {"grade_id": "a", "grade": True, "points": 9}, "tags": ["x"]}
    extra = nbformat.v4.new_code_cell("helper")
    handed_in.cells = [first, a_test, a, extra, b]
    made = restored(handed_in, source, source)
    assert [cell.source for cell in made.cells] == [
        "import math",
        "setup",
        "mine",
        "helper",
        "test a_test",
        "mine too",
        "test b_test",
    ]
    assert made.cells[2].metadata == source.cells[1].metadata
    assert moved_cells(handed_in, source) == ["a_test"]
    assert moved_cells(source, source) == []
