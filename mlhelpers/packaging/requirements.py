"""What a piece of code really imports, and what that needs: the requirements of a model.

Taught in lesson 6.2 (packaging with dependencies).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_PROBE = """
import json, sys
before = set(sys.modules)
exec(compile(sys.stdin.read(), "<code>", "exec"), {"__name__": "__main__"})
after = {name.partition(".")[0] for name in set(sys.modules) - before}
print("\\n" + json.dumps(sorted(after)), file=sys.__stdout__)
"""


def imported_distributions(code: str, *, timeout: float = 120.0) -> pd.DataFrame:
    """Distributions that a piece of code imports when it runs, found by running it.

    Taught in lesson 6.2. The code runs in a fresh process of this Python, so that what this process has
    imported already does not count; what the code does not reach on its way, such as an import inside a
    branch, is not found.

    Parameters
    ----------
    code : str
        Source that does what production does: load the model and predict once.
    timeout : float, default=120.0
        Seconds that it may take.

    Returns
    -------
    DataFrame of shape (n_distributions, 4)
        distribution, version, modules (top-level names that were imported) and needed_by (imported
        distributions that require it, empty if the code asks for it alone); sorted by name.

    Raises
    ------
    ValueError
        If `code` is no text or does not compile.
    RuntimeError
        If it fails or takes too long; the message ends with what it said last.
    """
    import pandas as pd

    if not isinstance(code, str):
        raise ValueError(f"code must be source text, got {type(code).__name__}; a function cannot be sent")
    try:
        compile(code, "<code>", "exec")
    except SyntaxError as error:
        raise ValueError(f"code does not compile: {error}") from error
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], input=code, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the code was not done after {timeout:g} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise RuntimeError(f"the code failed: {last}")
    modules = json.loads(done.stdout.splitlines()[-1])
    owners = metadata.packages_distributions()
    found: dict[str, list[str]] = {}
    for module in modules:
        for owner in owners.get(module, []):
            found.setdefault(_plain(owner), []).append(module)
    needs = {name: set(_direct(name)) for name in found}
    rows = [
        {
            "distribution": name,
            "version": metadata.version(name),
            "modules": ", ".join(sorted(set(imported))),
            "needed_by": ", ".join(sorted(other for other, wanted in needs.items() if name in wanted)),
        }
        for name, imported in sorted(found.items())
    ]
    return pd.DataFrame(rows, columns=["distribution", "version", "modules", "needed_by"])


def pinned_closure(names: Iterable[str]) -> list[str]:
    """Pins of distributions and of everything that they require here, as ``name==version``.

    Taught in lesson 6.2. Requirements of extras that nobody asked for, and of other systems or Pythons, are
    left out, by their markers.

    Parameters
    ----------
    names : iterable of str
        Installed distributions; ``name[extra]`` asks for an extra.

    Returns
    -------
    list of str
        Sorted, each once.

    Raises
    ------
    ValueError
        If one is not installed; the message says who needs it.
    """
    waiting = [(name, "you ask") for name in names]
    pins: dict[str, str] = {}
    seen: set[str] = set()
    while waiting:
        wanted, by = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        name, extras = _split(wanted)
        try:
            pins[name] = f"{name}=={metadata.version(name)}"
        except metadata.PackageNotFoundError:
            raise ValueError(f"{name} is not installed, and {by} for it") from None
        waiting += [(need, f"{name} asks") for need in _direct(name, extras)]
    return sorted(pins.values())


def _direct(name: str, extras: Iterable[str] = ()) -> list[str]:
    """Requirements of a distribution that hold here, with their extras."""
    from packaging.requirements import Requirement

    found = []
    for text in metadata.requires(name) or []:
        need = Requirement(text)
        holds = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if holds:
            wanted = ",".join(sorted(need.extras))
            found.append(_plain(need.name) + (f"[{wanted}]" if wanted else ""))
    return found


def _split(wanted: str) -> tuple[str, list[str]]:
    name, _, extras = wanted.partition("[")
    return _plain(name), [extra for extra in extras.rstrip("]").split(",") if extra]


def _plain(name: str) -> str:
    """Name as the registries write it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
