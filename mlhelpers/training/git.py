"""The commit that is checked out, for the record of a run.

Taught in lesson 4.2 (reproducible training). Apart because the
record of a run and its tracking both ask for it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path


def git_commit(path: str | Path = ".") -> str | None:
    """Commit that is checked out at a path.

    Taught in lesson 4.2.

    Parameters
    ----------
    path : str or Path, default="."
        A folder inside the work tree.

    Returns
    -------
    str or None
        40 hexadecimal digits; None outside a repository, before the first commit or without git.
    """
    return _git(path, "rev-parse", "--verify", "--quiet", "HEAD") or None


def git_dirty(path: str | Path = ".") -> bool | None:
    """Whether tracked files at a path differ from the commit that is checked out.

    Taught in lesson 4.2. A commit alone says what ran only if this is False.

    Parameters
    ----------
    path : str or Path, default="."
        A folder inside the work tree.

    Returns
    -------
    bool or None
        None outside a repository or without git. Untracked files do not count.
    """
    answer = _git(path, "status", "--porcelain", "--untracked-files=no")
    return None if answer is None else bool(answer)


def _git(path: str | Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(path), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
