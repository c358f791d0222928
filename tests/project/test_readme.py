"""The README is true: each command in it runs in a test or in CI."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ").split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
# Commands that a test elsewhere or CI itself runs, and where.
ELSEWHERE = {
    "make setup": ".ci/run",
    "make lab": "tests/project/test_lab.py",
    "make pipeline": "Makefile",  # `make test` runs it
    "make test": ".ci/run",
    "make test-platforms": ".ci/run",
    "make test-processors": ".ci/run",
    "make lessons": "Makefile",
    "make lock": ".github/workflows/newest.yml",
    "mle run pipelines/churn/04_train.ipynb out.ipynb -p max_depth 6": "tests/pipelines/test_churn.py",
    "mle serve pipelines/churn/artifacts/package/bundle": "tests/pipelines/test_churn.py",
    "mle score pipelines/churn/artifacts/package/bundle data/churn/churn.parquet scores.parquet": (
        "tests/pipelines/test_churn.py"
    ),
    "mle bundle verify pipelines/churn/artifacts/package/bundle": "tests/pipelines/test_churn.py",
    "papermill pipelines/churn/04_train.ipynb out.ipynb -p max_depth 6": "tests/pipelines/test_churn.py",
}


def test_readme_has_commands():
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs_or_is_run_elsewhere(command, tmp_path):
    if command in ELSEWHERE:
        where = (ROOT / ELSEWHERE[command]).read_text(encoding="utf-8")
        words = command.split()[1] if command.startswith("make") else command
        assert words in where
        return
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "MLE_PROGRESS_DIR": str(tmp_path)}
    if command.startswith("source "):
        script = ROOT / command.removeprefix("source ")
        if not script.is_file():
            pytest.skip("this environment is not in .venv")
        done = subprocess.run(
            ["bash", "-c", f"source {shlex.quote(str(script))} && command -v mle"], check=False
        )
        assert done.returncode == 0
        return
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_commands_work_in_the_order_in_which_they_stand():
    order = {command: place for place, command in enumerate(COMMANDS)}
    assert COMMANDS[:2] == ["make setup", "make pipeline"]
    activated = order["source .venv/bin/activate"]
    for command, place in order.items():
        if command.startswith(("mle ", "papermill ")):
            assert place > activated, f"{command} needs the environment"
        if "pipelines/" in command:
            assert place > order["make pipeline"], f"{command} reads what the pipeline makes"
    held = next(b for b in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL) if "$ make lab" in b)
    assert held.rstrip().splitlines()[-1].startswith("$ make lab")  # it holds the terminal until Ctrl-C


def test_what_the_commands_write_is_ignored_by_git():
    named = [
        word
        for command in COMMANDS
        for word in command.split()
        if word.endswith("out.ipynb") or word == "scores.parquet"
    ]
    assert len(named) == 3
    for name in [*named, "04_train.out.ipynb"]:
        done = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, capture_output=True)
        if done.returncode == 128:
            pytest.skip("not a git checkout")
        assert done.returncode == 0, f"{name} is not ignored"


def test_no_picture_comes_from_elsewhere():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT)
    assert "docs/images/binder.svg" in pictures
    assert [picture for picture in pictures if "://" in picture] == []


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_chapter_table_is_that_of_the_syllabus():
    done = subprocess.run(
        [sys.executable, "-m", "mlhelpers.course.syllabus.readme", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_readme_fits_a_screen_or_two():
    without_lessons = re.sub(r"<!-- chapters:start -->.*<!-- chapters:end -->", "", TEXT, flags=re.DOTALL)
    assert len(without_lessons.split()) < 650
