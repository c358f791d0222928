"""Six hyperparameter searches on the same space, folds and budget; the algorithms are the libraries' own.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.training.crossval import one_thread
from mlhelpers.training.tuning import space as spaces
from mlhelpers.training.tuning.job import FACTOR, Job, check_job, warm_name
from mlhelpers.training.tuning.result import Search

__all__ = ["SEARCHES", "tune"]


def _grid(job: Job) -> None:
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(
        job.model, spaces.grid_points(job.space, job.n_trials), cv=job.folds, scoring=job.scoring,
        refit=False, error_score="raise",
    )  # fmt: skip
    found = search.fit(job.X, job.y).cv_results_
    job.take(found, complete=lambda number: True, resources=[job.full] * len(found["params"]))


def _random(job: Job) -> None:
    from sklearn.model_selection import RandomizedSearchCV

    search = RandomizedSearchCV(
        job.model, spaces.distributions(job.space), n_iter=job.n_trials, cv=job.folds, scoring=job.scoring,
        refit=False, error_score="raise", random_state=job.random_state,
    )  # fmt: skip
    found = search.fit(job.X, job.y).cv_results_
    job.take(found, complete=lambda number: True, resources=[job.full] * len(found["params"]))


def _halving(job: Job) -> None:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    search = HalvingRandomSearchCV(
        job.model, spaces.distributions(job.space), n_candidates=_candidates(job), factor=FACTOR,
        resource=job.resource, min_resources=job.rungs[0], max_resources=job.full, cv=job.folds,
        scoring=job.scoring, refit=False, error_score="raise", return_train_score=False,
        random_state=job.random_state,
    )  # fmt: skip
    found = search.fit(job.X, job.y).cv_results_
    resources = [int(number) for number in found["n_resources"]]
    job.take(found, complete=lambda number: resources[number] == job.full, resources=resources)


def _candidates(job: Job) -> int:
    """Largest field whose rounds the budget pays for."""

    def cost(n: int) -> int:
        total = 0
        for rung in job.rungs:
            total += n * rung * len(job.folds)
            n = -(-n // FACTOR)
        return total

    n = len(job.rungs) and FACTOR ** (len(job.rungs) - 1)
    if cost(n) > job.budget:
        raise ValueError(
            f"budget {job.budget:,} is too small for halving from {job.rungs[0]} to {job.full}: "
            f"the smallest field of {n} candidates costs {cost(n):,}"
        )
    while cost(n + 1) <= job.budget:
        n += 1
    return n


def _bayes(job: Job) -> None:
    from skopt import gp_minimize

    def objective(values: list) -> float:
        return -job.run(spaces.from_skopt(job.space, values))

    job.start()
    with warnings.catch_warnings():
        # The surrogate says so when it proposes a point again; the trials show it as well.
        warnings.simplefilter("ignore")
        gp_minimize(
            objective, spaces.skopt_dimensions(job.space), n_calls=job.n_trials,
            n_initial_points=max(1, min(10, job.n_trials // 2)), acq_func="EI", n_points=1000,
            n_restarts_optimizer=1, random_state=job.random_state,
        )  # fmt: skip


@contextmanager
def _quiet_optuna():
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def _tpe(job: Job) -> None:
    with _quiet_optuna() as optuna:
        startup = max(1, min(10, job.n_trials // 2))
        sampler = optuna.samplers.TPESampler(seed=job.random_state, n_startup_trials=startup)
        study = optuna.create_study(direction="maximize", sampler=sampler, study_name="tpe")
        job.start()
        study.optimize(lambda trial: job.run(spaces.suggest(trial, job.space)), n_trials=job.n_trials)


def _hyperband(job: Job) -> None:
    with _quiet_optuna() as optuna:
        pruner = optuna.pruners.HyperbandPruner(
            min_resource=job.rungs[0], max_resource=job.full, reduction_factor=FACTOR
        )
        # Brackets are drawn from the name of the study, so the name carries the seed.
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=job.random_state),
            pruner=pruner,
            study_name=f"hyperband-{job.random_state}",
        )
        points = spaces.random_points(job.space, random_state=job.random_state)
        left = job.budget
        job.start()
        while left >= job.cost:
            study.enqueue_trial(spaces.to_optuna(job.space, next(points)))
            trial = study.ask()
            score, state = _grow(job, trial)
            pruned = optuna.trial.TrialState.PRUNED
            study.tell(trial, *((None, pruned) if state == "pruned" else (score,)))
            left -= job.rows[-1]["budget"]


def _grow(job: Job, trial: Any) -> tuple[float, str]:
    """Train rung by rung; the model of each fold keeps what it has learned."""
    from sklearn.base import clone
    from sklearn.metrics import get_scorer

    point, score_of = spaces.suggest(trial, job.space), get_scorer(job.scoring)
    state = "complete"
    if job.reports == "once":
        score = job.run(point)
        trial.report(score, step=job.full)
        return score, state
    warm = warm_name(job.resource)
    models = [clone(job.model).set_params(**point, **{warm: True}) for _ in job.folds]
    for rung in job.rungs:
        scores = [
            score_of(
                model.set_params(**{job.resource: rung}).fit(job.rows_of(train), job.y[train]),
                job.rows_of(test),
                job.y[test],
            )
            for model, (train, test) in zip(models, job.folds, strict=True)
        ]
        trial.report(float(np.mean(scores)), step=rung)
        if rung < job.full and trial.should_prune():
            state = "pruned"
            break
    return job.add(point, np.array(scores), rung, job.lap(), state), state


SEARCHES: dict[str, Callable[[Job], None]] = {
    "grid": _grid,
    "random": _random,
    "bayes": _bayes,
    "tpe": _tpe,
    "halving": _halving,
    "hyperband": _hyperband,
}


def tune(
    model: Any,
    X: Any,
    y: Any,
    space: Mapping[str, tuple],
    *,
    search: str = "random",
    budget: int,
    resource: str | None = None,
    max_resource: int = 1,
    min_resource: int | None = None,
    reports: str = "rungs",
    cv: Any = 3,
    scoring: str = "roc_auc",
    random_state: int = 0,
) -> Search:
    """Search hyperparameters with a fixed budget.

    Taught in lesson 4.3. All searches see the same folds and spend the same unit: the resource (iterations of
    the model, say) times the folds. None spends more than `budget`; what is left over is less than one
    complete trial. "hyperband" with ``reports="once"`` visits the points of "random" with the same seed.

    Parameters
    ----------
    model : estimator
        Cloned for each fit.
    X : DataFrame or ndarray of shape (n_rows, n_columns)
        Features.
    y : array-like of shape (n_rows,)
        Labels.
    space : mapping of name to tuple
        As for `check_space`.
    search : {"grid", "random", "bayes", "tpe", "halving", "hyperband"}, default="random"
        GridSearchCV, RandomizedSearchCV and HalvingRandomSearchCV of scikit-learn, the Gaussian process
        of scikit-optimize, the TPE sampler and the Hyperband pruner of Optuna.
    budget : int
        Resource times folds that may be spent; without `resource`, the number of fits.
    resource : str, optional
        Parameter of the model that buys training, such as ``max_iter``; needed by halving and hyperband.
    max_resource : int, default=1
        Resource of a complete trial.
    min_resource : int, optional
        First rung of halving and hyperband; `max_resource` must be it times a power of 3. Default is a
        ninth of `max_resource`.
    reports : {"rungs", "once"}, default="rungs"
        Hyperband only: whether a trial reports its score at each rung (the model must have `warm_start`)
        or only when it is finished.
    cv : int or splitter or list of (train, test), default=3
        A number gives shuffled folds with a fixed seed of 0, stratified for a classifier.
    scoring : str, default="roc_auc"
        Name of a scikit-learn score; larger is better.
    random_state : int, default=0
        Seed of the search.

    Returns
    -------
    Search

    Raises
    ------
    ValueError
        If the space is wrong, the search unknown, the budget below one complete trial, the resource no
        parameter of the model or part of the space, or the rungs do not fit.

    References
    ----------
    .. [1] L. Li et al., "Hyperband", JMLR 18, 2018.
    """
    job = check_job(
        model, X, y, space, search, budget, resource, max_resource, min_resource, reports, cv, scoring,
        random_state, SEARCHES,
    )  # fmt: skip
    with one_thread():
        SEARCHES[search](job)
    trials = pd.DataFrame(job.rows, index=pd.RangeIndex(len(job.rows), name="trial"))
    trials.insert(0, "search", search)
    train, test = job.folds[0]
    return Search(
        name=search,
        trials=trials,
        fold_scores=pd.DataFrame(job.fold_scores, index=trials.index).rename_axis(columns="fold"),
        params=tuple(job.space),
        scoring=scoring,
        budget=int(budget),
        full_cost=job.cost,
        ratio=len(test) / len(train),
    )
