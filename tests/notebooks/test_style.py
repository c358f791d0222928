"""Every stored notebook keeps the rules of the style."""

from pathlib import Path

import pytest

from mlhelpers.course.files import find_root
from mlhelpers.course.lessons.lint import check_lesson
from mlhelpers.course.syllabus import load_syllabus

ROOT = find_root(Path(__file__).parent)
SYLLABUS = load_syllabus(ROOT)
STORED = [ROOT / "notebooks" / "00_start_here.ipynb"] + [
    SYLLABUS.path(les) for les in SYLLABUS if les.written
]
STAGES = sorted((ROOT / "pipelines").glob("*/[0-9]*.ipynb"))


@pytest.mark.parametrize("path", [*STORED, *STAGES], ids=lambda path: path.stem)
def test_notebook_keeps_every_rule(path):
    findings = check_lesson(path)
    assert not findings, "\n".join(f"cell {f.cell}: {f.code} {f.message}" for f in findings)
