"""Policies of Kubernetes manifests that no schema can state, with the line of each finding.

Taught in lesson 7.4 (Kubernetes and serverless). A schema knows the types of a manifest. It does not know
that a selector must match a label, that a probe must ask a port on which somebody listens, or that 500 cores
were meant to be half a core.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

KINDS = {  # and the version of the interface in which today's clusters take each
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
    "Namespace": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
}
LIVE, READY = ("/health/live",), ("/health/ready",)  # paths of `mle serve`
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti)?")
_FACTORS = {None: 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_FACTORS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_MOST_CORES = 128
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|API_?KEY|PRIVATE", re.IGNORECASE)

Path_ = tuple[Any, ...]


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to repair.

    Attributes
    ----------
    file : str
        Name of the file.
    line : int
        From 1.
    rule : str
        ``KUB001`` to ``KUB018``.
    message : str
        What is wrong and what to do.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.rule} {self.message}"


@dataclass
class _Document:
    """A manifest with the line of each of its values."""

    file: str
    content: Any
    lines: dict[Path_, int]
    twice: list[tuple[int, str]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return str(self.content.get("kind")) if isinstance(self.content, dict) else ""

    def at(self, *path: Any) -> Any:
        """Value at a path, or None."""
        value = self.content
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def mapping(self, *path: Any) -> dict[Any, Any]:
        """Mapping at a path; an empty one if there is none. Wrong types are for a schema to find."""
        value = self.at(*path)
        return value if isinstance(value, dict) else {}

    def sequence(self, *path: Any) -> list[Any]:
        """List at a path; an empty one if there is none."""
        value = self.at(*path)
        return value if isinstance(value, list) else []

    def scalar(self, *path: Any) -> Any:
        """Number, text or None at a path; anything else as text, so that it can be compared."""
        value = self.at(*path)
        return repr(value) if isinstance(value, dict | list) else value

    def line(self, *path: Any) -> int:
        """Line of the value at a path, or of the nearest thing above it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def say(self, rule: str, message: str, *path: Any) -> Finding:
        return Finding(self.file, self.line(*path), rule, message)


def check_manifests(path: str | Path) -> list[Finding]:
    """What is wrong with the manifests of a file or folder, beyond what a schema finds.

    Taught in lesson 7.4. Selectors are looked up among all documents together, so give the folder that is
    applied as a whole.

    Parameters
    ----------
    path : str or Path
        A YAML file, or a folder of them (``.yaml`` and ``.yml``, not below it).

    Returns
    -------
    list of Finding
        By file, line and rule; empty if nothing is found.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no YAML file in the folder.
    ValueError
        If a file is not YAML; the message names file and line.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix in (".yaml", ".yml"))
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise FileNotFoundError(f"there is no manifest at {path}; give a .yaml file or a folder with some")
    documents = [document for file in files for document in _read(file)]
    found = [finding for rule in _RULES for finding in rule(documents)]
    return sorted(set(found))


def _read(file: Path) -> Iterator[_Document]:
    try:
        nodes = list(yaml.compose_all(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ValueError(f"{file.name}{line} is not YAML: {getattr(error, 'problem', error)}") from error
    for node in nodes:
        document = _Document(file.name, None, {(): (node.start_mark.line + 1) if node else 1})
        if node is not None:
            document.content = _value(node, (), document)
        yield document


def _value(node: yaml.Node, path: Path_, document: _Document) -> Any:
    document.lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key, item in node.value:
            name = yaml.SafeLoader("").construct_object(key, deep=True)
            if name in mapping:
                document.twice.append((key.start_mark.line + 1, str(name)))
            mapping[name] = _value(item, (*path, name), document)
            document.lines[(*path, name)] = key.start_mark.line + 1
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, at), document) for at, item in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node, deep=True)


# --- rules ----------------------------------------------------------------------------------------


def _key_twice(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document in documents:
        for line, key in document.twice:
            why = f"{key!r} is there twice and the last one wins; is a `---` missing between two manifests?"
            yield Finding(document.file, line, "KUB001", why)


def _known_kind(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document in documents:
        if not isinstance(document.content, dict):
            yield document.say("KUB002", "the document is empty or no mapping; remove it or its `---`")
        elif document.kind not in KINDS:
            yield document.say(
                "KUB002", f"kind {document.kind!r} is not known here; one of {', '.join(KINDS)}", "kind"
            )
        elif document.scalar("apiVersion") != KINDS[document.kind]:
            given, wanted = document.scalar("apiVersion"), KINDS[document.kind]
            why = f"{document.kind} of {given!r}: clusters take it as {wanted}"
            yield document.say("KUB002", why, "apiVersion")


def _names(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document in _mappings(documents):
        name = document.at("metadata", "name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            why = f"the name {name!r} is no DNS label: small letters, digits and '-', at most 63"
            yield document.say("KUB003", why, "metadata", "name")


def _selectors(documents: Sequence[_Document]) -> Iterator[Finding]:
    pods = [_labels(document) for document in _of(documents, "Deployment")]
    for document in _of(documents, "Deployment"):
        wanted = document.mapping("spec", "selector", "matchLabels")
        if not _matches(wanted, _labels(document)):
            labels = _shown(_labels(document))
            why = f"the selector {_shown(wanted)} does not match the template's labels {labels}"
            yield document.say("KUB004", why, "spec", "selector", "matchLabels")
    for document in _of(documents, "Service", "PodDisruptionBudget"):
        path = ("spec", "selector") if document.kind == "Service" else ("spec", "selector", "matchLabels")
        wanted = document.mapping(*path)
        if not any(_matches(wanted, labels) for labels in pods):
            why = f"the selector {_shown(wanted)} matches no pod of these files"
            yield document.say("KUB005", why, *path)


def _target_ports(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document in _of(documents, "Service"):
        wanted = document.mapping("spec", "selector")
        for at in range(len(document.sequence("spec", "ports"))):
            given = document.mapping("spec", "ports", at)
            key = "targetPort" if "targetPort" in given else "port"
            target = document.scalar("spec", "ports", at, key)
            matched = [pod for pod in _of(documents, "Deployment") if _matches(wanted, _labels(pod))]
            known = {
                known for pod in matched for container in _containers(pod) for known in _ports(pod, container)
            }
            if matched and target not in known:
                why = f"targetPort {target!r} is no port of the pods; they have {_listed(known)}"
                yield document.say("KUB006", why, "spec", "ports", at, "targetPort")


def _probes(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document, path in _each_container(documents):
        known = _ports(document, path)
        for probe, paths in (("readinessProbe", READY), ("livenessProbe", LIVE), ("startupProbe", LIVE)):
            if document.at(*path, probe) is None:
                if probe != "startupProbe":  # a service that starts fast needs none
                    yield document.say("KUB007", f"no {probe}; ask {paths[0]}", *path)
                continue
            ask = document.mapping(*path, probe, "httpGet")
            port = document.scalar(*path, probe, "httpGet", "port")
            if ask and port not in known:
                why = f"{probe} asks port {port!r}; the container has {_listed(known)}"
                yield document.say("KUB008", why, *path, probe, "httpGet", "port")
            if ask and ask.get("path") not in paths:
                why = f"{probe} asks {ask.get('path')!r}; ask {paths[0]}"
                if probe == "livenessProbe":
                    why += ", or load and a slow dependency restart the pod"
                yield document.say("KUB009", why, *path, probe, "httpGet", "path")


def _resources(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document, path in _each_container(documents):
        amounts: dict[tuple[str, str], float] = {}
        for kind in ("requests", "limits"):
            for what in ("cpu", "memory"):
                given = document.at(*path, "resources", kind, what)
                if given is None:
                    if (kind, what) != ("limits", "cpu"):  # a CPU limit throttles; many teams set none
                        yield document.say("KUB010", f"no {kind} of {what}", *path, "resources", kind)
                    continue
                amount = _amount(given)
                where = (*path, "resources", kind, what)
                if math.isnan(amount):
                    why = f"{what} {given!r} is no quantity, such as {'500m' if what == 'cpu' else '512Mi'}"
                    yield document.say("KUB011", why, *where)
                elif what == "cpu" and amount > _MOST_CORES:
                    yield document.say(
                        "KUB011", f"cpu {given!r} is {amount:g} cores; is 'm' missing?", *where
                    )
                elif what == "memory" and amount < 1e6:
                    yield document.say(
                        "KUB011", f"memory {given!r} is {amount:g} bytes; is 'Mi' missing?", *where
                    )
                else:
                    amounts[kind, what] = amount
        for what in ("cpu", "memory"):
            asked, most = amounts.get(("requests", what), 0), amounts.get(("limits", what), math.inf)
            if asked > most:
                why = f"the request of {what} is above its limit"
                yield document.say("KUB012", why, *path, "resources", "requests", what)


def _images(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document, path in _each_container(documents):
        image = str(document.at(*path, "image"))
        if not re.search(r"@sha256:[0-9a-f]{64}$", image):
            why = f"image {image!r} has no digest; a tag can be given to another image (name:tag@sha256:...)"
            yield document.say("KUB013", why, *path, "image")


def _security(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document, path in _each_container(documents):
        pod = document.mapping("spec", "template", "spec", "securityContext")
        own = document.mapping(*path, "securityContext")
        wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
        for key, value in wanted.items():
            if own.get(key, pod.get(key)) is not value:
                why = f"securityContext.{key} is not {str(value).lower()}"
                yield document.say("KUB014", why, *path, "securityContext")


def _grace(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document, path in _each_container(documents):
        words = [
            str(word) for word in [*document.sequence(*path, "command"), *document.sequence(*path, "args")]
        ]
        drain = 5.0
        if "--drain-seconds" in words[:-1]:
            drain = _number(words[words.index("--drain-seconds") + 1])
        before = _seconds(document.at(*path, "lifecycle", "preStop", "sleep", "seconds"), 0)
        grace = _seconds(document.at("spec", "template", "spec", "terminationGracePeriodSeconds"), 30)
        if not grace > before + drain:
            why = f"{grace:g} s of grace do not hold {before:g} s of preStop and {drain:g} s of draining"
            yield document.say("KUB015", why, "spec", "template", "spec", "terminationGracePeriodSeconds")


def _replicas(documents: Sequence[_Document]) -> Iterator[Finding]:
    scaled = {
        document.scalar("spec", "scaleTargetRef", "name"): document
        for document in _of(documents, "HorizontalPodAutoscaler")
    }
    for document in _of(documents, "Deployment"):
        scaler = scaled.get(document.scalar("metadata", "name"))
        least = scaler.at("spec", "minReplicas") if scaler else document.at("spec", "replicas")
        if not isinstance(least, int) or least < 2:
            why = f"{least!r} replicas: a single one is away while it is updated; at least 2"
            yield document.say("KUB016", why, "spec", "replicas")
        most_away = document.scalar("spec", "strategy", "rollingUpdate", "maxUnavailable")
        if most_away not in (0, "0", "0%"):
            why = "rollingUpdate.maxUnavailable is not 0: an old pod may go before a new one is ready"
            yield document.say("KUB017", why, "spec", "strategy", "rollingUpdate")
    known = {document.scalar("metadata", "name") for document in _of(documents, "Deployment")}
    for name, document in scaled.items():
        if name not in known:
            why = f"it scales {name!r}, which is no Deployment of these files"
            yield document.say("KUB005", why, "spec", "scaleTargetRef", "name")


def _secrets(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document, path in _each_container(documents):
        for at in range(len(document.sequence(*path, "env"))):
            variable = document.mapping(*path, "env", at)
            if _SECRET.search(str(variable.get("name"))) and variable.get("value"):
                why = (
                    f"{variable['name']} stands here as text; take it from a Secret (valueFrom.secretKeyRef)"
                )
                yield document.say("KUB018", why, *path, "env", at, "value")


def _ports_in_range(documents: Sequence[_Document]) -> Iterator[Finding]:
    for document in _mappings(documents):
        for path in document.lines:
            if path and path[-1] in ("port", "containerPort", "targetPort"):
                value = document.at(*path)
                if isinstance(value, int) and not 1 <= value <= 65_535:
                    yield document.say("KUB006", f"port {value} is not between 1 and 65535", *path)


_RULES: tuple[Callable[[Sequence[_Document]], Iterable[Finding]], ...] = (
    _key_twice,
    _known_kind,
    _names,
    _selectors,
    _target_ports,
    _ports_in_range,
    _probes,
    _resources,
    _images,
    _security,
    _grace,
    _replicas,
    _secrets,
)


def _mappings(documents: Iterable[_Document]) -> list[_Document]:
    return [document for document in documents if isinstance(document.content, dict)]


def _of(documents: Iterable[_Document], *kinds: str) -> list[_Document]:
    return [document for document in documents if document.kind in kinds]


def _containers(document: _Document) -> list[Path_]:
    path = ("spec", "template", "spec", "containers")
    return [(*path, at) for at in range(len(document.sequence(*path)))]


def _each_container(documents: Sequence[_Document]) -> Iterator[tuple[_Document, Path_]]:
    for document in _of(documents, "Deployment"):
        for path in _containers(document):
            yield document, path


def _ports(document: _Document, path: Path_) -> set[Any]:
    places = [(*path, "ports", at) for at in range(len(document.sequence(*path, "ports")))]
    given = {document.scalar(*place, key) for place in places for key in ("containerPort", "name")}
    return given - {None}


def _labels(document: _Document) -> dict[str, Any]:
    return document.mapping("spec", "template", "metadata", "labels")


def _matches(wanted: dict[str, Any], labels: dict[str, Any]) -> bool:
    return bool(wanted) and all(key in labels and labels[key] == value for key, value in wanted.items())


def _amount(given: Any) -> float:
    found = _QUANTITY.fullmatch(str(given))
    return float(found[1]) * _FACTORS[found[2]] if found else math.nan


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def _seconds(given: Any, default: float) -> float:
    return float(given) if isinstance(given, int | float) else default


def _shown(labels: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items()) or "without labels"


def _listed(known: Iterable[Any]) -> str:
    return ", ".join(sorted(map(str, known))) or "none"
