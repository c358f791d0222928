"""Fail if an installed package is not the one that the lock names."""

import sys
from importlib.metadata import version
from pathlib import Path

lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
wanted = dict(line.split("==") for line in lines if "==" in line)
for name, asked in wanted.items():
    if version(name) != asked:
        sys.exit(f"{name}: {asked} is locked, {version(name)} is installed")
print(f"{len(wanted)} packages as locked")
