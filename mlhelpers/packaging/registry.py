"""Names, versions and aliases of bundles in the MLflow registry of a local store.

Taught in lesson 6.3.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.packaging.archive import BundleError
from mlhelpers.packaging.bundle import Bundle, load_bundle
from mlhelpers.packaging.mlflow_model import bundle_folder
from mlhelpers.training.tracking import client, quiet
from mlhelpers.validation.gates import GateReport

if TYPE_CHECKING:
    import pandas as pd

_MOVE = "move."  # tags of a registered model that tell its history begin with this


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


def promote(
    name: str,
    version: int,
    *,
    store: str,
    reason: str,
    by: str,
    evidence: GateReport | Mapping[str, Any],
    alias: str = "champion",
    at: datetime | None = None,
) -> None:
    """Let an alias point at a version because of a gate's result, and write down who did it and why.

    Taught in lesson 6.3. A move of the alias that serves is a deployment: it has a reason, and evidence.

    Parameters
    ----------
    name : str
        Name in the registry.
    version : int
        Version number.
    store : str
        Address from `mlhelpers.training.start_store`.
    reason, by : str
        Why, and who.
    evidence : GateReport or mapping
        What `mlhelpers.validation.check_gates` gave, or ``{"passed": True, ...}`` with what was compared.
    alias : str, default="champion"
        The alias that moves.
    at : datetime, optional
        When; now without it.

    Raises
    ------
    ValueError
        If there is no such version, a text is empty, `at` is before the alias's last move, or the evidence
        does not say that the gates passed; the alias then stays.
    """
    if isinstance(evidence, GateReport):
        figures = {row.figure: float(row.value) for row in evidence.table.itertuples()}
        evidence = {"passed": evidence.passed, "figures": figures, "failures": evidence.failures}
    if evidence.get("passed") is not True:
        raise ValueError(
            f"version {version} of {name!r} is not promoted: the evidence does not say passed=True; "
            "give the result of its gates"
        )
    _move(name, version, alias, "promote", store=store, reason=reason, by=by, evidence=evidence, at=at)


def rollback(
    name: str, *, store: str, reason: str, by: str, alias: str = "champion", at: datetime | None = None
) -> int:
    """Bring back the version that the alias pointed at before, by its history and not by its number.

    Taught in lesson 6.3. Nothing is trained: the old bundle is still there, byte for byte. A second rollback
    goes one step further back.

    Parameters
    ----------
    name : str
        Name in the registry.
    store : str
        Address from `mlhelpers.training.start_store`.
    reason, by : str
        Why, and who.
    alias : str, default="champion"
        The alias that moves.
    at : datetime, optional
        When; now without it.

    Returns
    -------
    int
        The version that the alias points at now.

    Raises
    ------
    LookupError
        If the history knows no version before; the alias then stays.
    ValueError
        If the alias does not stand where its history ends, because something else than `promote` and
        `rollback` moved it; or if `at` is before its last move.
    """
    served: list[int] = []
    for event in _events(name, store):
        if event["alias"] == alias:
            if event["action"] == "rollback":
                served.pop()
            elif served[-1:] != [event["to"]]:  # promoted once more: nothing moved
                served.append(event["to"])
    now = resolve_alias(name, alias, store=store)
    if served and now != served[-1]:
        raise ValueError(
            f"{alias!r} of {name!r} points at {now}, and its history ends at {served[-1]}: it was moved by "
            "other means; promote the version that is to serve"
        )
    if len(served) < 2:
        raise LookupError(f"the history of {name!r} knows no version that was {alias!r} before; promote one")
    _move(name, served[-2], alias, "rollback", store=store, reason=reason, by=by, evidence={}, at=at)
    return served[-2]


def history(name: str, *, store: str) -> pd.DataFrame:
    """Every move of a model's aliases by `promote` and `rollback`, oldest first; no others.

    Taught in lesson 6.3.

    Parameters
    ----------
    name : str
        Name in the registry.
    store : str
        Address from `mlhelpers.training.start_store`.

    Returns
    -------
    DataFrame of shape (n_moves, 9)
        at, alias, action, from (missing at the first), to, bundle_version, manifest (twelve digits of its
        hash), by, reason.

    Raises
    ------
    ValueError
        If there is no such model.
    """
    import pandas as pd

    mlflow = client(store)
    rows = []
    for event in _events(name, store):
        with quiet():
            tags = mlflow.get_model_version(name, str(event["to"])).tags
        rows.append(
            {
                "at": pd.Timestamp(event["at"]),
                **{key: event[key] for key in ("alias", "action", "from", "to")},
                "bundle_version": tags.get("bundle_version"),
                "manifest": (tags.get("manifest_sha256") or "")[:12],
                "by": event["by"],
                "reason": event["reason"],
            }
        )
    names = ["at", "alias", "action", "from", "to", "bundle_version", "manifest", "by", "reason"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.astype({"from": "Int64", "to": "Int64"})


def _move(
    name: str,
    version: int,
    alias: str,
    action: str,
    *,
    store: str,
    reason: str,
    by: str,
    evidence: Mapping[str, Any],
    at: datetime | None,
) -> None:
    for what, text in (("reason", reason), ("by", by)):
        if not text.strip():
            raise ValueError(f"{what} is empty; say {'why' if what == 'reason' else 'who'}")
    at = datetime.now(UTC) if at is None else at
    if at.tzinfo is None:
        raise ValueError(f"at must have a time zone, got {at.isoformat()}; such as datetime.now(UTC)")
    last = max((event["at"] for event in _events(name, store) if event["alias"] == alias), default=None)
    if last is not None and at < datetime.fromisoformat(last):
        raise ValueError(
            f"at is {at.isoformat()}, before the last move of {alias!r} at {last}; give a later time"
        )
    mlflow = client(store)
    with quiet():
        from mlflow.exceptions import MlflowException

        try:
            mlflow.get_model_version(name, str(version))
        except MlflowException as error:
            raise ValueError(f"there is no version {version} of model {name!r}: {error.message}") from error
    event = {
        "at": at.astimezone(UTC).isoformat(),
        "alias": alias,
        "action": action,
        "from": resolve_alias(name, alias, store=store),
        "to": int(version),
        "by": by,
        "reason": reason,
        "evidence": dict(evidence),
    }
    # written before the alias moves: a move without its reason must not be found, the reverse can be told
    moment = int(at.timestamp() * 1e6)
    with quiet():
        mlflow.set_registered_model_tag(
            name, f"{_MOVE}{moment:020d}.{secrets.token_hex(4)}", json.dumps(event, sort_keys=True)
        )
    set_alias(name, alias, version, store=store)


def _events(name: str, store: str) -> list[dict[str, Any]]:
    with quiet():
        from mlflow.exceptions import MlflowException

        try:
            tags = client(store).get_registered_model(name).tags
        except MlflowException as error:
            raise ValueError(f"there is no model {name!r} in the store: {error.message}") from error
    return [json.loads(tags[key]) for key in sorted(tags) if key.startswith(_MOVE)]
