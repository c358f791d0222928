"""The script behind `make unit`: every test runs once, and coverage is measured where something changed."""

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("unit", ROOT / "tests" / "unit.py")
unit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(unit)


def test_a_stage_changed_with_its_code_or_its_tests():
    names = [
        "mlhelpers/serving/app.py",
        "tests/data/test_remote.py",
        "notebooks/02_data/x.ipynb",
        "README.md",
    ]
    assert unit.changed_stages([*names, "tests/conftest.py", "tests/project/test_unit.py"]) == [
        "data",
        "serving",
    ]


@pytest.fixture
def repository(tmp_path):
    who = {f"GIT_{role}_{what}": "test" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*arguments):
        subprocess.run(
            ["git", *arguments], cwd=tmp_path, env=os.environ | who, check=True, capture_output=True
        )

    git("init")
    for name in ("first", "second", "third"):
        (tmp_path / name).write_text(name)
        git("add", name)
        git("commit", "-m", name)
    return tmp_path


def test_the_last_commits_and_the_work_tree_count(repository):
    (repository / "second").write_text("edited")
    (repository / "fourth").write_text("new")
    assert sorted(unit.changed_files(1, folder=repository)) == ["fourth", "second", "third"]


def test_too_few_commits_or_none_measure_everything(repository, tmp_path_factory):
    assert unit.changed_files(3, folder=repository) is None
    assert unit.changed_files(1, folder=tmp_path_factory.mktemp("archive")) is None


@pytest.mark.parametrize("stages", [[], ["data"], ["data", "serving"]])
def test_every_folder_of_tests_is_run_once(stages):
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir()}
    folders -= {"tests/exercises", "tests/__pycache__"}
    *measured, plain = unit.commands(stages, [])
    ran = [word for command in measured for word in command if word in folders]
    assert "tests" in plain and not any(word.startswith("--cov") for word in plain)
    ran += [folder for folder in folders if f"--ignore={folder}" not in plain]
    assert sorted(ran) == sorted(folders)
    assert [word for command in measured for word in command if word.startswith("--cov=")] == [
        f"--cov=mlhelpers.{stage}" for stage in stages
    ]


def test_all_stages_are_measured_in_one_run():
    (command,) = unit.commands(unit.STAGES, ["-n", "2"])
    assert {"tests", "--ignore=tests/exercises", "--cov", "-n"} <= set(command)
