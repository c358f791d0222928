"""One description of a search space, translated for scikit-learn, scikit-optimize and Optuna.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["check_space", "grid_points", "random_points"]

_FORMS = (
    '("float", low, high) or ("int", low, high), with "log" at the end if wanted, or ("choice", [values])'
)


class _Draw:
    """Distribution in the sense of scikit-learn: an object with ``rvs``; returns plain Python values."""

    def __init__(self, entry: tuple):
        self.entry = entry

    def rvs(self, random_state: np.random.RandomState) -> Any:
        if self.entry[0] == "choice":
            return self.entry[1][random_state.randint(len(self.entry[1]))]
        kind, low, high, log = _numbers(self.entry)
        # Whole numbers get the same share of the axis on both sides: 3 stands for 2.5 to 3.5.
        low, high = (low - 0.5, high + 0.5) if kind == "int" else (low, high)
        ends = (math.log(low), math.log(high)) if log else (low, high)
        value = random_state.uniform(*ends)
        value = math.exp(value) if log else value
        value = min(max(value, low), high)
        if kind == "int":
            return int(min(max(round(value), self.entry[1]), self.entry[2]))
        return float(value)


def check_space(space: Mapping[str, tuple], model: Any = None) -> dict[str, tuple]:
    """Check a search space and bring it to one form.

    Taught in lesson 4.3.

    Parameters
    ----------
    space : mapping of name to tuple
        ``("float", low, high)`` or ``("int", low, high)``, both ends included, with a fourth element
        ``"log"`` if equal *factors* are to be equally likely; or ``("choice", [values])``.
    model : estimator, optional
        Its parameters must include every name of the space.

    Returns
    -------
    dict of name to tuple
        ``(kind, low, high, "log" or "linear")`` or ``("choice", tuple of values)``; checking it again
        changes nothing.

    Raises
    ------
    ValueError
        If the space is empty, an entry has another form, low is not below high, a logarithm is asked of
        a number that is not positive, or the model has no such parameter.
    """
    if not space:
        raise ValueError("the search space is empty; name at least one hyperparameter")
    known = None if model is None else sorted(model.get_params())
    checked: dict[str, tuple] = {}
    for name, entry in space.items():
        if known is not None and name not in known:
            raise ValueError(_unknown(name, known, type(model).__name__))
        checked[name] = _entry(name, entry)
    return checked


def _unknown(name: str, known: list[str], model: str) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    # The parameter of a step inside a pipeline is the usual slip.
    close = [other for other in known if other.endswith(f"__{name}")][:1] or close
    hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
    return f"{model} has no parameter {name!r}{hint}"


def _entry(name: str, entry: Any) -> tuple:
    if not isinstance(entry, tuple) or not entry or entry[0] not in ("float", "int", "choice"):
        raise ValueError(f"{name}: {entry!r} is no entry of a search space; give {_FORMS}")
    if entry[0] == "choice":
        if len(entry) != 2 or isinstance(entry[1], str) or not len(entry[1]):
            raise ValueError(f"{name}: a choice is ('choice', [values]) with at least one value")
        return ("choice", tuple(entry[1]))
    if len(entry) not in (3, 4) or (len(entry) == 4 and entry[3] not in ("log", "linear")):
        raise ValueError(f"{name}: {entry!r} is no entry of a search space; give {_FORMS}")
    kind, low, high, log = _numbers(entry)
    wanted = int | np.integer if kind == "int" else int | float | np.number
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, wanted) or not math.isfinite(end):
            raise ValueError(f"{name}: {end!r} is no finite number of kind {kind}")
    if low >= high:
        raise ValueError(f"{name}: low {low} must be below high {high}")
    if log and low <= 0:
        raise ValueError(
            f"{name}: a log scale needs low above 0, got {low}; start at a small positive number"
        )
    cast = int if kind == "int" else float
    return (kind, cast(low), cast(high), "log" if log else "linear")


def _numbers(entry: tuple) -> tuple[str, Any, Any, bool]:
    return entry[0], entry[1], entry[2], entry[3:] == ("log",)


def grid_points(space: Mapping[str, tuple], n_points: int) -> dict[str, list]:
    """Values for a grid of at most `n_points` combinations, ends of each range included.

    Taught in lesson 4.3. Every hyperparameter gets the same number of values as far as the number of
    combinations allows, the first ones one more; a choice has as many values as it has.

    Parameters
    ----------
    space : mapping of name to tuple
        As for `check_space`.
    n_points : int
        Upper limit for the number of combinations.

    Returns
    -------
    dict of name to list

    Raises
    ------
    ValueError
        If not even two values of each hyperparameter fit.
    """
    space = check_space(space)
    sizes = {name: len(entry[1]) if entry[0] == "choice" else 2 for name, entry in space.items()}
    limits = {
        name: entry[2] - entry[1] + 1 if entry[0] == "int" else math.inf
        for name, entry in space.items()
        if entry[0] != "choice"
    }
    if math.prod(sizes.values()) > n_points:
        raise ValueError(
            f"a grid with two values of each of {len(sizes)} hyperparameters has "
            f"{math.prod(sizes.values())} points, the budget pays for {n_points}"
        )
    grown = True
    while grown:
        grown = False
        for name in sorted(limits, key=sizes.get):
            larger = sizes | {name: sizes[name] + 1}
            if sizes[name] < limits[name] and math.prod(larger.values()) <= n_points:
                sizes, grown = larger, True
                break
    return {name: _values(entry, sizes[name]) for name, entry in space.items()}


def _values(entry: tuple, n: int) -> list:
    if entry[0] == "choice":
        return list(entry[1])
    kind, low, high, log = _numbers(entry)
    values = np.geomspace(low, high, n) if log else np.linspace(low, high, n)
    if kind == "float":
        return [low, *map(float, values[1:-1]), high]
    return sorted({round(float(value)) for value in values})


def distributions(space: Mapping[str, tuple]) -> dict[str, _Draw]:
    """Distributions for RandomizedSearchCV and HalvingRandomSearchCV."""
    return {name: _Draw(entry) for name, entry in check_space(space).items()}


def random_points(space: Mapping[str, tuple], *, random_state: int = 0) -> Iterator[dict[str, Any]]:
    """Endless stream of the points that RandomizedSearchCV visits with the same seed.

    Taught in lesson 4.3.

    Parameters
    ----------
    space : mapping of name to tuple
        As for `check_space`.
    random_state : int, default=0
        Seed.

    Yields
    ------
    dict of name to value
    """
    from sklearn.model_selection import ParameterSampler

    yield from ParameterSampler(distributions(space), n_iter=2**31, random_state=random_state)


def skopt_dimensions(space: Mapping[str, tuple]) -> list:
    """Dimensions for scikit-optimize; a choice is searched by the position of its value."""
    from skopt.space import Categorical, Integer, Real

    found = []
    for name, entry in check_space(space).items():
        if entry[0] == "choice":
            found.append(Categorical(list(range(len(entry[1]))), name=name))
        else:
            kind, low, high, log = _numbers(entry)
            prior = "log-uniform" if log else "uniform"
            found.append((Real if kind == "float" else Integer)(low, high, prior=prior, name=name))
    return found


def from_skopt(space: Mapping[str, tuple], values: list) -> dict[str, Any]:
    """Point of scikit-optimize as parameters of the model."""
    found = {}
    for (name, entry), value in zip(check_space(space).items(), values, strict=True):
        if entry[0] == "choice":
            found[name] = entry[1][int(value)]
        else:
            found[name] = (float if entry[0] == "float" else int)(value)
    return found


def suggest(trial: Any, space: Mapping[str, tuple]) -> dict[str, Any]:
    """Ask an Optuna trial for one point; a choice is searched by the position of its value."""
    found = {}
    for name, entry in check_space(space).items():
        if entry[0] == "choice":
            found[name] = entry[1][trial.suggest_categorical(name, list(range(len(entry[1]))))]
        elif entry[0] == "float":
            found[name] = trial.suggest_float(name, entry[1], entry[2], log=entry[3] == "log")
        else:
            found[name] = trial.suggest_int(name, entry[1], entry[2], log=entry[3] == "log")
    return found


def to_optuna(space: Mapping[str, tuple], point: Mapping[str, Any]) -> dict[str, Any]:
    """Point as `Study.enqueue_trial` wants it."""
    return {
        name: entry[1].index(point[name]) if entry[0] == "choice" else point[name]
        for name, entry in check_space(space).items()
    }
