"""nbgrader's formgrader on a chapter, with the settings that `make lab CHAPTER=2` gives to JupyterLab."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
NAME = "01_business_problem_and_metrics"
HEADERS = {"Authorization": "token t"}


@pytest.fixture
def course(tmp_path):
    """A copy of one chapter's sources, tracked by git."""
    if shutil.which("git") is None:
        pytest.skip("no git, and the test looks at what it would track")
    folder = tmp_path / "course"
    shutil.copytree(ROOT / "exercises" / "02_data" / "source", folder / "exercises" / "02_data" / "source")
    shutil.copy(ROOT / ".gitignore", folder)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def lab(course, tmp_path):
    """Address of a JupyterLab whose formgrader is on chapter 2."""
    if not list(Path(sys.prefix).glob("etc/jupyter/jupyter_server_config.d/nbgrader.json")):
        pytest.skip("nbgrader's server extension is not installed in this environment")
    environment = os.environ | {
        "JUPYTER_CONFIG_PATH": str(ROOT / "binder" / "formgrader"),
        "MLE_CHAPTER_FOLDER": str(course / "exercises" / "02_data"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    log = tmp_path / "lab.log"
    options = ["--no-browser", "--port=0", "--allow-root", "--ServerApp.token=t"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=course,
            stdout=out,
            stderr=out,
            env=environment,
        )
    try:
        end = time.monotonic() + 120
        while True:
            found = next((tmp_path / "runtime").glob("jpserver-*.json"), None)
            try:
                address = json.loads(found.read_text())["url"].rstrip("/")
                requests.get(f"{address}/api", timeout=10)
                break
            except (AttributeError, ValueError, requests.ConnectionError):
                assert process.poll() is None and time.monotonic() < end, log.read_text()[-2000:]
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_formgrader_lists_generates_and_grades_without_a_change_for_git(lab, course):
    def get(what):
        answer = requests.get(f"{lab}/{what}", headers=HEADERS, timeout=60)
        assert answer.status_code == 200, what
        return answer

    assignments = get("formgrader/api/assignments").json()
    sources = sorted(path.name for path in (ROOT / "exercises" / "02_data" / "source").iterdir())
    assert [assignment["name"] for assignment in assignments] == sources
    assert "Manage Assignments" in get("formgrader/manage_assignments").text
    made = requests.post(
        f"{lab}/formgrader/api/assignment/{NAME}/assign", headers=HEADERS, data="{}", timeout=120
    ).json()
    assert made["success"], made
    text = (course / "exercises" / "02_data" / "handed_out" / NAME / f"{NAME}.ipynb").read_text("utf-8")
    assert "HIDDEN TESTS" not in text and "SOLUTION" not in text
    assert "per student: " not in text
    place = course / "exercises" / "02_data" / "submitted" / "ann" / NAME / f"{NAME}.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text(text, encoding="utf-8")
    for step in (f"submission/{NAME}/ann/autograde", f"assignment/{NAME}/ann/generate_feedback"):
        done = requests.post(f"{lab}/formgrader/api/{step}", headers=HEADERS, data="{}", timeout=300).json()
        assert done["success"], done
    page = (course / "exercises" / "02_data" / "feedback" / "ann" / NAME / f"{NAME}.html").read_text("utf-8")
    assert "best_threshold_of" in page
    assert "out_of_reach" not in page, "a name of a hidden test"
    changed = subprocess.run(
        ["git", "status", "--short", "--untracked-files"],
        cwd=course,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line for line in changed.splitlines() if not line.startswith("A ")] == []
    page = json.loads(
        re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', get("lab").text, re.S)[1]
    )
    assert "@jupyter/nbgrader" not in page["disabledExtensions"], "the menu of nbgrader is there"


def test_make_lab_gives_the_folder_of_the_chapter():
    def told(chapter):
        done = subprocess.run(
            ["make", "-n", "lab", f"CHAPTER={chapter}"],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"},
            capture_output=True,
            text=True,
        )
        return done.stdout

    for chapter in ("2", "02_data"):
        assert f'MLE_CHAPTER_FOLDER="{ROOT}/exercises/02_data"' in told(chapter)
        assert f'JUPYTER_CONFIG_PATH="{ROOT}/binder/formgrader"' in told(chapter)
        assert "formgrader on exercises/02_data" in told(chapter)
    assert "no exercises of chapter 19; there are: 01_foundations 02_data" in told("19")
    assert "exit 1" in told("19")
    assert "MLE_CHAPTER_FOLDER" not in told("")
