"""Output of an executed submission."""

import nbformat


def test_long_lines_are_joined_at_once_and_overwritten_ones_shortened():
    from mlhelpers.course.runs.kernels import join_streams

    texts = [
        ("stderr", "e\r"),
        ("stdout", "a\rb\nc\r\n"),
        ("stderr", "f"),
        ("stdout", "x" * 3_000_000 + "\r1"),
    ]
    outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in texts]
    cell = nbformat.v4.new_code_cell(outputs=outputs)
    join_streams(cell)
    assert [(o.name, o.text) for o in cell.outputs] == [("stdout", "b\nc\r\n1"), ("stderr", "f")]
