"""Names of a package that load their module when they are first used.

The `__init__` of each stage uses it, so that importing a stage stays cheap. Apart because it
must load nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, home: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Parameters
    ----------
    package : str
        Its ``__name__``.
    home : mapping of str to str
        Module within the package, by the name that it defines; a full name for a module elsewhere.

    Returns
    -------
    getattr, dir : callable
    """

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = home[name]
        full = module if module.startswith("mlhelpers.") else f"{package}.{module}"
        return getattr(import_module(full), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home})

    return load, names
