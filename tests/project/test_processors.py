"""The script behind `make test-processors`: its settings are in force, and it leaves nothing behind."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("processors", ROOT / "tests" / "processors.py")
processors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(processors)

on_x86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the profiles are those of x86 processors")


@on_x86
@pytest.mark.parametrize("name", processors.PROFILES)
def test_profile_is_in_force_in_a_new_process(name):
    profile = processors.PROFILES[name]
    features, blas = processors.in_force(os.environ | profile)
    assert processors.problems_of(profile, features, blas) == []


def test_profile_that_is_not_in_force_is_told():
    profile = processors.PROFILES["an old machine"]
    told = processors.problems_of(profile, ["AVX2"], ["SkylakeX"])
    assert told == ["NumPy still uses AVX2", "OpenBLAS uses SkylakeX, not Nehalem"]


def notebook(code, prose="prose"):
    cells = [
        {"cell_type": "markdown", "source": [prose]},
        {"cell_type": "code", "source": [code], "outputs": [code]},
    ]
    return json.dumps({"cells": cells})


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small repository: two notebooks, then code of the first, then prose of the second is changed."""
    root = tmp_path / "root"
    (root / "notebooks" / "01").mkdir(parents=True)
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for a, b in (
        (notebook("1"), notebook("1")),
        (notebook("2"), notebook("1")),
        (notebook("2"), notebook("1", "other")),
    ):
        (root / "notebooks" / "01" / "a.ipynb").write_text(a)
        (root / "notebooks" / "01" / "b.ipynb").write_text(b)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "change"], check=True)
    monkeypatch.setattr(processors, "ROOT", root)
    return root


def test_changed_notebooks_are_those_whose_code_the_last_commits_changed(course):
    assert processors.changed_notebooks(1) == []
    assert processors.changed_notebooks(2) == ["notebooks/01/a.ipynb"]
    assert processors.changed_notebooks(20) == ["notebooks/01/a.ipynb", "notebooks/01/b.ipynb"]


def test_copy_holds_what_is_not_committed_and_is_clean(course, tmp_path):
    (course / "notebooks" / "01" / "a.ipynb").write_text("edited")
    (course / "notebooks" / "01" / "b.ipynb").unlink()
    (course / "new.txt").write_text("new")
    copy = processors.copy_of_the_tree(tmp_path)
    assert (copy / "notebooks" / "01" / "a.ipynb").read_text() == "edited"
    assert not (copy / "notebooks" / "01" / "b.ipynb").exists()
    assert (copy / "new.txt").read_text() == "new"
    assert processors._git("status", "--porcelain", cwd=copy) == ""


def test_a_command_that_changes_a_file_fails_and_is_undone(course, tmp_path, capsys):
    copy = processors.copy_of_the_tree(tmp_path)
    write = [sys.executable, "-c", "open('notebooks/01/a.ipynb', 'w').write('other')"]
    assert not processors.run("write", write, copy, dict(os.environ))
    assert "+other" in capsys.readouterr().out
    assert (copy / "notebooks" / "01" / "a.ipynb").read_text() == notebook("2")
    assert processors.run("nothing", [sys.executable, "-c", ""], copy, dict(os.environ))
    assert not processors.run("fails", [sys.executable, "-c", "raise SystemExit(1)"], copy, dict(os.environ))
