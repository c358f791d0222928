"""Make a repository of the small churn project with its workflow, as somebody would push it.

    python deploy/github/new_project.py FOLDER

Its rows are customers of the course's churn table, its lock names the versions of this environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import yaml

from mlhelpers.data import load

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "mlhelpers",
    "scikit-learn",
    "pandas",
    "numpy",
    "onnxruntime",
    "pyyaml",
    "requests",
    "pytest",
    "ruff",
)
N_TRAIN, N_TEST = 3_000, 3_600
WHO = {f"GIT_{role}_NAME": "Ada" for role in ("AUTHOR", "COMMITTER")}
WHO |= {f"GIT_{role}_EMAIL": "ada@example.org" for role in ("AUTHOR", "COMMITTER")}


def new_project(folder: str | Path) -> Path:
    """Write the project, its data, its lock and its workflow, and commit them.

    Parameters
    ----------
    folder : str or Path
        Must not be there yet.

    Returns
    -------
    Path
        The repository.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; give a folder that is not")
    shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    (folder / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(HERE / "ml.yml", folder / ".github" / "workflows")
    (folder / "requirements.lock").write_text("".join(f"{name}=={version(name)}\n" for name in PACKAGES))
    contract = yaml.safe_load((folder / "contract.yml").read_text(encoding="utf-8"))["customers"]
    customers = load("churn")[list(contract)]
    (folder / "data").mkdir()
    parts = {"train": customers.head(N_TRAIN), "test": customers.tail(N_TEST)}
    for name, rows in parts.items():
        rows.to_csv(folder / "data" / f"{name}.csv", index=False, lineterminator="\n")
    commit(folder, "A small churn model with its workflow", first=True)
    return folder


def commit(folder: str | Path, message: str, *, first: bool = False) -> str:
    """Commit everything in a repository and return the commit's hash."""
    words = [["init", "--quiet", "--initial-branch", "main"]] if first else []
    words += [["add", "--all"], ["commit", "--quiet", "--message", message]]
    for one in words:
        subprocess.run(["git", *one], cwd=folder, env=os.environ | WHO, check=True, capture_output=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(new_project(sys.argv[1]))
