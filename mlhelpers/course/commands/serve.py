"""`mle serve`: the service of the stage `serving`, started in place of this process.

Taught in lesson 7.2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

_MODULE = "mlhelpers.serving.server"  # by name: the course imports no stage


def command(options: argparse.Namespace) -> int:
    """Run the service until it ends.

    Returns
    -------
    int
        Its exit code; where the system can, this process becomes the service and never returns.
    """
    arguments = [sys.executable, "-m", _MODULE, *options.options]
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(sys.executable, arguments)  # signals then reach the service itself
    return subprocess.call(arguments)
