"""The next version of a model, decided from what changed for its clients.

Taught in lesson 6.3 (versioning).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlhelpers.packaging.bundle import Bundle

_PARTS = ("major", "minor", "patch")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def next_version(old: Bundle, new: Bundle) -> str:
    """Semantic version of a bundle, from the one before and what changed.

    Taught in lesson 6.3. Major: a request that the old one answered may be refused, or the answer means
    something else. Minor: trained on other data, or more requests are accepted. Patch: same data, same
    signature, another file. The version that the new bundle carries is not looked at.

    Parameters
    ----------
    old, new : Bundle
        From `load_bundle`.

    Returns
    -------
    str
        ``major.minor.patch``; the old version if the two are the same bundle.

    Raises
    ------
    ValueError
        If the old version is no semantic one, or the two are of different models.
    """
    reasons = explain_version(old, new)
    numbers = _numbers(old)
    for at, part in enumerate(_PARTS):
        if any(kind == part for kind, _ in reasons):
            return ".".join(map(str, [*numbers[:at], numbers[at] + 1, *[0] * (2 - at)]))
    return old.version


def explain_version(old: Bundle, new: Bundle) -> list[tuple[str, str]]:
    """Each change between two bundles, and the part of the version that it moves.

    Taught in lesson 6.3.

    Parameters
    ----------
    old, new : Bundle
        From `load_bundle`.

    Returns
    -------
    list of (str, str)
        "major", "minor" or "patch", and what changed; the largest first, empty if nothing did.

    Raises
    ------
    ValueError
        As `next_version`.
    """
    _numbers(old)
    if old.name != new.name:
        raise ValueError(f"{new.name!r} is another model than {old.name!r}; versions compare one model")
    reasons = _output(old.output, new.output) + _columns(old.signature, new.signature)
    if old.data_hash != new.data_hash:
        reasons.append(("minor", "trained on other data"))
    if not reasons and _files(old) != _files(new):
        changed = sorted(
            name for name in _files(old) | _files(new) if _files(old).get(name) != _files(new).get(name)
        )
        reasons.append(("patch", f"same data and signature, other {', '.join(changed)}"))
    return sorted(reasons, key=lambda reason: _PARTS.index(reason[0]))


def _numbers(bundle: Bundle) -> list[int]:
    found = _VERSION.fullmatch(bundle.version)
    if found is None:
        raise ValueError(f"version {bundle.version!r} of {bundle.name!r} is not like 1.2.3")
    return [int(number) for number in found.groups()]


def _files(bundle: Bundle) -> dict[str, str]:
    return {name: listed["sha256"] for name, listed in bundle.manifest["files"].items()}


def _output(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    keys = [key for key in ("name", "type", "min", "max") if old.get(key) != new.get(key)]
    found = [("major", f"the answer's {key} is {new.get(key)}, was {old.get(key)}") for key in keys]
    before, after = old.get("categories"), new.get("categories")
    if before and after and before != after:  # a client knows the names, and may know their order
        found.append(("major", f"the classes are {', '.join(after)}, were {', '.join(before)}"))
    return found


def _columns(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[tuple[str, str]]:
    before = {column["name"]: column for column in old}
    after = {column["name"]: column for column in new}
    # a row must give every column, null where it is unknown, and no other
    reasons = [("major", f"column {name} is gone") for name in before if name not in after]
    reasons += [
        ("major", f"column {name} is new, and every row must give it") for name in after if name not in before
    ]
    for name in before:
        if name in after:
            reasons += _column(name, before[name], after[name])
    return reasons


def _column(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    if old["type"] != new["type"] and {old["type"], new["type"]} != {"integer", "number"}:
        return [("major", f"column {name} is a {new['type']}, was a {old['type']}")]
    reasons = []
    if (old["type"], new["type"]) == ("number", "integer"):
        reasons.append(("major", f"column {name} takes no fractions any more"))
    elif old["type"] != new["type"]:
        reasons.append(("minor", f"column {name} takes fractions too"))
    if old["unit"] != new["unit"]:
        reasons.append(("major", f"column {name} is in {new['unit']}, was in {old['unit']}"))
    if old["nullable"] and not new["nullable"]:
        reasons.append(("major", f"column {name} may not be missing any more"))
    elif new["nullable"] and not old["nullable"]:
        reasons.append(("minor", f"column {name} may be missing"))
    if old["type"] == "category":
        lost = sorted(set(old["categories"]) - set(new["categories"]))
        more = sorted(set(new["categories"]) - set(old["categories"]))
        if lost:
            reasons.append(("major", f"column {name} takes {', '.join(lost)} no longer"))
        if more:
            reasons.append(("minor", f"column {name} takes {', '.join(more)} too"))
        return reasons
    if new["min"] > old["min"] or new["max"] < old["max"]:
        limits = f"{new['min']:g} to {new['max']:g}, was {old['min']:g} to {old['max']:g}"
        reasons.append(("major", f"column {name} is narrower: {limits}"))
    elif new["min"] < old["min"] or new["max"] > old["max"]:
        reasons.append(("minor", f"column {name} is wider"))
    return reasons
