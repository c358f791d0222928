"""One number that says whether two data sets are the same, and one for two models.

Taught in lessons 4.2 (reproducible training) and 2.5 (versioning).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_CHUNK = 1 << 20


def data_hash(data: pd.DataFrame | str | Path) -> str:
    """SHA-256 of the contents of a frame, a file or a folder.

    Taught in lesson 4.2. For a frame, the names, the order and the types of the columns count, the index does
    not; all NaN are one. For a folder, names and contents of the files count, their dates do not.

    Parameters
    ----------
    data : DataFrame, str or Path
        A frame, or the path of a file or folder.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    TypeError
        If `data` is neither a frame nor a path.
    """
    if isinstance(data, pd.DataFrame):
        return _frame_hash(data)
    if not isinstance(data, str | Path):
        raise TypeError(f"data must be a DataFrame or a path, got {type(data).__name__}")
    path = Path(data)
    if path.is_file():
        return _file_hash(path)
    if not path.is_dir():
        raise FileNotFoundError(f"no file or folder at {path}")
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*"), key=lambda item: item.relative_to(path).as_posix()):
        if file.is_file():
            digest.update(f"{file.relative_to(path).as_posix()}\0{_file_hash(file)}\n".encode())
    return digest.hexdigest()


def _file_hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _frame_hash(frame: pd.DataFrame) -> str:
    header = {"rows": len(frame), "columns": [[str(name), str(frame[name].dtype)] for name in frame.columns]}
    digest = hashlib.sha256(json.dumps(header).encode())
    for name in frame.columns:
        digest.update(_column_bytes(frame[name]))
    return digest.hexdigest()


def _column_bytes(column: pd.Series) -> bytes:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufmM":
        values = column.to_numpy()
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
        return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
    # Text, categories, nullable types: each distinct value written once with its type, then the codes.
    # Not by pandas.factorize, which takes texts for equal that differ after a NUL.
    labels: dict[str, int] = {}
    codes = np.full(len(column), -1, dtype="<i8")
    known = column.notna().to_numpy()
    codes[known] = [
        labels.setdefault(f"{type(value).__name__}:{value!s}", len(labels))
        for value in column[known].astype(object)
    ]
    return json.dumps(list(labels)).encode() + codes.tobytes()


def model_hash(model: Any) -> str:
    """SHA-256 of everything that a fitted model holds: settings and learned numbers, to the last bit.

    Taught in lesson 4.2. Where an object lies in memory and in what order a dictionary was filled does not
    count. A function counts by its name, and the versions of the libraries do not count: compare the code and
    the packages separately.

    Parameters
    ----------
    model : object
        An estimator, or anything that can be pickled and does not contain itself.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError
        If an object contains itself.
    TypeError
        If a part cannot be pickled.
    """
    digest = hashlib.sha256()
    _feed(digest, model, ())
    return digest.hexdigest()


def _feed(digest: Any, value: Any, above: tuple[int, ...]) -> None:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        plain = value.item() if isinstance(value, np.generic) else value
        digest.update(f"{type(value).__name__}:{plain!r};".encode("utf-8", "surrogatepass"))
    elif isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        digest.update(f"name:{value.__module__}.{value.__qualname__};".encode())
    elif isinstance(value, np.dtype):
        digest.update(f"dtype:{value.descr};".encode())
    elif id(value) in above:
        raise ValueError(f"a {type(value).__name__} contains itself, so it has no hash")
    else:
        _feed_parts(digest, value, (*above, id(value)))


def _feed_parts(digest: Any, value: Any, above: tuple[int, ...]) -> None:
    digest.update(f"{type(value).__module__}.{type(value).__qualname__}(".encode())
    if isinstance(value, np.ndarray) and value.dtype.names:
        digest.update(f"{value.shape}".encode())
        for name in value.dtype.names:  # by field: the gaps between fields hold whatever was in memory
            _feed(digest, [name, np.ascontiguousarray(value[name])], above)
    elif isinstance(value, np.ndarray) and value.dtype.kind != "O":
        digest.update(f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        for key in sorted(value, key=lambda key: (type(key).__name__, repr(key))):
            _feed(digest, [key, value[key]], above)
    elif isinstance(value, set | frozenset):
        _feed(digest, sorted(value, key=lambda item: (type(item).__name__, repr(item))), above)
    elif isinstance(value, np.ndarray | list | tuple):
        digest.update(f"{np.shape(value) if isinstance(value, np.ndarray) else len(value)}".encode())
        for item in value.ravel().tolist() if isinstance(value, np.ndarray) else value:
            _feed(digest, item, above)
    else:
        made = value.__reduce_ex__(2)
        if isinstance(made, str):
            _feed(digest, made, above)
        else:
            parts = [list(part) if i in (3, 4) and part is not None else part for i, part in enumerate(made)]
            _feed(digest, parts, above)
    digest.update(b")")
