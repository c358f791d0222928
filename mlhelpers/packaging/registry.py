"""Names, versions and aliases of bundles in the MLflow registry of a local store.

Taught in lesson 6.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mlhelpers.packaging.archive import BundleError
from mlhelpers.packaging.bundle import Bundle, load_bundle
from mlhelpers.packaging.mlflow_model import bundle_folder
from mlhelpers.training.tracking import client, quiet


def register_bundle(
    bundle: Bundle,
    *,
    store: str,
    name: str | None = None,
    run_id: str | None = None,
    source: str | Path | None = None,
) -> int:
    """Register a bundle as a version of a model; the same bundle keeps its version.

    Taught in lesson 6.3.

    Parameters
    ----------
    bundle : Bundle
        From `load_bundle`, so that only a verified one is registered.
    store : str
        Address from `mlhelpers.training.start_store`.
    name : str, optional
        Name in the registry; the bundle's without one.
    run_id : str, optional
        The run that trained the model.
    source : str or Path, optional
        Folder of `write_mlflow_model` that holds the bundle, so that MLflow's own tools load the version too.

    Returns
    -------
    int
        Version number, from 1.
    """
    name = name or bundle.name
    mlflow = client(store)
    with quiet():
        from mlflow.exceptions import MlflowException

        known = mlflow.search_model_versions(
            f"name='{_quoted(name)}' and tag.manifest_sha256='{bundle.sha256}'"
        )
        if known:
            return min(int(version.version) for version in known)
        try:
            mlflow.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {
            "manifest_sha256": bundle.sha256,
            "data_hash": bundle.data_hash,
            "bundle_version": bundle.version,
        }
        source = Path(source or bundle.folder).resolve().as_uri()
        created = mlflow.create_model_version(name, source, run_id=run_id, tags=tags, await_creation_for=None)
        return int(created.version)


def set_alias(name: str, alias: str, version: int, *, store: str) -> None:
    """Let an alias such as "champion" or "challenger" point at a version.

    Taught in lesson 6.3.

    Parameters
    ----------
    name : str
        Name in the registry.
    alias : str
        Letters, digits, ``_`` and ``-``; moved if it points elsewhere.
    version : int
        Version number.
    store : str
        Address from `mlhelpers.training.start_store`.

    Raises
    ------
    ValueError
        If there is no such model or version.
    """
    mlflow = client(store)
    with quiet():
        from mlflow.exceptions import MlflowException

        try:
            mlflow.set_registered_model_alias(name, alias, str(version))
        except MlflowException as error:
            raise ValueError(f"cannot set alias {alias!r} of model {name!r}: {error.message}") from error


def resolve_alias(name: str, alias: str, *, store: str) -> int | None:
    """Version that an alias points at.

    Taught in lesson 6.3.

    Parameters
    ----------
    name, alias : str
        Model and alias.
    store : str
        Address from `mlhelpers.training.start_store`.

    Returns
    -------
    int or None
        None if there is no such model or alias.
    """
    mlflow = client(store)
    with quiet():
        from mlflow.exceptions import MlflowException

        try:
            return int(mlflow.get_model_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def alias_source(name: str, alias: str, *, store: str) -> Path:
    """Where the bundle lies that an alias points at.

    Taught in lesson 6.3.

    Parameters
    ----------
    name, alias : str
        Model and alias.
    store : str
        Address from `mlhelpers.training.start_store`.

    Returns
    -------
    Path
        Folder or zip, for `load_bundle`.

    Raises
    ------
    LookupError
        If there is no such model or alias, or the version's source is no file of this machine.
    """
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    version = resolve_alias(name, alias, store=store)
    if version is None:
        raise LookupError(f"no alias {alias!r} of a model {name!r} in the store")
    with quiet():
        source = client(store).get_model_version(name, str(version)).source
    parts = urlsplit(source)
    if parts.scheme != "file":
        raise LookupError(f"version {version} of {name!r} lies at {source}, which is no path of this machine")
    return Path(url2pathname(parts.path))


def load_registered(
    name: str,
    alias: str,
    *,
    store: str,
    trusted_keys: Iterable[str | Path] | None = None,
    runtime: str = "both",
) -> Bundle:
    """Verified bundle that an alias points at.

    Taught in lesson 6.3. That it is the one that was registered is checked too: the registry keeps the hash
    of its manifest.

    Parameters
    ----------
    name, alias : str
        Model and alias.
    store : str
        Address from `mlhelpers.training.start_store`.
    trusted_keys, runtime
        As in `load_bundle`.

    Returns
    -------
    Bundle

    Raises
    ------
    LookupError
        If there is no such model or alias.
    BundleError
        If the bundle is not what was registered.
    """
    source = alias_source(name, alias, store=store)
    bundle = load_bundle(bundle_folder(source), trusted_keys=trusted_keys, runtime=runtime)
    known = alias_manifest(name, alias, store=store)
    if known is not None and known != bundle.sha256:
        raise BundleError(f"{source.name} is another bundle than the one registered as {name}@{alias}")
    return bundle


def _quoted(name: str) -> str:
    if not re.fullmatch(r"[\w .-]+", name):
        raise ValueError(f"model name {name!r}: use letters, digits, spaces, '_', '-' and '.'")
    return name


def alias_manifest(name: str, alias: str, *, store: str) -> str | None:
    """Manifest hash of the bundle that an alias points at: its name in a content-addressed folder.

    Taught in lesson 6.3.

    Parameters
    ----------
    name, alias : str
        Model and alias.
    store : str
        Address from `mlhelpers.training.start_store`.

    Returns
    -------
    str or None
        SHA-256 of the bundle's manifest; None if there is no such model or alias, or its version was not
        registered by `register_bundle`.
    """
    version = resolve_alias(name, alias, store=store)
    if version is None:
        return None
    with quiet():
        return client(store).get_model_version(name, str(version)).tags.get("manifest_sha256")
