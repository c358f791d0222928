"""Success criteria of a problem, read from the one file that holds them.

Taught in lessons 2.1 (success criteria) and 5.5 (documenting validation).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlhelpers.validation.gates import GateReport, check_gates

_COSTS = ("gain_tp", "cost_fp", "cost_fn")
_TEXTS = ("statement", "target", "decision")
_GATES = ("gates", "release_gates")
_REQUIRED = (*_TEXTS, "horizon_days", "costs", "gates")


@dataclass(frozen=True)
class Criteria:
    """What was agreed before the first model.

    Attributes
    ----------
    name : str
        Of the problem, such as "churn".
    statement, target, decision : str
        The stakeholder's sentence, the column that is predicted, and what is done with a positive.
    horizon_days : int
        Days from the prediction to the moment at which the target is known.
    costs : mapping of str to float
        gain_tp, cost_fp, cost_fn in USD per case.
    gates : mapping of str to mapping
        Limits that the business asks for, as `check_gates` takes them.
    release_gates : mapping of str to mapping
        Limits that a release must keep besides; may be empty.
    """

    name: str
    statement: str
    target: str
    decision: str
    horizon_days: int
    costs: Mapping[str, float]
    gates: Mapping[str, Mapping[str, float]]
    release_gates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def break_even(self) -> float:
        """Probability from which on acting pays, if probabilities are calibrated."""
        at_stake = self.costs["cost_fp"] + self.costs["gain_tp"] + self.costs["cost_fn"]
        return self.costs["cost_fp"] / at_stake

    @property
    def all_gates(self) -> dict[str, Mapping[str, float]]:
        """The gates of the business, then those of a release."""
        return {**self.gates, **self.release_gates}

    def check(self, figures: Mapping[str, float], *, release: bool = False) -> GateReport:
        """Compare figures with the limits; `release` adds the release gates."""
        return check_gates(figures, self.all_gates if release else self.gates)

    def as_dict(self) -> dict[str, Any]:
        """Plain nested dict, as the file has it and with the name."""
        plain: dict[str, Any] = {key: getattr(self, key) for key in ("name", *_TEXTS, "horizon_days")}
        plain["costs"] = dict(self.costs)
        for key in _GATES:
            plain[key] = {figure: dict(limits) for figure, limits in getattr(self, key).items()}
        return plain

    def _repr_html_(self) -> str:
        lines = [
            f"<tr><td>{escape(figure)}</td><td>{rule}</td><td>{limit:g}</td></tr>"
            for figure, limits in self.all_gates.items()
            for rule, limit in limits.items()
        ]
        head = "<tr><th>figure</th><th>rule</th><th>limit</th></tr>"
        title = f"{escape(self.name)}: {escape(self.statement)}"
        return f"<p><b>{title}</b></p><table>{head}{''.join(lines)}</table>"


def load_criteria(name: str, *, path: str | Path | None = None) -> Criteria:
    """Read and check the success criteria of one problem.

    Taught in lesson 5.5.

    Parameters
    ----------
    name : str
        Of the problem, such as "churn".
    path : str or Path, optional
        YAML file; by default ``notebooks/criteria.yml`` of the course, looked for from the current folder
        upward and then beside the package.

    Returns
    -------
    Criteria

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the problem or a key is not known, a key is missing, or a value has the wrong type; the message
        names the file and the key.
    """
    import yaml

    file = _find() if path is None else Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no criteria at {file}")
    try:
        problems = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: not YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(problems, Mapping):
        raise ValueError(f"{file}: must map each problem to its criteria, got {type(problems).__name__}")
    if name not in problems:
        raise ValueError(f"{file}: no problem {name!r}{_hint(name, problems)}")
    return _checked(problems[name], name, f"{file}: {name}")


def _find() -> Path:
    inside = Path("notebooks", "criteria.yml")
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / inside).is_file():
            return folder / inside
    raise FileNotFoundError(
        f"no {inside.as_posix()} in {here}, above it or beside the package; run this in a clone of the course"
    )


def _checked(entry: Any, name: str, place: str) -> Criteria:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{place}: must be a mapping with {', '.join(_REQUIRED)}")
    known = (*_REQUIRED, "release_gates")
    _same_keys(entry, place, _REQUIRED, known)
    for key in _TEXTS:
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise ValueError(f"{place}.{key}: must be a text, got {entry[key]!r}")
    days = entry["horizon_days"]
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise ValueError(f"{place}.horizon_days: must be a whole number from 0 on, got {days!r}")
    costs = entry["costs"]
    if not isinstance(costs, Mapping):
        raise ValueError(f"{place}.costs: must map {', '.join(_COSTS)} to USD, got {costs!r}")
    _same_keys(costs, f"{place}.costs", _COSTS, _COSTS)
    for key, amount in costs.items():
        number = isinstance(amount, int | float) and not isinstance(amount, bool)
        if not number or not math.isfinite(amount) or amount < 0:
            raise ValueError(f"{place}.costs.{key}: must be an amount of at least 0 USD, got {amount!r}")
    if not sum(costs.values()) > 0:
        raise ValueError(f"{place}.costs: all are 0, so no decision costs anything")
    gates = {key: _gates(entry.get(key, {}), f"{place}.{key}", key == "gates") for key in _GATES}
    twice = [figure for figure in gates["gates"] if figure in gates["release_gates"]]
    if twice:
        raise ValueError(f"{place}.release_gates: {', '.join(twice)} stands in gates already")
    texts = {key: entry[key] for key in _TEXTS}
    prices = MappingProxyType({key: float(costs[key]) for key in _COSTS})
    return Criteria(name=name, horizon_days=days, costs=prices, **texts, **gates)


def _gates(rules: Any, place: str, needed: bool) -> Mapping[str, Mapping[str, float]]:
    if not isinstance(rules, Mapping) or (needed and not rules):
        raise ValueError(f"{place}: must map figures to limits, such as auc_low: {{min: 0.8}}, got {rules!r}")
    if rules:
        try:  # the rules for a rule are those of check_gates
            check_gates(dict.fromkeys(rules, 0.0), rules)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
    return MappingProxyType({figure: MappingProxyType(dict(limits)) for figure, limits in rules.items()})


def _same_keys(entry: Mapping, place: str, required: Iterable[str], known: Iterable[str]) -> None:
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise ValueError(f"{place}: unknown key {unknown[0]!r}{_hint(unknown[0], known)}")
    missing = [key for key in required if key not in entry]
    if missing:
        raise ValueError(f"{place}: missing {', '.join(missing)}")


def _hint(name: Any, names: Iterable[str]) -> str:
    names = [str(item) for item in names]
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
