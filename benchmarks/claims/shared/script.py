"""The ends of every script: its table is written, and its `main` is called with options of the shell."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd


def save(
    rows: Iterable[Mapping[str, Any]] | pd.DataFrame, output: str | Path, digits: int = 4
) -> pd.DataFrame:
    """Write rows as CSV, rounded, with the same line ends on every system; return the table."""
    table = (rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)).round(digits)
    table.to_csv(output, index=False, lineterminator="\n")
    return table


def command(main: Callable[..., pd.DataFrame]) -> None:
    """Call `main` with an option for each of its numbers and for its output; print what it measured."""
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    for name, parameter in inspect.signature(main).parameters.items():
        if isinstance(parameter.default, int | Path):
            parser.add_argument(f"--{name}", type=type(parameter.default), default=parameter.default)
    with pd.option_context("display.width", 160, "display.max_columns", 30):
        print(main(**vars(parser.parse_args())))
