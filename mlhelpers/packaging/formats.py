"""Model files that cannot run code when they are loaded and are the same bytes every time they are saved.

Taught in lesson 6.1.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# What skops does not trust by itself and our models hold. A tree is an array of numbers that compiled code
# walks without checking, so a forged one can crash the process (not run code): check the file's hash first.
TRUSTED_TYPES = (
    "mlhelpers.training.models.plain_frame",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can carry
FORMATS = ("pickle", "joblib", "skops", "onnx")
# Runs in a fresh process: from its start to the first answer, then one row and all rows again and again.
_READER = """
import json, sys, time
start = time.perf_counter()
kind, path, rows, trusted = sys.argv[1:]
import numpy as np
X = np.load(rows)
if kind == "onnx":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    X = X.astype(np.float32)
    ask = lambda X: session.run(["probabilities"], {"X": X})[0][:, 1].astype(float)
else:
    if kind == "skops":
        from mlhelpers.packaging.formats import load_model
        model = load_model(path, trusted=json.loads(trusted))
    elif kind == "joblib":
        import joblib
        model = joblib.load(path)
    else:
        import pickle
        with open(path, "rb") as file:
            model = pickle.load(file)
    if hasattr(model, "feature_names_in_"):
        import pandas as pd
        X = pd.DataFrame(X, columns=model.feature_names_in_)
    ask = lambda X: model.predict_proba(X)[:, 1]
ask(X[:1])
first = time.perf_counter() - start
def median(X, runs):
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        answers = ask(X)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[runs // 2], answers
row, _ = median(X[:1], 21)
table, answers = median(X, 3)
import os
peak = None
if os.path.exists("/proc/self/status"):
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
loaded = [name for name in ("sklearn", "onnxruntime", "pandas", "scipy") if name in sys.modules]
print(json.dumps({"first": first, "row": row, "table": table, "peak": peak, "loaded": loaded,
                  "answers": answers.tolist()}))
"""


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


def compare_formats(
    model: Any,
    X: pd.DataFrame,
    *,
    threshold: float = 0.5,
    formats: Sequence[str] = FORMATS,
    trusted: Iterable[str] = TRUSTED_TYPES,
    graph: bytes | None = None,
) -> pd.DataFrame:
    """Save a model in several formats, read each in a fresh process, and compare cost and answers.

    Taught in lesson 6.1. Each process answers one row and then all of them; its answers are compared with
    those of the model here.

    Parameters
    ----------
    model : fitted estimator with predict_proba
        A scikit-learn classifier of two classes.
    X : DataFrame of shape (n_rows, n_columns)
        Numbers without gaps.
    threshold : float, default=0.5
        For the decisions.
    formats : sequence of str
        Some of "pickle", "joblib", "skops", "onnx" (with float32 input).
    trusted : iterable of str
        As in `load_model`.
    graph : bytes, optional
        ONNX graph of the model with the input ``X`` (float32) and the output ``probabilities``; without it,
        skl2onnx makes one, which takes seconds for a large forest.

    Returns
    -------
    DataFrame of shape (n_formats, 8)
        Index format; kilobytes of the file, start_seconds (from the start of the reading to the first answer,
        imports among it), peak_mb (Linux only), row_ms and table_ms (medians), largest (difference of a
        probability), changed (decisions), imports.

    Raises
    ------
    ValueError
        If X has no row or a column that is not numeric, or a format is not known.
    RuntimeError
        If a format cannot be read; the message ends with what it said last.
    """
    import pickle

    import joblib
    import numpy as np
    import pandas as pd

    from mlhelpers.packaging.parity import compare

    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    texts = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    if texts or not len(X):
        raise ValueError(f"column {texts[0]!r} is not numeric" if texts else "X has no row")
    values = X.to_numpy(dtype=float)
    reference = model.predict_proba(X)[:, 1]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "rows.npy"
        np.save(asked, values)
        for name in formats:
            path = Path(folder) / f"model.{name}"
            if name == "pickle":
                path.write_bytes(pickle.dumps(model))
            elif name == "joblib":
                joblib.dump(model, path)
            elif name == "skops":
                save_model(model, path)
            else:
                path.write_bytes(graph or _graph_of_numbers(model, values.shape[1]))
            command = [sys.executable, "-c", _READER, name, str(path), str(asked), json.dumps(list(trusted))]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no word"])[-1]
                raise RuntimeError(f"{name}: a fresh process cannot read the model: {last}")
            read = json.loads(done.stdout.splitlines()[-1])
            found = compare(reference, np.array(read["answers"]), threshold=threshold)
            rows.append(
                {
                    "format": name,
                    "kilobytes": path.stat().st_size / 1000,
                    "start_seconds": read["first"],
                    "peak_mb": read["peak"],
                    "row_ms": read["row"] * 1000,
                    "table_ms": read["table"] * 1000,
                    "largest": found.largest,
                    "changed": found.changed,
                    "imports": ", ".join(read["loaded"]),
                }
            )
    return pd.DataFrame(rows).set_index("format")


def _graph_of_numbers(model: Any, n_columns: int) -> bytes:
    """ONNX graph of a model of numbers, with float32 input, as its exporter makes it."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    return skl2onnx.to_onnx(
        model,
        initial_types=[("X", FloatTensorType([None, n_columns]))],
        options={"zipmap": False},
        target_opset=18,
    ).SerializeToString()


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
