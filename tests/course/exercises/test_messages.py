"""What a learner reads of an error: one line, and no hidden test."""

import nbformat
import pytest

from mlhelpers.course.exercises.messages import answer_error, leaks, one_line, shown_error

SECRET = 'assert task_1([4, 5, 6]) == 15, "TODO"'


def failed(ename, evalue, line=None, source="assert x, 'm'"):
    where = [f"\x1b[32mCell In[5]\x1b[0m, line {line}"] if line else []
    error = nbformat.v4.new_output("error", ename=ename, evalue=evalue, traceback=where)
    return nbformat.v4.new_code_cell(source, outputs=[error])


HIDDEN = "visible\n### BEGIN HIDDEN TESTS\nassert secret == 1234\n### END HIDDEN TESTS"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (nbformat.v4.new_code_cell("1"), ""),
        (failed("AssertionError", "too\nhigh", 1, HIDDEN), "too high"),
        (failed("AssertionError", "", 1), "an assertion failed that says nothing"),
        (failed("ValueError", "1234", 3, HIDDEN), "a hidden test fails with ValueError; read the task again"),
        (failed("AssertionError", "1234", None, HIDDEN), "a hidden test fails; read the task again"),
        (failed("NotImplementedError", "", 3, HIDDEN), "not answered yet"),
        (failed("CellTimeoutError", "the cell ran longer than 5 s"), "the test ran longer than 5 s"),
    ],
)
def test_message_of_a_test_cell(cell, shown):
    assert shown_error(cell).startswith(shown)
    assert bool(shown_error(cell)) == bool(shown)
    assert "1234" not in shown_error(cell)


def test_message_of_an_answer_cell():
    assert answer_error(nbformat.v4.new_code_cell("1")) == ""
    assert answer_error(failed("NotImplementedError", "")) == "not answered yet"
    assert answer_error(failed("NameError", "x", 2)) == "the answer's cell fails: NameError: x (line 2)"
    assert one_line(failed("KeyboardInterrupt", "").outputs[0]) == "KeyboardInterrupt"


def test_quoted_tests_are_recognized_in_text_and_in_values():
    quoted = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text=f"x\n{SECRET}\n")])
    data = {"text/plain": repr(SECRET)}
    value = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("execute_result", data)])
    assert leaks(quoted, [SECRET])
    assert leaks(value, [SECRET])
    assert not leaks(quoted, ["x"])
