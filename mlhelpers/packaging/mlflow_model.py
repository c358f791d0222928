"""A bundle as an MLflow model, and an MLflow model as the bundle in it.

Taught in lesson 6.3 (versioning). MLflow calls `_load_pyfunc` of this module: no pickle is written or read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.packaging.archive import BundleError
from mlhelpers.packaging.bundle import Bundle, load_bundle
from mlhelpers.packaging.manifest import MANIFEST
from mlhelpers.training.tracking import quiet

if TYPE_CHECKING:
    import numpy as np


class BundleModel:
    """What ``mlflow.pyfunc.load_model`` gives: predicts probabilities from a frame."""

    def __init__(self, bundle: Bundle):
        self.bundle = bundle

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> np.ndarray | pd.DataFrame:
        """Probability of the positive class of each row, shape (n_rows,).

        Of a bundle with classes a frame with a column for each class, its probability, in the bundle's order;
        ``idxmax(axis=1)`` names the class.

        Raises
        ------
        ValueError
            If a row does not fit the bundle's signature; the message names row and column.
        """
        frame = pd.DataFrame(model_input)
        require_unique_columns(frame, "the rows")
        _, problems = self.bundle.validate(frame[[name for name in frame if name in self.bundle.columns]])
        if problems:
            raise ValueError(f"{len(problems)} problems in the rows, the first: {problems[0]}")
        answers = self.bundle.predict(frame)
        return answers if self.bundle.classes is None else pd.DataFrame(answers, columns=self.bundle.classes)


def write_mlflow_model(bundle: Bundle, folder: str | Path) -> Path:
    """Write a folder that ``mlflow.pyfunc`` and ``mlflow models serve`` load, with the bundle in it.

    Taught in lesson 6.3. Register it with `register_bundle`, which takes the folder as `source`.

    Parameters
    ----------
    bundle : Bundle
        From `load_bundle`, loaded from a folder.
    folder : str or Path
        Must not exist.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    FileExistsError
        If there is such a folder.
    BundleError
        If the bundle came from a zip.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; give a new folder")
    if not bundle.folder.is_dir():
        raise BundleError(f"{bundle.folder.name} is a zip; load the bundle from a folder")
    with quiet():
        import mlflow.pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        def _kind(column: dict[str, Any]) -> DataType:
            if column["type"] == "category":
                return DataType.string
            # a frame with a gap holds whole numbers as doubles, one without as integers;
            # MLflow converts neither
            whole = column["type"] == "integer" and not column["nullable"]
            return DataType.long if whole else DataType.double

        columns = Schema(
            [
                ColSpec(_kind(column), column["name"], required=not column["nullable"])
                for column in bundle.signature
            ]
        )
        answers = [ColSpec(DataType.double, *([name] if name else [])) for name in bundle.classes or [None]]
        mlflow.pyfunc.save_model(
            folder,
            loader_module=__name__,
            data_path=str(bundle.folder.resolve()),
            signature=ModelSignature(inputs=columns, outputs=Schema(answers)),
            pip_requirements=(bundle.folder / "environment.txt").read_text(encoding="utf-8").split(),
            metadata={"bundle_sha256": bundle.sha256, "bundle_version": bundle.version},
        )
    return folder


def bundle_folder(source: Path) -> Path:
    """Where the bundle lies: the path itself, or inside a folder of `write_mlflow_model`."""
    inside = sorted(path.parent for path in source.glob(f"data/*/{MANIFEST}")) if source.is_dir() else []
    return inside[0] if len(inside) == 1 and not (source / MANIFEST).exists() else source


def _load_pyfunc(path: str) -> BundleModel:
    return BundleModel(load_bundle(path))
