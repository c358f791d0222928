"""A release checklist whose points are computed: each either shows its evidence or is not met.

Taught in lesson 6.5 (worked example).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.packaging.bundle import TOLERANCE, Bundle, load_bundle
from mlhelpers.packaging.containers import lint_dockerfile, parse_dockerfile
from mlhelpers.packaging.versions import next_version

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Verdict = tuple[bool, str]
_CLIENTS = 4
_PROGRAM = """
import json, sys
from mlhelpers.packaging import load_bundle
bundle = load_bundle(sys.argv[1])
import pandas as pd
rows = pd.DataFrame(bundle.example["request"]["rows"], columns=bundle.columns)
print(json.dumps(bundle.predict(rows).tolist()))
"""


class NotGiven(Exception):
    """What a point needs was not handed over."""


def checklist(
    bundle: Bundle,
    *,
    model: Any = None,
    rows: pd.DataFrame | None = None,
    labels: Sequence[str] | None = None,
    threshold: float = 0.5,
    data_hash: str | None = None,
    rebuild: Callable[[Path], Path] | None = None,
    trusted_keys: Iterable[str | Path | Ed25519PublicKey] | None = None,
    sbom: str | Path | None = None,
    previous: Bundle | None = None,
    store: str | None = None,
    context: str | Path | None = None,
    serve: Callable[[], AbstractContextManager[Any]] | None = None,
    p99_seconds: float = 0.05,
) -> pd.DataFrame:
    """Compute the fifteen points of a release from the bundle, its registry, its image and its service.

    Taught in lesson 6.5. A point that fails, that raises, or for which something is not given is not met:
    there is no way to tick it.

    Parameters
    ----------
    bundle : Bundle
        From `load_bundle`, of a folder.
    model : fitted classifier, optional
        As it was trained, in memory; for the points on its answers.
    rows : DataFrame of shape (n_rows, n_columns), optional
        Rows to compare answers on, of every class.
    labels : sequence of str, optional
        True class of each of `rows` by name; asked for if the bundle answers with classes. That a position
        has the right name is nowhere else to be seen: of each class more than half of the rows must get it.
    threshold : float, default=0.5
        Of a bundle with one probability: a row is positive from here on.
    data_hash : str, optional
        Hash of the data that the model was trained on, computed anew.
    rebuild : callable, optional
        Builds the bundle once more, from the same parts, in the folder that it is given.
    trusted_keys : iterable of path or Ed25519PublicKey, optional
        One of them must have signed.
    sbom : str or Path, optional
        CycloneDX bill of materials (JSON) of the environment that answers.
    previous : Bundle, optional
        The version before; None for a first version.
    store : str, optional
        Registry, from `mlhelpers.training.start_store`, in which the bundle is registered.
    context : str or Path, optional
        Folder with the Dockerfile, from `mle bundle dockerfile`.
    serve : callable, optional
        Starts the service of the bundle: a function that gives a context manager such as
        `mlhelpers.serving.running_service`.
    p99_seconds : float, default=0.05
        Longest time of 99% of the single requests, of one client.

    Returns
    -------
    DataFrame
        One row a point: point, met (bool), evidence.
    """
    given = {
        "model": model,
        "rows": rows,
        "labels": None if labels is None else np.asarray(labels, dtype=object),
        "data_hash": data_hash,
        "rebuild": rebuild,
        "trusted_keys": None if trusted_keys is None else list(trusted_keys),
        "sbom": sbom,
        "store": store,
        "context": context,
        "serve": serve,
    }

    def need(*names: str) -> list[Any]:
        absent = [name for name in names if given[name] is None]
        if absent:
            raise NotGiven(f"not given: {', '.join(absent)}")
        return [given[name] for name in names]

    answers: dict[str, Verdict | Exception] = {}

    def served(point: str, start: Callable[[], AbstractContextManager[Any]]) -> Verdict:
        """One service for its three points, the stop at the end."""
        if not answers:
            answers.update(_served(bundle, start, p99_seconds))
        verdict = answers[point]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    points: list[tuple[str, Callable[[], Verdict]]] = [
        ("a second build has equal bytes", lambda: _rebuilt(bundle, *need("rebuild"))),
        ("answers are those of the trained model", lambda: _parity(bundle, *need("model", "rows"))),
        (
            "decisions are too",
            lambda: (
                _decisions(bundle, *need("model", "rows"), threshold)
                if bundle.classes is None
                else _named(bundle, *need("model", "rows", "labels"))
            ),
        ),
        ("a fresh process answers the same", lambda: _fresh(bundle)),
        ("ten bad rows are refused", lambda: _refuses(bundle)),
        ("signed by a trusted key", lambda: _signed(bundle, *need("trusted_keys"))),
        ("bill of materials names every requirement", lambda: _materials(bundle, *need("sbom"))),
        ("version follows the rule", lambda: _version(bundle, previous)),
        ("leads back to its data", lambda: _lineage(bundle, *need("data_hash", "store"))),
        ("Dockerfile has no finding", lambda: _linted(*need("context"))),
        ("image does not run as root", lambda: _not_root(*need("context"))),
        ("health names this bundle", lambda: served("health", *need("serve"))),
        (f"99% of requests within {1000 * p99_seconds:g} ms", lambda: served("fast", *need("serve"))),
        ("stop under load loses no request", lambda: served("stop", *need("serve"))),
        ("rollback rehearsed", lambda: _rolled_back(bundle, *need("store"), previous)),
    ]
    found = []
    for name, point in points:
        try:
            met, evidence = point()
        except NotGiven as error:
            met, evidence = False, str(error)
        except Exception as error:  # noqa: BLE001  (what could not run is not met, whatever it was)
            first = (str(error).splitlines() or [""])[0]
            met, evidence = False, f"could not run: {type(error).__name__}: {first}"
        found.append((name, bool(met), evidence))
    return pd.DataFrame(found, columns=["point", "met", "evidence"])


def bad_rows(bundle: Bundle, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Ten rows that a signature must refuse, made from a good one: what is wrong, and the row.

    Taught in lesson 6.5.

    Parameters
    ----------
    bundle : Bundle
    row : mapping
        A row that the bundle accepts.

    Yields
    ------
    tuple of (str, object)
    """
    signature = bundle.signature
    first = signature[0]["name"]
    number = next((column for column in signature if column["type"] != "category"), None)
    row = dict(row)
    yield "a column is missing", {name: value for name, value in row.items() if name != first}
    yield (
        "a column is misspelt",
        {f"{name}x" if name == first else name: value for name, value in row.items()},
    )
    yield "a column too many", row | {"unknown_column": 1}
    yield "a list of values", list(row.values())
    yield "an object as value", row | {first: {"value": row[first]}}
    yield "no columns", {}
    if number is None:
        for column in (signature * 4)[:4]:
            yield f"another category in {column['name']}", row | {column["name"]: f"no such {column['name']}"}
        return
    name, span = number["name"], number["max"] - number["min"] or 1.0
    yield "text for a number", row | {name: str(row[name])}
    yield "a yes for a number", row | {name: True}
    yield "above the range", row | {name: number["max"] + span}
    yield "infinite", row | {name: float("inf")}


def _rebuilt(bundle: Bundle, rebuild: Callable[[Path], Path]) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        again = load_bundle(rebuild(Path(folder) / "again"))
        same = again.sha256 == bundle.sha256
    told = f"{again.sha256[:12]}, not {bundle.sha256[:12]}"
    return same, "the same hash of the manifest" if same else told


def _trained(bundle: Bundle, model: Any, rows: pd.DataFrame) -> np.ndarray:
    answers = np.asarray(model.predict_proba(rows[bundle.columns]), dtype=np.float64)
    return answers[:, 1] if bundle.classes is None else answers


def _parity(bundle: Bundle, model: Any, rows: pd.DataFrame) -> Verdict:
    apart = float(np.abs(_trained(bundle, model, rows) - bundle.predict(rows)).max())
    shown = TOLERANCE if apart <= TOLERANCE else apart
    return apart <= TOLERANCE, f"{len(rows):,} rows differ by at most {shown:.0e}"


def _decisions(bundle: Bundle, model: Any, rows: pd.DataFrame, threshold: float) -> Verdict:
    before, after = (
        (answers.round(6) >= threshold).astype(int)
        for answers in (_trained(bundle, model, rows), bundle.predict(rows))
    )
    if len(np.unique(before)) < 2:
        return False, f"all {len(rows):,} rows are decided alike: give other rows"
    changed = int((before != after).sum())
    return changed == 0, f"{changed} of {len(rows):,} change"


def _named(bundle: Bundle, model: Any, rows: pd.DataFrame, labels: np.ndarray) -> Verdict:
    if len(labels) != len(rows):
        raise ValueError(f"{len(labels)} labels for {len(rows)} rows")
    before = np.round(_trained(bundle, model, rows), 9).argmax(axis=1)
    names = bundle.predict_class(rows)
    changed = int((np.array(bundle.classes, dtype=object)[before] != names).sum())
    told = f"{changed} of {len(rows):,} change"
    for name in bundle.classes:
        own = labels == name
        if not own.any():
            return False, f"{told}; no row of {name}: give one of each class"
        right = int((names[own] == name).sum())
        if 2 * right <= own.sum():
            return False, f"{told}; {right} of {int(own.sum())} {name} are called so"
    return changed == 0, f"{told}; most of each class are called so"


def _fresh(bundle: Bundle) -> Verdict:
    command = [sys.executable, "-c", _PROGRAM, str(bundle.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        return False, (done.stderr.strip().splitlines() or ["no word"])[-1]
    stored = bundle.example["answer"]["probabilities"]
    apart = float(np.abs(np.array(json.loads(done.stdout)) - np.array(stored)).max())
    return apart <= TOLERANCE, f"{len(stored)} stored answers again, to {TOLERANCE:.0e}"


def _refuses(bundle: Bundle) -> Verdict:
    row = bundle.example["request"]["rows"][0]
    taken, n_rows = [], 0
    for what, bad in bad_rows(bundle, deepcopy(row)):
        n_rows += 1
        try:
            _, problems, changed = bundle.reader.read([bad])
        except Exception as error:  # noqa: BLE001  (an error that names nothing is no refusal)
            taken.append(f"{what}: {type(error).__name__}")
            continue
        if not problems or changed:
            taken.append(what)
    return not taken, f"{n_rows - len(taken)} of {n_rows}" + (f"; taken: {', '.join(taken)}" if taken else "")


def _signed(bundle: Bundle, keys: Sequence[Any]) -> Verdict:
    signed = load_bundle(bundle.folder, trusted_keys=keys, runtime="onnx").signed
    return signed, f"one of {len(keys)} key{'s' if len(keys) != 1 else ''}"


def _materials(bundle: Bundle, sbom: str | Path) -> Verdict:
    content = json.loads(Path(sbom).read_text("utf-8"))
    if content.get("bomFormat") != "CycloneDX":
        return False, f"{Path(sbom).name} is no CycloneDX document"
    listed = {(_name(part["name"]), part.get("version")) for part in content.get("components", [])}
    required = [line.split(";")[0].strip() for line in _environment(bundle)]
    absent = [
        line for line in required if (_name(line.split("==")[0]), line.partition("==")[2]) not in listed
    ]
    told = f"{len(required) - len(absent)} of {len(required)} requirements"
    return not absent and bool(required), told + (f"; not {absent[0]}" if absent else "")


def _environment(bundle: Bundle) -> list[str]:
    return [line for line in bundle.read_files()["environment.txt"].decode().splitlines() if line.strip()]


def _name(text: str) -> str:
    return text.strip().lower().replace("_", "-").replace(".", "-")


def _version(bundle: Bundle, previous: Bundle | None) -> Verdict:
    if previous is None:
        return bundle.version == "1.0.0", f"{bundle.version}, and none before"
    if previous.sha256 == bundle.sha256:
        return False, f"the version before, {previous.version}, is this bundle itself"
    wanted = next_version(previous, bundle)
    return bundle.version == wanted, f"after {previous.version} comes {wanted}, it has {bundle.version}"


def _lineage(bundle: Bundle, data_hash: str, store: str) -> Verdict:
    if bundle.data_hash != data_hash:
        return False, f"the data are {data_hash[:12]}, the bundle says {bundle.data_hash[:12]}"
    number = _number(bundle, store)
    if number is None:
        return False, f"{bundle.sha256[:12]} is not in the registry"
    return True, f"version {number} in the registry, data {data_hash[:12]}"


def _number(bundle: Bundle, store: str) -> int | None:
    from mlhelpers.packaging.registry import _quoted
    from mlhelpers.training.tracking import client

    query = f"name='{_quoted(bundle.name)}' and tag.manifest_sha256='{bundle.sha256}'"
    found = client(store).search_model_versions(query)
    return min((int(version.version) for version in found), default=None)


def _linted(context: str | Path) -> Verdict:
    findings = lint_dockerfile(Path(context) / "Dockerfile")
    if len(findings):
        one = findings.iloc[0]
        return False, f"{len(findings)} findings, the first in line {one['line']}: {one['why']}"
    return True, "hadolint and our rules find nothing"


def _not_root(context: str | Path) -> Verdict:
    text = (Path(context) / "Dockerfile").read_text("utf-8")
    user = "root"
    for step in parse_dockerfile(text):
        if step.name == "FROM":
            user = "root"
        elif step.name == "USER":
            user = step.value.split(":")[0].strip()
    return user.isdigit() and int(user) > 0, f"USER {user}"


def _served(
    bundle: Bundle, start: Callable[[], AbstractContextManager[Any]], limit: float
) -> dict[str, Verdict | Exception]:
    points = {"health": _healthy, "fast": partial(_fast, limit=limit), "stop": _stops}
    found: dict[str, Verdict | Exception] = {}
    try:
        with start() as service:
            for name, point in points.items():
                try:
                    found[name] = point(bundle, service)
                except Exception as error:  # noqa: BLE001  (each point for itself)
                    found[name] = error
    except Exception as error:  # noqa: BLE001  (it did not start, or broke when it was stopped)
        found = dict.fromkeys(points, error) | found
    return found


def _healthy(bundle: Bundle, service: Any) -> Verdict:
    import requests

    answer = requests.get(f"{service.url}/health/ready", timeout=10)
    if answer.status_code != 200:
        return False, f"status {answer.status_code}"
    told = answer.json().get("model", {}).get("bundle")
    return told == bundle.sha256, "its hash" if told == bundle.sha256 else f"{str(told)[:12]} is another one"


def _fast(bundle: Bundle, service: Any, limit: float) -> Verdict:
    import requests

    body, seconds = {"rows": bundle.example["request"]["rows"][:1]}, []
    with requests.Session() as session:
        for at in range(350):
            start = time.perf_counter()
            answer = session.post(f"{service.url}/v1/predict", json=body, timeout=10)
            if answer.status_code != 200:
                return False, f"request {at} was answered with {answer.status_code}"
            seconds.append(time.perf_counter() - start)
    p99 = float(np.quantile(seconds[50:], 0.99))  # after it has warmed up
    return p99 <= limit, f"p99 of 300 requests {'within' if p99 <= limit else 'above'} {1000 * limit:g} ms"


def _stops(bundle: Bundle, service: Any) -> Verdict:
    import requests

    body = {"rows": bundle.example["request"]["rows"][:1]}
    told, lost, answered = threading.Event(), [], []

    def ask() -> None:
        while True:
            late = told.is_set()
            try:
                answer = requests.post(f"{service.url}/v1/predict", json=body, timeout=10)
            except requests.ConnectionError as error:
                if not late:  # sent before the signal, so the service had to answer
                    lost.append(str(error))
                return
            except requests.RequestException as error:
                lost.append(str(error))
                return
            if answer.status_code == 200:
                answered.append(late)
            elif answer.status_code != 503:
                lost.append(f"status {answer.status_code}")
                return

    clients = [threading.Thread(target=ask, daemon=True) for _ in range(_CLIENTS)]
    for client in clients:
        client.start()
    end = time.monotonic() + 10
    while len(answered) < 10 * _CLIENTS and time.monotonic() < end and not lost:
        time.sleep(0.01)
    told.set()
    code = service.stop()
    for client in clients:
        client.join(15)
    if not answered:
        return False, "no request was answered before the signal"
    how = "it ended by itself" if code == 0 else f"it ended with {code}"
    return not lost and code == 0, f"{len(lost)} lost by {_CLIENTS} clients; {how}"


def _rolled_back(bundle: Bundle, store: str, previous: Bundle | None) -> Verdict:
    from mlhelpers.packaging.registry import history

    if previous is None:
        return False, "there is no version before to go back to"
    number, before = _number(bundle, store), _number(previous, store)
    moves = history(bundle.name, store=store)
    back = moves[(moves["action"] == "rollback") & (moves["from"] == number) & (moves["to"] == before)]
    if number is None or before is None or back.empty:
        return False, f"the registry knows no rollback from {bundle.version} to {previous.version}"
    old = load_bundle(previous.folder)  # replays its stored answers
    return old.sha256 == previous.sha256, f"from version {number} to {before}, which answers as it did"
