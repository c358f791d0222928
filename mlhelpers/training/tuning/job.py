"""What every hyperparameter search shares: model, folds, budget, and the trials that it has run.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from mlhelpers.training.tuning import space as spaces

__all__ = ["FACTOR", "Job", "check_job", "warm_name"]

FACTOR = 3


@dataclass
class Job:
    """What all searches share, and the trials that they have run."""

    model: Any
    X: Any
    y: np.ndarray
    space: dict[str, tuple]
    folds: list
    scoring: str
    resource: str | None
    full: int
    rungs: list[int]
    budget: int
    random_state: int
    reports: str
    rows: list[dict] = field(default_factory=list)
    fold_scores: list[np.ndarray] = field(default_factory=list)
    last: float = 0.0

    def start(self) -> None:
        """Start the clock, after the libraries are imported."""
        self.last = perf_counter()

    def lap(self) -> float:
        """Seconds since the trial before ended: what proposing the point took is part of the trial."""
        before, self.last = self.last, perf_counter()
        return self.last - before

    @property
    def cost(self) -> int:
        """What one complete trial costs."""
        return self.full * len(self.folds)

    @property
    def n_trials(self) -> int:
        """Complete trials that the budget pays for."""
        return self.budget // self.cost

    def add(self, point: dict, scores: np.ndarray, resource: int, seconds: float, state: str) -> float:
        """Note a trial down and return its mean score."""
        score = float(np.mean(scores))
        cost = resource * len(self.folds)
        self.rows.append(
            point | {"score": score, "state": state, "resource": resource, "budget": cost, "seconds": seconds}
        )
        self.fold_scores.append(np.asarray(scores, dtype=float))
        return score

    def rows_of(self, rows: np.ndarray) -> Any:
        """Rows of X by position."""
        return self.X.iloc[rows] if hasattr(self.X, "iloc") else self.X[rows]

    def run(self, point: dict) -> float:
        """One complete trial: every fold at the full resource."""
        from sklearn.base import clone
        from sklearn.model_selection import cross_val_score

        model = clone(self.model).set_params(**point)
        scores = cross_val_score(
            model, self.X, self.y, cv=self.folds, scoring=self.scoring, error_score="raise"
        )
        return self.add(point, scores, self.full, self.lap(), "complete")

    def take(self, results: dict, *, complete: Callable[[int], bool], resources: list[int]) -> None:
        """Read the trials of a finished scikit-learn search."""
        n_folds = len(self.folds)
        splits = np.column_stack([results[f"split{number}_test_score"] for number in range(n_folds)])
        seconds = n_folds * (results["mean_fit_time"] + results["mean_score_time"])
        for number, point in enumerate(results["params"]):
            state = "complete" if complete(number) else "pruned"
            point = {name: point[name] for name in self.space}
            self.add(point, splits[number], resources[number], float(seconds[number]), state)


def warm_name(resource: str) -> str:
    """Name of `warm_start` beside the resource, inside a pipeline as well."""
    return "__".join([*resource.split("__")[:-1], "warm_start"])


def check_job(
    model: Any, X: Any, y: Any, space: Any, search: str, budget: int, resource: str | None, max_resource: int,
    min_resource: int | None, reports: str, cv: Any, scoring: str, random_state: int, searches: Iterable[str],
) -> Job:  # fmt: skip
    """Check the arguments of `tune` and cut the folds."""
    from sklearn.base import clone, is_classifier
    from sklearn.model_selection import KFold, StratifiedKFold, check_cv

    if search not in searches:
        raise ValueError(f"search must be one of {', '.join(searches)}; got {search!r}")
    if reports not in ("rungs", "once"):
        raise ValueError(f"reports must be 'rungs' or 'once', got {reports!r}")
    space, y = spaces.check_space(space, model), np.asarray(y)
    if len(y) != len(X):
        raise ValueError(f"X has {len(X)} rows and y has {len(y)}")
    rungs = _rungs(model, space, search, resource, max_resource, min_resource, reports)
    if isinstance(cv, int | np.integer):
        folder = StratifiedKFold if is_classifier(model) else KFold
        cv = folder(int(cv), shuffle=True, random_state=0)
    folds = list(check_cv(cv, y, classifier=is_classifier(model)).split(X, y))
    cost = max_resource * len(folds)
    if budget < cost:
        raise ValueError(
            f"budget {budget:,} is too small: one complete trial costs {cost:,} "
            f"({max_resource} times {len(folds)} folds)"
        )
    model = clone(model) if resource is None else clone(model).set_params(**{resource: max_resource})
    return Job(
        model, X, y, space, folds, scoring, resource, max_resource, rungs, int(budget), random_state, reports
    )


def _rungs(model, space, search, resource, max_resource, min_resource, reports) -> list[int]:
    if resource is not None:
        spaces.check_space({resource: ("choice", [max_resource])}, model)
        if resource in space:
            raise ValueError(
                f"{resource!r} is the resource and cannot be searched as well; take it out of the space"
            )
    if max_resource < 1 or (resource is None and max_resource != 1):
        raise ValueError(f"max_resource {max_resource} needs the name of a resource and must be at least 1")
    if search not in ("halving", "hyperband"):
        return [max_resource]
    if resource is None:
        raise ValueError(f"{search} needs a resource, the parameter of the model that buys training")
    if search == "hyperband" and reports == "rungs":
        _check_warm(model, resource)
    rungs = [max(1, max_resource // FACTOR**2) if min_resource is None else min_resource]
    while 1 <= rungs[-1] < max_resource:
        rungs.append(rungs[-1] * FACTOR)
    if rungs[-1] != max_resource or len(rungs) < 2:
        raise ValueError(
            f"max_resource {max_resource} must be min_resource {rungs[0]} times a power of {FACTOR}, "
            f"such as {rungs[0] * FACTOR**2}"
        )
    return rungs


def _check_warm(model: Any, resource: str) -> None:
    *steps, last = resource.split("__")
    params = model.get_params()
    part = params["__".join(steps)] if steps else model
    name = type(part).__name__
    if warm_name(resource) not in params:
        raise ValueError(
            f"{name} has no warm_start, so it cannot go on from a rung; take another model or reports='once'"
        )
    # SGD, networks and linear models run max_iter *more* iterations at each warm fit: the rungs would add up.
    if last != "n_estimators" and not name.startswith("HistGradientBoosting"):
        raise ValueError(
            f"{resource!r} of {name} counts anew at each warm fit and is no total; "
            "take a boosting model or reports='once'"
        )
