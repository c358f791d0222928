"""`make setup` says what it does and how far it is, and gives Jupyter its settings; `make lab` is quiet."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "binder/overrides.json": ".venv/share/jupyter/lab/settings/overrides.json",
    "binder/page_config.json": ".venv/etc/jupyter/labconfig/page_config.json",
    "binder/nbgrader_config.py": ".venv/etc/jupyter/nbgrader_config.py",
    "binder/ipython_kernel_config.py": ".venv/etc/ipython/ipython_kernel_config.py",
}
# Stands for uv: makes the environment, installs a package in each second, and fails when it is told to.
UV = """#!/usr/bin/env bash
if [ "$1" = venv ]; then
  mkdir -p .venv/bin .venv/lib && printf '#!/bin/sh\n' > .venv/bin/python && chmod +x .venv/bin/python
elif [ "$2" = sync ]; then
  for number in 1 2; do sleep 1.2; mkdir -p .venv/lib/package_$number.dist-info; done
  [ ! -e broken ] || { echo "no such package" >&2; exit 1; }
fi
"""
# Stands for JupyterLab: shows its arguments.
LAB = '#!/bin/sh\necho "arguments: $*"\n'


@pytest.fixture
def clone(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "binder"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    uv = tmp_path / ".tools" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(UV)
    uv.chmod(0o755)
    return tmp_path


def make(clone, *arguments, **environment):
    # without what tells make that it runs inside of another make
    without = ("DISPLAY", "WAYLAND_DISPLAY", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    kept = {k: v for k, v in os.environ.items() if k not in without}
    return subprocess.run(
        ["make", *arguments], cwd=clone, env=kept | environment, capture_output=True, text=True, check=False
    )


def test_setup_tells_its_steps_how_far_it_is_and_what_is_next(clone):
    done = make(clone, "setup", "TELL_SECONDS=1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "setup: Python 3.11 into .venv"
    count = (clone / "requirements.lock").read_text().count("==")
    assert re.fullmatch(r"setup: the \d+ packages of requirements\.lock, .*", lines[1])
    assert 0 < int(lines[1].split()[2]) <= count
    assert lines[2].startswith("setup:   fetching packages, ")
    assert any(re.fullmatch(r"setup:   1 packages there, \d s", line) for line in lines)
    assert any(re.fullmatch(r"setup:   done in \d s", line) for line in lines)
    assert lines[-1].startswith("setup: ready; `make lab` opens the course")


def test_setup_that_fails_is_not_taken_for_done(clone):
    (clone / "broken").touch()
    done = make(clone, "setup")
    assert done.returncode != 0
    assert "no such package" in done.stderr
    assert "ready" not in done.stdout
    assert not (clone / ".venv" / ".ready").exists()


def test_changed_settings_are_copied_without_installing_again(clone):
    make(clone, "setup")
    for source, target in SETTINGS.items():
        assert (clone / target).read_bytes() == (clone / source).read_bytes()
    assert "setup:" not in make(clone, "setup").stdout
    (clone / "binder/overrides.json").write_text("{}")
    later = (clone / ".venv/.settings").stat().st_mtime + 2
    os.utime(clone / "binder/overrides.json", (later, later))
    assert "setup:" not in make(clone, "setup").stdout
    assert (clone / SETTINGS["binder/overrides.json"]).read_text() == "{}"


def test_binder_copies_the_same_settings():
    script = (ROOT / "binder" / "postBuild").read_text()
    for source, target in SETTINGS.items():
        folder = Path(target).parent.relative_to(".venv")
        assert re.search(rf'^cp {source} "\$prefix/{folder}/', script, re.MULTILINE), source


@pytest.fixture
def lab(clone):
    make(clone, "setup")
    program = clone / ".venv" / "bin" / "jupyter"
    program.write_text(LAB)
    program.chmod(0o755)
    return clone


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen")
def test_lab_without_a_screen_opens_no_browser_and_passes_options_on(lab):
    done = make(lab, "lab", "LAB_ARGS=--port=8890")
    arguments = done.stdout.splitlines()[-1]
    assert arguments.startswith(
        "arguments: lab --Application.log_level=ERROR --LabApp.default_url=/lab/tree/notebooks/00_"
    )
    assert arguments.endswith(" --no-browser --port=8890")
    assert "--no-browser" not in make(lab, "lab", DISPLAY=":0").stdout


def test_lab_works_for_root_with_a_hint(lab):
    identity = lab / "id"
    identity.write_text('#!/bin/sh\necho "$WHO"\n')
    identity.chmod(0o755)
    path = f"{lab}{os.pathsep}{os.environ['PATH']}"
    root, other = (make(lab, "lab", PATH=path, WHO=who).stdout for who in ("0", "1000"))
    assert "lab: you are root and so is every cell that runs" in root
    assert " --allow-root" in root
    assert "root:" not in other and "--allow-root" not in other


def test_lab_on_a_chapter_tells_where_the_formgrader_is(lab):
    (lab / "exercises" / "02_data" / "source").mkdir(parents=True)
    done = make(lab, "lab", "CHAPTER=2")
    assert done.returncode == 0, done.stderr
    assert "lab: formgrader on exercises/02_data: menu Nbgrader > Formgrader" in done.stdout
    assert "arguments: lab" in done.stdout
    done = make(lab, "lab", "CHAPTER=9")
    assert done.returncode != 0
    assert "lab: no exercises of chapter 9; there are: 02_data" in done.stderr
    assert "arguments: lab" not in done.stdout
    assert "formgrader" not in make(lab, "lab").stdout


def test_help_tells_how_to_give_options_to_jupyterlab():
    assert "make lab LAB_ARGS='--no-browser --port=8890'" in make(ROOT, "help").stdout


def test_opened_lesson_gets_the_metadata_that_it_has(tmp_path):
    """JupyterLab stores the kernel's language_info; any difference would mark the lesson as changed."""
    from jupyter_client.manager import start_new_kernel

    from mlhelpers.course.normal_form import LANGUAGE_INFO

    profile = tmp_path / "profile_default"
    profile.mkdir()
    shutil.copy(ROOT / "binder" / "ipython_kernel_config.py", profile)
    manager, client = start_new_kernel(env=os.environ | {"IPYTHONDIR": str(tmp_path)})
    try:
        told = client.kernel_info(reply=True, timeout=60)["content"]["language_info"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert told == LANGUAGE_INFO
