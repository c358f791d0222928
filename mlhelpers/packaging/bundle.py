"""A model as one folder or zip: model, signature, example, metrics, card, environment and their manifest.

Taught in lessons 6.2 (packaging) and 6.5 (worked example).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlhelpers.packaging.archive import LARGEST_FILE, BundleError, read_files, write_zip
from mlhelpers.packaging.formats import TRUSTED_TYPES, UntrustedModelError, loads_model
from mlhelpers.packaging.manifest import (
    FILES,
    GRAPH,
    MANIFEST,
    MODEL,
    SEAL,
    check_seal,
    read_manifest,
    verify_files,
)
from mlhelpers.packaging.outputs import classes_of, most_probable, pick
from mlhelpers.packaging.rows import Problem, RowReader, validate_rows

if TYPE_CHECKING:
    import pandas as pd
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 1e-6  # between the two model files, and between a stored answer and that of another machine


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory.

    Attributes
    ----------
    folder : Path
        Folder or zip that it was loaded from.
    name, version : str
        As given when it was built.
    signature : list of dict
        Columns that the model accepts.
    output : dict
        What it answers with for each row: name, type, description, min and max of a probability, categories
        of a class.
    metrics, example, manifest : dict
        Contents of the files of that name.
    sha256 : str
        Hash of the manifest, and so of everything; identifies the bundle.
    signed : bool
        Whether a trusted key signed it; False too if no trusted keys were named.
    model_card : str
        Markdown.
    """

    folder: Path
    name: str
    version: str
    signature: list[dict[str, Any]] = field(repr=False)
    output: dict[str, Any] = field(repr=False)
    metrics: dict[str, Any] = field(repr=False)
    example: dict[str, Any] = field(repr=False)
    manifest: dict[str, Any] = field(repr=False)
    sha256: str
    signed: bool = False
    model_card: str = field(default="", repr=False)
    _files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    _trusted: tuple[str, ...] = field(default=TRUSTED_TYPES, repr=False)

    @cached_property
    def model(self) -> Any:
        """The scikit-learn model, built from the verified bytes when it is first asked for."""
        try:
            return loads_model(self._files[MODEL], trusted=self._trusted)
        except UntrustedModelError as error:
            raise BundleError(str(error)) from error

    @cached_property
    def session(self) -> Any:
        """ONNX Runtime session on codes, or None if the model has no ONNX form."""
        from mlhelpers.packaging.onnx_export import onnx_session

        return onnx_session(self._files[GRAPH]) if GRAPH in self._files else None

    @cached_property
    def reader(self) -> RowReader:
        """Checks and codes rows, by the signature."""
        return RowReader(self.signature)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the model's order."""
        return [column["name"] for column in self.signature]

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes that it tells apart; None if it answers with one probability."""
        return classes_of(self.output)

    @property
    def data_hash(self) -> str:
        """Hash of the training data."""
        return self.manifest["data_hash"]

    def validate(
        self, rows: pd.DataFrame | Sequence[Mapping[str, Any]]
    ) -> tuple[pd.DataFrame, list[Problem]]:
        """Check rows against the signature; see `mlhelpers.packaging.validate_rows`."""
        return validate_rows(self.signature, rows)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Probability of the positive class of each row, shape (n_rows,); columns in any order.

        Of a bundle with `classes` the probability of each, shape (n_rows, n_classes). By ONNX Runtime if the
        bundle has a graph, else by the scikit-learn model; the same to 1e-6.
        """
        return self.predict_codes(self.reader.code_frame(frame))

    def predict_class(self, frame: pd.DataFrame) -> np.ndarray:
        """Name of the most probable class of each row, shape (n_rows,); columns in any order.

        Raises
        ------
        ValueError
            If the bundle answers with one probability: that needs a threshold, which is not the model's.
        """
        if self.classes is None:
            raise ValueError(
                f"{self.name} answers with a probability and no class; compare `predict` with a threshold"
            )
        return np.array(self.classes, dtype=object)[most_probable(self.predict(frame))]

    def predict_codes(self, codes: np.ndarray) -> np.ndarray:
        """As `predict`, of rows coded by `reader`; float64."""
        if self.session is None:
            return pick(predict_with_model(self.model, self.reader, codes), self.output)
        return pick(predict_with_graph(self.session, codes), self.output)

    def read_files(self) -> dict[str, bytes]:
        """Content of each file of the bundle, for a copy; a BundleError if it was exchanged since loading."""
        files = read_files(self.folder, (MANIFEST, SEAL, *FILES, GRAPH))
        if hashlib.sha256(files.get(MANIFEST, b"")).hexdigest() != self.sha256:
            raise BundleError(f"{self.folder.name} was exchanged since it was verified; verify it again")
        verify_files(files, self.manifest["files"])
        return files

    def _repr_html_(self) -> str:
        from html import escape

        import pandas as pd

        rows = pd.DataFrame(self.signature).drop(columns="categories")
        title = escape(f"{self.name} {self.version}")
        return f"<p><b>{title}</b> {self.sha256[:12]}</p>{rows.to_html(index=False)}"


def load_bundle(
    source: str | Path,
    *,
    trusted: Iterable[str] = TRUSTED_TYPES,
    trusted_keys: Iterable[str | Path | Ed25519PublicKey] | None = None,
    runtime: str = "both",
    limit: int = LARGEST_FILE,
) -> Bundle:
    """Verify a bundle and load it; nothing in it is used before its signature and hashes are right.

    Taught in lesson 6.2. The bytes that are verified are those that are loaded, so that nothing can be
    exchanged in between.

    Parameters
    ----------
    source : str or Path
        Folder made by `build_bundle` or zip made by `pack_bundle`.
    trusted : iterable of str
        Types accepted in the model file, see `load_model`.
    trusted_keys : iterable of path or Ed25519PublicKey, optional
        The bundle must be signed by one of these. Without them, only its hashes are checked, which any author
        of a manifest gets right.
    runtime : str, default="both"
        "both" loads and replays the scikit-learn model and the graph; "onnx" leaves the scikit-learn model
        alone until it is asked for, which starts faster and needs a third of the memory (the scikit-learn
        model is loaded all the same if there is no graph).
    limit : int
        Largest size of all files together, in bytes.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If a file was changed, is missing or is not in the manifest, if the signature is missing or of another
        key, if the schema or the major version of a library is another, or if the model no longer gives the
        stored answer; the message names the file.
    """
    if runtime not in ("both", "onnx"):
        raise ValueError(f"runtime must be 'both' or 'onnx', got {runtime!r}")
    source = Path(source)
    files = read_files(source, (MANIFEST, SEAL, *FILES, GRAPH), limit=limit)
    signed = check_seal(files, trusted_keys)
    manifest = read_manifest(files, source.name)
    verify_files(files, manifest["files"])
    try:
        content = {name: _read_json(files, f"{name}.json") for name in ("signature", "example", "metrics")}
        bundle = Bundle(
            folder=source,
            name=manifest["name"],
            version=manifest["version"],
            signature=content["signature"]["columns"],
            output=content["signature"]["output"],
            metrics=content["metrics"],
            example=content["example"],
            manifest=manifest,
            sha256=hashlib.sha256(files[MANIFEST]).hexdigest(),
            signed=signed,
            model_card=files["model_card.md"].decode(),
            _files={name: files[name] for name in (MODEL, GRAPH) if name in files},
            _trusted=tuple(trusted),
        )
        codes, problems, _ = bundle.reader.read(bundle.example["request"]["rows"])
        stored = np.array(bundle.example["answer"]["probabilities"], dtype=np.float64)
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"signature.json, example.json or metrics.json is not what a bundle holds: {error!r}"
        ) from error
    if problems:
        raise BundleError(f"example.json: {problems[0]}")
    answers = {}
    try:
        if bundle.session is not None:
            answers[GRAPH] = pick(predict_with_graph(bundle.session, codes), bundle.output)
    except ValueError as error:
        raise BundleError(f"{GRAPH}: {error}") from error
    if runtime == "both" or not answers:
        answers[MODEL] = _asked(bundle, codes)
    for name, found in answers.items():
        if stored.shape != found.shape or not np.allclose(stored, found, rtol=0, atol=TOLERANCE):
            raise BundleError(f"example.json: {name} no longer gives the stored answer; other library?")
    return bundle


def pack_bundle(folder: str | Path, path: str | Path) -> Path:
    """Write a bundle into one zip file; the same bundle gives the same bytes.

    Taught in lesson 6.2.

    Parameters
    ----------
    folder : str or Path
        Made by `build_bundle`.
    path : str or Path
        Ends with ``.zip``; written whole or not at all.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    BundleError
        If `folder` is not a bundle whose hashes are right.
    """
    folder, path = Path(folder), Path(path)
    if path.suffix != ".zip":
        raise ValueError(f"path must end with .zip, got {path.name}")
    files = read_files(folder, (MANIFEST, SEAL, *FILES, GRAPH))
    verify_files(files, read_manifest(files, folder.name)["files"])
    return write_zip(files, path)


def predict_with_model(model: Any, reader: RowReader, codes: np.ndarray) -> np.ndarray:
    """Probability of each class by the scikit-learn model, shape (n_rows, n_classes)."""
    from mlhelpers.training.crossval import one_thread

    with one_thread():  # small batches: threads would cost more than they gain
        return np.asarray(model.predict_proba(reader.decode(codes)))


def predict_with_graph(session: Any, codes: np.ndarray) -> np.ndarray:
    """Probability of each class by ONNX Runtime, shape (n_rows, n_classes), float64."""
    return session.run(["probabilities"], {"codes": codes})[0].astype(np.float64)


def _asked(bundle: Bundle, codes: np.ndarray) -> np.ndarray:
    try:
        return pick(predict_with_model(bundle.model, bundle.reader, codes), bundle.output)
    except ValueError as error:
        raise BundleError(f"{MODEL}: {error}") from error


def _read_json(files: Mapping[str, bytes], name: str) -> Any:
    return json.loads(files[name])
