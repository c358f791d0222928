"""Building a bundle: the same parts give the same bytes, and no half of one is ever seen.

Taught in lessons 6.2 (packaging) and 6.5 (worked example).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers import __version__
from mlhelpers.data.frames import require_unique_columns
from mlhelpers.packaging.archive import BundleError
from mlhelpers.packaging.bundle import TOLERANCE, predict_with_graph, predict_with_model
from mlhelpers.packaging.formats import save_model
from mlhelpers.packaging.manifest import FILES, GRAPH, MANIFEST, MODEL, SCHEMA_VERSION, SEAL, fingerprint
from mlhelpers.packaging.onnx_export import NotConvertible, onnx_session, to_onnx
from mlhelpers.packaging.outputs import output_of, pick
from mlhelpers.packaging.probes import probe_rows
from mlhelpers.packaging.requirements import pinned_closure
from mlhelpers.packaging.rows import RowReader

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def build_bundle(
    folder: str | Path,
    *,
    model: Any,
    signature: Sequence[Mapping[str, Any]],
    example: pd.DataFrame,
    metrics: Mapping[str, Any],
    model_card: str,
    data_hash: str,
    name: str,
    version: str = "1.0.0",
    classes: Sequence[str] | None = None,
    requirements: Iterable[str] | None = None,
    onnx: bool | None = None,
    key: Ed25519PrivateKey | None = None,
) -> Path:
    """Write a bundle; the same arguments give the same bytes, and no half of one is ever seen.

    Taught in lesson 6.2.

    Parameters
    ----------
    folder : str or Path
        Replaced if it is a bundle already.
    model : fitted estimator with predict_proba
        Saved by `save_model`, and as an ONNX graph where it converts.
    signature : sequence of mapping
        From `infer_signature`.
    example : DataFrame of shape (n_rows, n_columns)
        A few rows that the signature accepts; kept with the model's answers and replayed on loading.
    metrics : mapping
        Figures for ``metrics.json``; floats are rounded to 6 digits, NaN becomes null.
    model_card : str
        Markdown.
    data_hash : str
        From `mlhelpers.training.data_hash`.
    name, version : str
        Name of the model and its semantic version.
    classes : sequence of str, optional
        A name for each of ``model.classes_``, in that order: the bundle answers with the most probable class
        and the probability of each. Without them a model of two classes answers with the probability of the
        second; one of more needs them, unless its classes are text.
    requirements : iterable of str, optional
        Pinned requirements; without them, the installed versions of what loading and predicting need, and of
        what that requires.
    onnx : bool, optional
        True: an ONNX graph is asked for, and a model without one refused; False: none is made; None: one is
        made if the model converts, and the manifest says why if it does not.
    key : Ed25519PrivateKey, optional
        Signs the manifest, see `signing_key`; a bundle can be signed later by `sign_bundle`.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    BundleError
        If the signature refuses the example, `folder` holds something that is not a bundle, the graph does
        not give the model's answers to 1e-6, there is no graph and one is asked for, or the classes have no
        names.
    """
    folder = Path(folder).resolve()
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise BundleError(f"{folder.name} holds files and is not a bundle; give a new folder")
    require_unique_columns(example, "example", error=BundleError)
    signature = [dict(column) for column in signature]
    rows = _plain(example.astype(object).mask(example.isna(), None).to_dict("records"), digits=9)
    reader = RowReader(signature)
    codes, problems, _ = reader.read(rows)
    if problems or not rows:
        raise BundleError(f"example: {problems[0] if problems else 'give at least one row'}")
    output = output_of(model, classes)
    # of the rounded rows, as replayed
    answer = {"probabilities": pick(predict_with_model(model, reader, codes), output)}
    graph, parity = _graph(model, signature, reader, codes, asked=onnx)

    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        save_model(model, work / MODEL)
        if graph is not None:
            (work / GRAPH).write_bytes(graph)
        _write_json(work / "signature.json", {"columns": signature, "output": output})
        _write_json(work / "example.json", {"request": {"rows": rows}, "answer": answer}, digits=9)
        _write_json(work / "metrics.json", dict(metrics))
        _write_text(work / "model_card.md", model_card)
        _write_text(work / "environment.txt", "\n".join(sorted(requirements or _installed())))
        listed = [*FILES, *([GRAPH] if graph is not None else [])]
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "name": name,
            "version": version,
            "data_hash": data_hash,
            "libraries": {"mlhelpers": __version__, "scikit-learn": metadata.version("scikit-learn")},
            "onnx": parity,
            "files": {file: fingerprint((work / file).read_bytes()) for file in listed},
        }
        _write_json(work / MANIFEST, manifest, digits=12)
        if key is not None:
            sign_bundle(work, key)
        work.chmod(0o755)
        _swap(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def sign_bundle(folder: str | Path, key: Ed25519PrivateKey) -> Path:
    """Sign the manifest of a bundle, and with it everything that the manifest lists.

    Taught in lesson 6.2.

    Parameters
    ----------
    folder : str or Path
        Made by `build_bundle`.
    key : Ed25519PrivateKey
        From `signing_key`.

    Returns
    -------
    Path
        The signature's file, 64 bytes.
    """
    folder = Path(folder)
    seal = key.sign((folder / MANIFEST).read_bytes())
    handle, name = tempfile.mkstemp(dir=folder.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(seal)
    os.replace(name, folder / SEAL)
    (folder / SEAL).chmod(0o644)
    return folder / SEAL


def _graph(
    model: Any,
    signature: Sequence[Mapping[str, Any]],
    reader: RowReader,
    codes: np.ndarray,
    *,
    asked: bool | None,
) -> tuple[bytes | None, dict[str, Any]]:
    """ONNX graph, and what the manifest says of it."""
    if asked is False:
        return None, {"converted": False, "reason": "not asked for"}
    try:
        graph = to_onnx(model, signature)
    except NotConvertible as error:
        if asked:
            raise BundleError(f"the model has no ONNX form: {error}") from error
        return None, {"converted": False, "reason": str(error)}
    probes = np.vstack([codes, probe_rows(signature)])
    apart = np.abs(
        predict_with_graph(onnx_session(graph), probes) - predict_with_model(model, reader, probes)
    )
    if not apart.max() <= TOLERANCE:
        raise BundleError(
            f"the ONNX graph is {apart.max():.2g} off the model's answer, {TOLERANCE:g} is allowed; "
            "build with onnx=False"
        )
    return graph, {"converted": True, "rows_compared": len(probes), "tolerance": TOLERANCE}


def _swap(work: Path, folder: Path) -> None:
    """Put the new folder in place of the old one; the old one stays until the new one is complete."""
    if not folder.exists():
        os.replace(work, folder)
        return
    old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-old-"))
    os.replace(folder, old / "bundle")
    try:
        os.replace(work, folder)
    except OSError:
        os.replace(old / "bundle", folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _installed() -> list[str]:
    return pinned_closure(("numpy", "onnxruntime", "pandas", "scikit-learn", "scipy", "skops"))


def _write_json(path: Path, content: Any, *, digits: int = 6) -> None:
    text = json.dumps(_plain(content, digits), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    _write_text(path, text)


def _write_text(path: Path, text: str) -> None:
    path.write_bytes((text.rstrip("\n") + "\n").encode())  # the same line ends on every system


def _plain(value: Any, digits: int | None = None) -> Any:
    """NumPy and pandas scalars as Python's own, floats rounded, NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item, digits) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not np.isfinite(value):
            return None
        return value if digits is None else round(value, digits)
    return value
