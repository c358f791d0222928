"""The manifest of a bundle: what must be in it, its hashes and its signature.

Taught in lesson 6.2 (packaging).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.packaging.archive import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SCHEMA_VERSION = 2
MANIFEST = "MANIFEST.json"
SEAL = "MANIFEST.sig"
MODEL, GRAPH = "model.skops", "model.onnx"
FILES = ("environment.txt", "example.json", "metrics.json", MODEL, "model_card.md", "signature.json")
_MAJOR = ("mlhelpers", "scikit-learn")  # another major version may read the model differently


def fingerprint(content: bytes) -> dict[str, Any]:
    """SHA-256 and size of a file's content."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def manifest_hash(source: str | Path) -> str | None:
    """SHA-256 of the manifest of a folder or zip, or None if it cannot be read: a cheap look, not a check."""
    source = Path(source)
    try:
        if source.is_dir():
            content = (source / MANIFEST).read_bytes()
        else:
            with zipfile.ZipFile(source) as archive:
                content = archive.read(MANIFEST)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None
    return hashlib.sha256(content).hexdigest()


def check_seal(
    files: Mapping[str, bytes], trusted_keys: Iterable[str | Path | Ed25519PublicKey] | None
) -> bool:
    """Whether one of the keys signed the manifest; False without keys, a BundleError if none of them did."""
    if trusted_keys is None:
        return False
    from mlhelpers.packaging.signing import is_signed_by, public_key

    keys = [public_key(key) if isinstance(key, str | Path) else key for key in trusted_keys]
    if SEAL not in files:
        raise BundleError(f"{SEAL} is missing: the bundle is not signed, and a signature is asked for")
    if not is_signed_by(files[SEAL], files.get(MANIFEST, b""), keys):
        raise BundleError(f"{SEAL} is not the signature of {MANIFEST} by one of the {len(keys)} trusted keys")
    return True


def read_manifest(files: Mapping[str, bytes], source: str) -> dict[str, Any]:
    """The manifest, or a BundleError that says why it is none that can be read here."""
    from importlib import metadata

    if MANIFEST not in files:
        raise BundleError(f"{MANIFEST} is missing; {source} is not a bundle")
    try:
        manifest = json.loads(files[MANIFEST])
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
        found = manifest.get("schema_version") if isinstance(manifest, dict) else None
        raise BundleError(f"{MANIFEST} has schema version {found!r}, this release reads {SCHEMA_VERSION}")
    known = {"schema_version", "name", "version", "data_hash", "libraries", "onnx", "files"}
    if unknown := sorted(set(manifest) - known):
        raise BundleError(f"{MANIFEST} has the unknown key {unknown[0]!r}; this release reads none")
    absent = [key for key in ("name", "version", "data_hash") if not isinstance(manifest.get(key), str)]
    absent += [key for key in ("files", "libraries") if not isinstance(manifest.get(key), dict)]
    if absent:
        raise BundleError(f"{MANIFEST} lacks {', '.join(absent)}")
    for package in _MAJOR:
        made = str(manifest["libraries"].get(package))
        try:
            here = metadata.version(package)
        except metadata.PackageNotFoundError:
            raise BundleError(f"made with {package} {made}, and here is none; install it") from None
        if made.partition(".")[0] != here.partition(".")[0]:
            raise BundleError(f"made with {package} {made}, here is {here}: another major version")
    return manifest


def verify_files(files: Mapping[str, bytes], listed: Mapping[str, Any]) -> None:
    """Raise a BundleError unless the files are those that the manifest lists, to the last byte."""
    for name in listed:
        if name not in (
            *FILES,
            GRAPH,
        ):  # a bundle is flat and its names are fixed, so none can lead out of it
            raise BundleError(f"{MANIFEST} lists {name!r}, which is no file of a bundle")
    for name in (*FILES, *([GRAPH] if GRAPH in listed or GRAPH in files else [])):
        if name not in listed:
            raise BundleError(f"{MANIFEST} does not list {name}")
        if name not in files:
            raise BundleError(f"{name} is missing or is not a plain file")
        if fingerprint(files[name]) != listed[name]:
            raise BundleError(f"{name} was changed after the bundle was built: its SHA-256 or size differs")
