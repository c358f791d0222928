"""Model files that cannot run code when they are loaded and are the same bytes every time they are saved.

Taught in lesson 6.1.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# What skops does not trust by itself and our models hold. A tree is an array of numbers that compiled code
# walks without checking, so a forged one can crash the process (not run code): check the file's hash first.
TRUSTED_TYPES = (
    "mlhelpers.training.models.plain_frame",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can carry


class UntrustedModelError(ValueError):
    """A model file holds types that were not declared as trusted."""

    def __init__(self, name: str, types: list[str]):
        self.types = types
        super().__init__(
            f"{name} holds types that are not trusted: {', '.join(types)}; "
            "add them to trusted= only if you know where the file comes from"
        )


def save_model(model: Any, path: str | Path) -> Path:
    """Save a scikit-learn model with skops; the same model gives the same bytes.

    Taught in lesson 6.1. A plain skops file holds the date and the memory address of every object, so two
    saves of one model differ and so do their hashes.

    Parameters
    ----------
    model : estimator
        Of types that skops supports.
    path : str or Path
        Written whole or not at all; conventionally ``.skops``.

    Returns
    -------
    Path
        `path`.
    """
    import skops.io

    path = Path(path)
    content = _normalize(skops.io.dumps(model))
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(name, path)
    return path


def load_model(path: str | Path, *, trusted: Iterable[str] = TRUSTED_TYPES) -> Any:
    """Load a model file after checking every type in it.

    Taught in lesson 6.1.

    Parameters
    ----------
    path : str or Path
        File of `save_model` or of ``skops.io.dump``.
    trusted : iterable of str
        Full names of types to accept beyond those that skops knows to be harmless.

    Returns
    -------
    estimator

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UntrustedModelError
        If the file holds other types; nothing of it has been built then.
    ValueError
        If it is not a model file.
    """
    path = Path(path)
    return loads_model(path.read_bytes(), trusted=trusted, name=path.name)


def loads_model(content: bytes, *, trusted: Iterable[str] = TRUSTED_TYPES, name: str = "model.skops") -> Any:
    """Load a model from the bytes of its file; see `load_model`.

    Taught in lesson 6.1. Bytes that were verified are then those that are loaded.

    Parameters
    ----------
    content : bytes
        A skops file.
    trusted : iterable of str
        As in `load_model`.
    name : str, default="model.skops"
        For messages.

    Returns
    -------
    estimator
    """
    import skops.io

    trusted = list(trusted)
    try:
        unknown = [found for found in skops.io.get_untrusted_types(data=content) if found not in trusted]
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{name} is not a skops model file: {error}") from error
    if unknown:
        raise UntrustedModelError(name, unknown)
    return skops.io.loads(content, trusted=trusted)


def _normalize(content: bytes) -> bytes:
    """Replace memory addresses by running numbers, random names by the order of use, dates by one date."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read("schema.json"))
        numbers: dict[int, int] = {}
        names: dict[str, str] = {}
        _renumber(schema, numbers, names)
        files = {"schema.json": json.dumps(schema, separators=(",", ":")).encode()}
        files.update({new: archive.read(old) for old, new in names.items()})
    out = io.BytesIO()
    # Stored, not deflated: zlib's builds differ in the bytes they make.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return out.getvalue()


def _renumber(node: Any, numbers: dict[int, int], names: dict[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _renumber(item, numbers, names)
        return
    if not isinstance(node, dict):
        return
    if "__id__" in node and "__loader__" in node:
        if node["__loader__"] == "JsonNode":
            del node["__id__"]  # whether two equal strings are one object is chance
        else:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
    if node.get("__loader__") and isinstance(node.get("file"), str):
        old = node["file"]
        node["file"] = names.setdefault(old, f"{len(names) + 1}{Path(old).suffix}")
    for value in node.values():
        _renumber(value, numbers, names)
    if node.get("__loader__") == "SetNode":
        node["content"].sort(key=lambda item: json.dumps(item, sort_keys=True))  # sets have no order
