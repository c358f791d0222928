"""What managed platforms expect of a container that serves: port, paths and where the model lies.

Taught in lesson 7.3 (cloud platforms). ``mle serve --contract sagemaker`` or ``vertex`` fulfils them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlhelpers.packaging.manifest import MANIFEST

CONTRACTS = ("sagemaker", "vertex")
_PORT = 8080


@dataclass(frozen=True)
class Contract:
    """Where a platform's container listens, what it serves and by which paths it is asked.

    Attributes
    ----------
    host : str
    port : int
    bundle : str or None
        Folder or zip; None if the platform names none.
    paths : dict of str to str
        Further paths, each with the service's own path that answers it.
    """

    host: str
    port: int
    bundle: str | None
    paths: dict[str, str] = field(default_factory=dict)


def read_contract(
    name: str, environment: Mapping[str, str], *, model_folder: str | Path | None = None
) -> Contract:
    """Read what a platform says to its container by environment variables.

    Taught in lesson 7.3.

    Parameters
    ----------
    name : str
        "sagemaker": port 8080 or ``SAGEMAKER_BIND_TO_PORT``; the archive of the model is unpacked in
        ``/opt/ml/model`` or ``SM_MODEL_DIR``; ``GET /ping`` and ``POST /invocations``, which the service has
        anyway. "vertex": ``AIP_HTTP_PORT``, ``AIP_HEALTH_ROUTE`` and ``AIP_PREDICT_ROUTE``; the model is in
        the image, or was fetched from ``AIP_STORAGE_URI`` before.
    environment : mapping of str to str
        Such as ``os.environ``.
    model_folder : str or Path, optional
        In place of the platform's folder.

    Returns
    -------
    Contract

    Raises
    ------
    ValueError
        If the platform is not known, a port is none, a path does not begin with ``/``, or SageMaker's folder
        holds no bundle or several; names the variable or the folder.

    References
    ----------
    .. [1] Amazon SageMaker AI, "Custom inference code with hosting services".
    .. [2] Google Cloud Vertex AI, "Custom container requirements for prediction".
    """
    if name == "sagemaker":
        port = _port(environment, "SAGEMAKER_BIND_TO_PORT")
        folder = Path(model_folder or environment.get("SM_MODEL_DIR") or "/opt/ml/model")
        return Contract("0.0.0.0", port, str(_bundle_in(folder)))
    if name == "vertex":
        paths = {
            _path(environment, "AIP_PREDICT_ROUTE", "/predict"): "/invocations",
            _path(environment, "AIP_HEALTH_ROUTE", "/health"): "/health/ready",
        }
        if len(paths) < 2:
            raise ValueError("AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE name the same path")
        bundle = None if model_folder is None else str(_bundle_in(Path(model_folder)))
        return Contract("0.0.0.0", _port(environment, "AIP_HTTP_PORT"), bundle, paths)
    raise ValueError(f"contract must be one of {', '.join(CONTRACTS)}, got {name!r}")


def _port(environment: Mapping[str, str], variable: str) -> int:
    text = environment.get(variable) or str(_PORT)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        raise ValueError(f"{variable} must be a port from 1 to 65535, got {text!r}")
    return int(text)


def _path(environment: Mapping[str, str], variable: str, default: str) -> str:
    path = environment.get(variable) or default
    if not path.startswith("/"):
        raise ValueError(f"{variable} must begin with /, got {path!r}")
    return path


def _bundle_in(folder: Path) -> Path:
    """The folder itself if it is a bundle, or the one bundle in it, as an archive may have a folder."""
    if folder.suffix == ".zip" or (folder / MANIFEST).is_file():
        return folder
    found = sorted({path.parent for path in folder.glob(f"*/{MANIFEST}")} | set(folder.glob("*.zip")))
    if len(found) != 1:
        what = "no bundle" if not found else f"{len(found)} bundles, {', '.join(path.name for path in found)}"
        raise ValueError(f"{folder} holds {what}; put one there, as the archive of the model")
    return found[0]
