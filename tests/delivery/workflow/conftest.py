"""Workflows as texts, and a small repository that they check out."""

import os
import subprocess
import textwrap

import pytest

from mlhelpers.delivery import run_workflow


@pytest.fixture
def write(tmp_path):
    """Write a workflow: a whole text, or the steps of one job."""

    def write(text="", steps=""):
        if steps:
            text = "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n"
            text += textwrap.indent(textwrap.dedent(steps).strip("\n"), "      ")
        path = tmp_path / "ml.yml"
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "train.py").write_text("print('trained')\n")
    (folder / "requirements.lock").write_text("one==1\n")
    who = {f"GIT_{role}_{what}": "test" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for words in (["init"], ["add", "."], ["commit", "-m", "first"]):
        subprocess.run(["git", *words], cwd=folder, env=os.environ | who, check=True, capture_output=True)
    return folder


@pytest.fixture
def run(write, repository, tmp_path):
    """Run a workflow on the repository."""

    def run(text="", steps="", **options):
        path = write(text, steps)
        return run_workflow(path, source=repository, folder=tmp_path / "run", **options)

    return run
