"""Rewrite data/ and its catalog: ``python -m mlhelpers.data.synthetic [NAME ...]``.

Apart because Python runs this file for ``-m``, and whatever else it held would be loaded twice.
"""

from __future__ import annotations

import sys

from mlhelpers.data.catalog import data_dir
from mlhelpers.data.synthetic.registry import GENERATORS, rebuild


def main(arguments: list[str]) -> int:
    """Rewrite the named sets, or all of them; return 0."""
    names = tuple(arguments) or GENERATORS
    rebuild(data_dir(), names)
    print(f"rewrote {', '.join(names)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
