"""Run the unit tests, and measure branch coverage of the stages that the last commits changed.

    python tests/unit.py                 every test; coverage of what 20 commits changed
    python tests/unit.py --changed 3     ... of what 3 commits changed
    python tests/unit.py --all           every test, coverage of the whole package

Python 3.11 traces every line of NumPy and pandas too while coverage is measured, so that tests take half as
long again or twice as long. A stage that nobody changed keeps the coverage that it had.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGES = sorted(path.name for path in (ROOT / "mlhelpers").iterdir() if (path / "__init__.py").is_file())


def changed_stages(names: list[str]) -> list[str]:
    """Stages of the changed files: those of their code and those of their tests."""
    parts = [Path(name).parts for name in names]
    found = {one[1] for one in parts if len(one) > 2 and one[0] in ("mlhelpers", "tests")}
    return [stage for stage in STAGES if stage in found]


def changed_files(commits: int, *, folder: Path = ROOT) -> list[str] | None:
    """Files that the last commits and the work tree changed; None where that cannot be told."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
        ).stdout

    try:
        if git("rev-parse", "--is-shallow-repository").strip() == "true":
            return None
        there = int(git("rev-list", "--count", "--first-parent", "HEAD"))
        if commits >= there:
            return None
        names = git("diff", "--name-only", f"HEAD~{commits}") + git(
            "ls-files", "--others", "--exclude-standard"
        )
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository: an unpacked archive
        return None
    return names.splitlines()


def commands(stages: list[str], arguments: list[str]) -> list[list[str]]:
    """One run of pytest with coverage for these stages, one without for all other tests.

    Each runs in the order of tests/conftest.py, the slow files first, so that no worker waits at the end.
    """
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        *arguments,
    ]
    if stages == STAGES:
        return [[*pytest, "tests", "--ignore=tests/exercises", "--cov", "--cov-report=term:skip-covered"]]
    measured = [f"tests/{stage}" for stage in stages]
    cover = [f"--cov=mlhelpers.{stage}" for stage in stages]
    left = [f"--ignore={folder}" for folder in measured]
    plain = [*pytest, "tests", "--ignore=tests/exercises", *left]
    return ([[*pytest, *measured, *cover, "--cov-report=term:skip-covered"]] if stages else []) + [plain]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true", help="coverage of the whole package")
    parser.add_argument(
        "--changed", type=int, default=20, metavar="N", help="commits to look back (default: 20)"
    )
    options, arguments = parser.parse_known_args()
    names = None if options.all else changed_files(options.changed)
    stages = STAGES if names is None else changed_stages(names)
    print(
        f"unit: every test; branch coverage of {', '.join(stages) or 'no stage, for none changed'}",
        flush=True,
    )
    for path in ROOT.glob(".coverage*"):
        path.unlink()
    ended = [
        subprocess.run(command, cwd=ROOT, env=dict(os.environ), check=False).returncode
        for command in commands(stages, arguments)
    ]
    return max(ended)


if __name__ == "__main__":
    sys.exit(main())
