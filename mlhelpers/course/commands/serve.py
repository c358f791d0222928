"""`mle serve`: the service of the stage `serving`, started in place of this process.

Taught in lesson 7.2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from mlhelpers.course.files import find_root

_MODULE = "mlhelpers.serving.server"  # by name: the course imports no stage
_EXAMPLE = "pipelines/churn/artifacts/package/bundle"


def command(options: argparse.Namespace) -> int:
    """Run the service until it ends.

    Returns
    -------
    int
        Its exit code; where the system can, this process becomes the service and never returns. 2 if no
        bundle is given, or one that a pipeline has yet to make.
    """
    if not options.options:
        print(f"mle serve: which bundle? Give its folder, such as {_EXAMPLE}", file=sys.stderr)
    missing = _not_made(options.options or [_EXAMPLE])
    if missing:
        print(f"mle serve: {missing}", file=sys.stderr)
    if missing or not options.options:
        return 2
    arguments = [sys.executable, "-m", _MODULE, *options.options]
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execv(sys.executable, arguments)  # signals then reach the service itself
    return subprocess.call(arguments)


def _not_made(words: list[str]) -> str | None:
    """What to do about a path in `words` that is a pipeline's artifact and is not there; None if all are."""
    for word in words:
        path = Path(word.rpartition("=")[2])
        if word.startswith("models:") or "artifacts" not in path.parts or path.exists():
            continue
        elsewhere = _from_root(path)
        if elsewhere is not None:
            return f"there is no {path} in this folder; it is at {elsewhere}"
        return f"there is no {path} yet; `make pipeline` makes it in a few minutes"
    return None


def _from_root(path: Path) -> Path | None:
    """The same path below the course's folder, if it is there."""
    try:
        found = find_root() / path
    except FileNotFoundError:
        return None
    return found if found.exists() else None
