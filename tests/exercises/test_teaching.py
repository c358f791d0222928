"""The commands of docs/teaching.md, run as they stand there on three made-up students."""

import csv
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mlhelpers.course.exercises.per_student import seed_of
from mlhelpers.course.files import find_root, read_notebook

ROOT = find_root(Path(__file__).parent)
TEXT = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console test\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
NAME = "01_business_problem_and_metrics"


@pytest.fixture
def clone(tmp_path):
    """Copy of what an instructor needs of the course: the syllabus and one exercise of chapter 2."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "syllabus.yml", tmp_path / "notebooks")
    for step in ("source", "release"):
        folder = Path("exercises") / "02_data" / step / NAME
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eu", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )


def hand_in(folder, student, source):
    target = folder / "submitted" / student / NAME / f"{NAME}.ipynb"
    target.parent.mkdir(parents=True)
    shutil.copyfile(source, target)


def test_commands_lead_from_a_clone_to_grades(clone):
    assign, grade, assign_own, grade_own = BLOCKS
    result = run(assign, clone)
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(clone / "chapter_2.zip") as file:
        file.extractall(clone / "handed_out")
    released = clone / "handed_out" / NAME / f"{NAME}.ipynb"
    assert released.read_bytes() == (ROOT / f"exercises/02_data/release/{NAME}/{NAME}.ipynb").read_bytes()
    hand_in(clone, "ann", clone / f"exercises/02_data/source/{NAME}/{NAME}.ipynb")
    hand_in(clone, "ben", released)
    (clone / "submitted" / "cem").mkdir()
    result = run(grade, clone)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    with (clone / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    most = float(rows["ann"]["max_score"])
    assert {name: float(row["score"]) for name, row in rows.items()} == {"ann": most, "ben": 0, "cem": 0}
    assert rows["cem"]["note"] == "nothing handed in"
    assert sorted(p.parent.name for p in (clone / "feedback").glob(f"*/{NAME}.html")) == ["ann", "ben"]
    assert len(read_notebook(released).cells) > 10
    (roster,) = re.findall(r"^```\n(student,name,.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    (clone / "roster.csv").write_text(roster, encoding="utf-8")
    result = run(assign_own, clone)
    assert result.returncode == 0, result.stderr
    assert f"2.1 {NAME}: 2 students with numbers of their own" in result.stdout
    with zipfile.ZipFile(clone / "own_numbers.zip") as file:
        file.extractall(clone / "own")
    seeds = {seed_of(read_notebook(clone / "own" / name / NAME / f"{NAME}.ipynb")) for name in ("ann", "ben")}
    assert len(seeds) == 2
    shutil.copyfile(
        clone / "own" / "ben" / NAME / f"{NAME}.ipynb", clone / "submitted" / "ben" / NAME / f"{NAME}.ipynb"
    )
    result = run(grade_own, clone)
    assert result.returncode == 0, result.stderr
    with (clone / "own_grades.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: float(row["score"]) for name, row in rows.items()} == {"ann": most, "ben": 0, "cem": 0}
    assert rows["ann"]["note"].startswith("its SEED is 21"), "the solution with the common numbers"


def test_names_of_commands_and_files_in_the_text_exist():
    help_text = run("mle exercise --help", ROOT).stdout
    for action in set(re.findall(r"mle exercise (\w+)", TEXT)):
        assert action in help_text
    assert f"{NAME}.ipynb" in TEXT
    assert (ROOT / "exercises" / "02_data" / "wrong_answers" / f"{NAME}.yml").is_file()
