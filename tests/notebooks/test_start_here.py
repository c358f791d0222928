"""The start notebook runs anywhere and its stored outputs hold."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat

from mlhelpers.course.files import find_root

ROOT = find_root(Path(__file__).parent)
START = ROOT / "notebooks" / "00_start_here.ipynb"


def test_stored_outputs_hold_once_more():
    """`make lessons` runs it as well, so in one check it runs twice."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        str(START),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_map_has_a_box_for_every_chapter():
    source = "\n".join(cell.source for cell in nbformat.read(START, 4).cells)
    assert sorted(map(int, re.findall(r"c\d+\[(\d+) ", source))) == list(range(1, 15))


def test_links_to_lessons_are_alive():
    notebook = nbformat.read(START, 4)
    texts = [
        output.data["text/markdown"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output and "text/markdown" in output.data
    ]
    assert len(texts) == 1
    assert all((START.parent / target).exists() for target in re.findall(r"\]\(([^)]+)\)", texts[0]))
