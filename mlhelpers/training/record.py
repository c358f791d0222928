"""The record of a training run, and the comparison of two of them.

Taught in lessons 4.2 (reproducible training) and 9.4 (metadata stores).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.training.config import parse_config


def environment() -> list[str]:
    """Every installed package as ``name==version``, sorted: what ``pip freeze`` lists of an index.

    Taught in lesson 4.2.
    """
    found = {item.metadata["Name"]: item.version for item in metadata.distributions()}
    return sorted(f"{name.lower().replace('_', '-')}=={version}" for name, version in found.items())


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """All that is needed to train a model again and to tell whether the result is the same.

    Taught in lesson 4.2. There is no date in it: two runs that agree have equal records.

    Attributes
    ----------
    config : dict
        Settings, defaults included.
    config_hash, data_hash, model_hash, prediction_hash, environment_hash : str
        SHA-256 of the settings, of the table, of the fitted model, of the probabilities of the held-out rows
        and of the list of installed packages.
    git_commit : str or None
        None outside a repository.
    git_dirty : bool or None
        Whether tracked files differed from the commit.
    packages : dict of str to str
        Version of Python and of the libraries that compute.
    machine : dict
        Processor type, system, and the environment variables that set threads and hashing.
    metrics : dict of str to float
    probe : list of float
        The first probabilities of the held-out rows, for a comparison with a tolerance.
    """

    config: dict[str, Any]
    config_hash: str
    data_hash: str
    model_hash: str
    prediction_hash: str
    environment_hash: str
    git_commit: str | None
    git_dirty: bool | None
    packages: dict[str, str]
    machine: dict[str, Any]
    metrics: dict[str, float]
    probe: list[float]

    def to_json(self) -> str:
        """JSON text; `from_json` makes an equal record of it, to the last bit of each number."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """Record from its JSON text; a ValueError names keys that are missing or unknown."""
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError(f"a record is a JSON object, got {type(content).__name__}")
        names = {field.name for field in dataclasses.fields(cls)}
        if odd := sorted(names ^ set(content)):
            raise ValueError(f"no record of a run: keys missing or unknown: {', '.join(odd)}")
        return cls(**content)

    def save(self, path: str | Path) -> Path:
        """Write the JSON text to a file and return its path."""
        path = Path(path)
        path.write_text(self.to_json(), encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> RunRecord:
        """Record from a file of `save`."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"))


@dataclasses.dataclass(frozen=True)
class Run:
    """What `run` returns.

    Attributes
    ----------
    model : sklearn.pipeline.Pipeline
        Fitted.
    record : RunRecord
    predictions : Series
        Probability of the positive class of each held-out row, with the row's index.
    example : DataFrame
        A few held-out rows with the model's columns, for a signature.
    """

    model: Any
    record: RunRecord
    predictions: pd.Series
    example: pd.DataFrame


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Verdict of `compare_runs`; true in a condition if the runs agree.

    Attributes
    ----------
    agree : bool
    identical : bool
        Whether model and predictions agree in every bit.
    first_difference : str or None
        What broke the agreement first: settings, then data, model, predictions, metrics.
    largest : float
        Largest difference between two probabilities that were compared.
    notes : tuple of str
        Differences of code, packages and machine, which explain and do not decide.
    """

    agree: bool
    identical: bool
    first_difference: str | None
    largest: float
    notes: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.agree

    def __str__(self) -> str:
        if self.agree:
            verdict = "the same, bit for bit" if self.identical else f"agree to {self.largest:.1e}"
        else:
            verdict = f"differ: {self.first_difference}"
        return "\n".join([verdict, *(f"note: {note}" for note in self.notes)])


def compare_runs(a: Run | RunRecord, b: Run | RunRecord, *, tolerance: float = 0.0) -> Comparison:
    """Say whether two runs agree, and if not, where they part.

    Taught in lesson 4.2.

    Parameters
    ----------
    a, b : Run or RunRecord
        With two runs, all probabilities are compared; with a record, those that it keeps.
    tolerance : float, default=0.0
        Largest difference allowed for a probability and for a metric. At 0, model and predictions must agree
        bit for bit.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If `tolerance` is negative or NaN.
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance}")
    one, two = (item.record if isinstance(item, Run) else item for item in (a, b))
    both = isinstance(a, Run) and isinstance(b, Run)
    values = [item.predictions.to_numpy() for item in (a, b)] if both else [one.probe, two.probe]
    first, second = map(np.asarray, values)
    same_rows = len(first) == len(second)
    largest = float(np.abs(first - second).max(initial=0.0)) if same_rows else float("inf")
    identical = one.model_hash == two.model_hash and one.prediction_hash == two.prediction_hash
    difference = _first_unequal("settings", _flat(one.config), _flat(two.config))
    if difference is None and one.data_hash != two.data_hash:
        difference = f"data: hash {one.data_hash[:12]} and {two.data_hash[:12]}"
    if difference is None and not identical and (tolerance == 0 or largest > tolerance):
        part = "model" if one.model_hash != two.model_hash else "predictions"
        difference = f"{part}: probabilities differ by up to {largest:.1e}"
    if difference is None:
        difference = _first_unequal("metrics", one.metrics, two.metrics, tolerance)
    return Comparison(difference is None, identical, difference, largest, tuple(_notes(one, two)))


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    return parse_config(config, source="record").flat()


def _first_unequal(
    what: str, one: Mapping[str, Any], two: Mapping[str, Any], tolerance: float = 0.0
) -> str | None:
    for name in dict.fromkeys([*one, *two]):
        a, b = one.get(name), two.get(name)
        if a == b:
            continue
        if not tolerance or a is None or b is None or not abs(a - b) <= tolerance:
            return f"{what}: {name} is {a!r} and {b!r}"
    return None


def _notes(one: RunRecord, two: RunRecord) -> list[str]:
    found = [_first_unequal("code", {"commit": one.git_commit}, {"commit": two.git_commit})]
    if one.git_dirty or two.git_dirty:
        found.append("code: tracked files differed from the commit, so the commit does not say what ran")
    packages = _first_unequal("packages", one.packages, two.packages)
    if packages is None and one.environment_hash != two.environment_hash:
        packages = "packages: a library other than those that compute has another version"
    machine = _first_unequal(
        "machine",
        {**one.machine, **one.machine["settings"], "settings": None},
        {**two.machine, **two.machine["settings"], "settings": None},
    )
    return [note for note in [*found, packages, machine] if note is not None]
