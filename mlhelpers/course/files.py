"""Atomic writes, reading of notebooks, and the search for the course's folder.

Used by every command that writes: a reader sees the old file or the new one, never half of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block succeeds.

    Parameters
    ----------
    path : path-like
        File to replace. Missing parent folders are made.

    Yields
    ------
    pathlib.Path
        Absolute path of the temporary file; write to it. It is deleted when the block raises.
    """
    target = Path(path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8 with Unix line ends.

    Parameters
    ----------
    path : path-like
        File to write; an existing one is replaced.
    text : str
        New content.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_notebook(path: str | os.PathLike[str]) -> NotebookNode:
    """Read a notebook, upgraded to version 4.5.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a notebook.
    """
    import nbformat

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"notebook {path} does not exist")
    try:
        text = path.read_text(encoding="utf-8")
        content = nbformat.reader.parse_json(text)
        if not isinstance(content, dict) or "nbformat" not in content:
            kind = "a JSON list" if isinstance(content, list) else "JSON without the key `nbformat`"
            raise ValueError(f"{path} is not a notebook: it holds {kind}")
        if content["nbformat"] != 4:
            raise ValueError(
                f"{path} is a notebook of format {content['nbformat']}; convert it first: "
                f"jupyter nbconvert --to notebook --inplace {path.name}"
            )
        return nbformat.v4.upgrade(nbformat.reads(text, as_version=4))
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a notebook: {str(error).splitlines()[0][:120]}") from error


def find_root(start: str | os.PathLike[str] | None = None) -> Path:
    """Folder of the course: the nearest one upward that holds ``notebooks/syllabus.yml``.

    Parameters
    ----------
    start : path-like, optional
        Where the search begins; default is the current folder, then the folder of this package.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        If no folder upward of `start`, nor the package's own, holds the syllabus.
    """
    beginnings = [Path(start)] if start is not None else [Path.cwd(), Path(__file__).parent]
    for beginning in beginnings:
        place = beginning.absolute()
        for folder in (place, *place.parents):
            if (folder / "notebooks" / "syllabus.yml").is_file():
                return folder
    raise FileNotFoundError(
        f"no notebooks/syllabus.yml in {beginnings[0]} or above it; run this inside the course's folder"
    )
