"""The error of a failed notebook names the cell, the line and the copy that was kept."""

from mlhelpers.course.runs.failures import NotebookError, failing_line, first_line

PARTS = {
    "notebook": "a.ipynb",
    "cell": 3,
    "execution_count": 2,
    "first_line": "x = 1",
    "failing_line": "line 2: x / 0",
    "name": "ZeroDivisionError",
    "message": "division by zero",
}


def test_message_names_cell_lines_and_copy():
    assert str(NotebookError(**PARTS, output="out.ipynb")).splitlines() == [
        "a.ipynb: cell 3 (In [2]) failed: ZeroDivisionError: division by zero",
        "  cell begins: x = 1",
        "  raised at:   line 2: x / 0",
        "  kept:        out.ipynb",
    ]


def test_a_dead_kernel_has_no_cell_and_no_lines():
    parts = PARTS | {"cell": 0, "first_line": "", "failing_line": "", "message": ""}
    assert str(NotebookError(**parts)) == "a.ipynb: the kernel failed: ZeroDivisionError"


def test_first_line_is_the_first_that_is_not_empty():
    assert first_line("\n  \n  x = 1\ny = 2") == "x = 1"
    assert first_line(" \n") == ""


def test_failing_line_is_the_one_with_the_arrow_without_colors():
    traceback = [
        "\x1b[0;31mError\x1b[0m",
        "Cell \x1b[0;32mIn[5]\x1b[0m, line 2",
        "      1 x = 0\n----> 2 1 / x\n      3 y",
    ]
    assert failing_line(traceback) == "line 2: 1 / x"
    assert failing_line(["SyntaxError: invalid syntax"]) == ""
