"""The files of a bundle read from a folder or a zip into memory, with names and sizes checked on the way.

Taught in lesson 6.2 (packaging). What is verified and what is loaded are then the same bytes: nothing can be
exchanged in between.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

LARGEST_FILE = 500_000_000  # bytes; a model of this course has one thousandth of it
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can carry
_CHUNK = 1 << 20


class BundleError(ValueError):
    """A bundle cannot be built or is not what its manifest says."""


def read_files(source: Path, allowed: Collection[str], *, limit: int = LARGEST_FILE) -> dict[str, bytes]:
    """Content of each file of a bundle.

    Parameters
    ----------
    source : Path
        Folder or ``.zip``.
    allowed : collection of str
        Names that a bundle may hold. They are flat, so no name can lead out of it.
    limit : int
        Largest size of all files together, in bytes; reading stops there whatever the archive declares.

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    BundleError
        If there is no bundle, or a name, type or size is not allowed.
    """
    if source.is_dir():
        return _read_folder(source, allowed, limit)
    if not source.is_file():
        raise BundleError(f"there is no {source.name}; give the folder or the .zip of a bundle")
    try:
        with zipfile.ZipFile(source) as archive:
            return _read_zip(archive, source.name, allowed, limit)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise BundleError(f"{source.name} is not a zip archive that can be read: {error}") from error


def write_zip(files: Mapping[str, bytes], path: Path) -> Path:
    """Write files into a zip, whole or not at all; the same files give the same bytes."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        # Stored, not deflated: zlib's builds differ in the bytes they make.
        with os.fdopen(handle, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for member in sorted(files):
                entry = zipfile.ZipInfo(member, _EPOCH)
                entry.create_system, entry.external_attr = 3, 0o644 << 16
                archive.writestr(entry, files[member])
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    return path


def _read_folder(folder: Path, allowed: Collection[str], limit: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(folder.iterdir()):
        if path.name not in allowed:
            raise BundleError(f"{path.name} is not in the manifest; a bundle holds no other files")
        if path.is_symlink() or not path.is_file():
            raise BundleError(f"{path.name} is missing or is not a plain file")
        with path.open("rb") as file:
            content = file.read(limit - total + 1)
        total = _added(total, len(content), limit)
        files[path.name] = content
    return files


def _read_zip(
    archive: zipfile.ZipFile, source: str, allowed: Collection[str], limit: int
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for entry in archive.infolist():
        if entry.filename not in allowed:
            raise BundleError(
                f"{source}: {entry.filename!r} is not in the manifest; names are flat and fixed"
            )
        if entry.filename in files:
            raise BundleError(f"{source}: {entry.filename} is there twice")
        if entry.flag_bits & 1 or (entry.external_attr >> 28) == 0o12:
            raise BundleError(f"{source}: {entry.filename} is encrypted or a link, not a plain file")
        parts = []
        with archive.open(entry) as file:  # counted as it comes: the declared size may lie
            while chunk := file.read(_CHUNK):
                total = _added(total, len(chunk), limit)
                parts.append(chunk)
        files[entry.filename] = b"".join(parts)
    return files


def _added(total: int, size: int, limit: int) -> int:
    if total + size > limit:
        raise BundleError(f"the files are larger than {limit:,} bytes together; not read further")
    return total + size
