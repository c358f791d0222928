"""The commands of the Makefile do what its head says."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def dry_run(*targets):
    done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


PUBLIC = ["lab", "pipeline", "test", "unit", "test-platforms", "test-processors", "lessons", "lock", "clean"]


@pytest.mark.parametrize("target", [*PUBLIC, "setup"])
def test_target_exists(target):
    dry_run(target)


def test_help_names_every_target_of_the_head():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in PUBLIC:
        assert f"make {target} " in shown


def test_every_use_sets_itself_up_first():
    for target in ("lab", "pipeline", "test", "lessons", "lint", "unit", "exercises"):
        assert re.search(rf"^{target}: setup", MAKEFILE, re.MULTILINE), target


def test_make_test_covers_all_five_parts():
    body = MAKEFILE.split("\ntest: setup\n")[1].split("\n\n")[0]
    assert re.findall(r"\$\(MAKE\) --no-print-directory (\w+)", body) == [
        "lint", "pipeline", "unit", "lessons", "exercises",
    ]  # fmt: skip


def test_set_up_is_quick_when_done():
    ready = ROOT / ".venv" / ".ready"
    if not ready.exists():
        pytest.skip("this environment was not made by make")
    done = subprocess.run(["make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip" not in done.stdout
