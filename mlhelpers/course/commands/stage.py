"""`mle serve`, `mle score` and `mle bundle`: commands of other stages, started in place of this process.

Taught in lessons 6.2, 7.1 and 7.2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from mlhelpers.course.files import find_root

MODULES = {  # by name: the course imports no stage
    "serve": "mlhelpers.serving.server",
    "score": "mlhelpers.serving.batch",
    "bundle": "mlhelpers.packaging.command",
}
_EXAMPLE = "pipelines/churn/artifacts/package/bundle"
_ASKS = {
    "serve": f"which bundle? Give its folder, such as {_EXAMPLE}",
    "score": f"give BUNDLE INPUT OUTPUT, such as {_EXAMPLE} customers.parquet scores.parquet",
    "bundle": "give an action: build, show, verify, install or dockerfile; `mle bundle --help` tells more",
}


def command(options: argparse.Namespace) -> int:
    """Run a command of a stage until it ends.

    Parameters
    ----------
    options : argparse.Namespace
        ``name``, a key of `MODULES`, and ``options``, the words after it.

    Returns
    -------
    int
        Its exit code; where the system can, this process becomes the command and never returns. 2 if it is
        given nothing, or a bundle that a pipeline has yet to make.
    """
    name, words = options.name, options.options
    if not words:
        print(f"mle {name}: {_ASKS[name]}", file=sys.stderr)
    missing = _not_made(words or [_EXAMPLE])
    if missing:
        print(f"mle {name}: {missing}", file=sys.stderr)
    if missing or not words:
        return 2
    arguments = [sys.executable, "-m", MODULES[name], *words]
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execv(sys.executable, arguments)  # signals then reach the command itself
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
