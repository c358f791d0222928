"""Nested cross-validation of a whole search, and how far its best score lies above the honest one.

Taught in lesson 4.3 (hyperparameter tuning).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection import corrected_interval
from mlhelpers.training.crossval import one_thread
from mlhelpers.training.tuning.searches import tune

__all__ = ["Nested", "nested_cv"]


@dataclass(frozen=True, repr=False)
class Nested:
    """Best cross-validated score of a search beside the score on rows that the search never saw.

    Taught in lesson 4.3.

    Attributes
    ----------
    scores : DataFrame of shape (n_repeats * n_outer, 2)
        best_cv (what the search reports) and nested (its winner, refitted on the same rows and scored on
        the outer fold); the index holds repeat and fold.
    params : tuple of dict
        Winner of each outer fold.
    scoring : str
        Name of the score.
    ratio : float
        Held-out rows over training rows of the outer folds.
    level : float
        Coverage of the intervals (corrected resampled t).
    """

    scores: pd.DataFrame
    params: tuple[dict[str, Any], ...]
    scoring: str
    ratio: float
    level: float

    @property
    def optimism(self) -> tuple[float, float, float]:
        """best_cv - nested, paired by outer fold: mean, low, high."""
        difference = (self.scores["best_cv"] - self.scores["nested"]).to_numpy()
        return corrected_interval(difference, self.ratio, self.level)

    @property
    def table(self) -> pd.DataFrame:
        """Rows best_cv, nested and optimism; columns value, low, high."""
        rows = {
            name: corrected_interval(self.scores[name].to_numpy(), self.ratio, self.level)
            for name in ("best_cv", "nested")
        }
        rows["optimism"] = self.optimism
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])

    def _title(self) -> str:
        intervals = f"{self.level:.0%} intervals (corrected resampled t)"
        return f"{self.scoring}, {len(self.scores)} outer folds, {intervals}"

    def __str__(self) -> str:
        return f"{self._title()}\n{self.table.round(3).to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{self.table.round(3).to_html()}"


def nested_cv(
    model: Any,
    X: Any,
    y: Any,
    space: Mapping[str, tuple],
    *,
    outer: int = 5,
    repeats: int = 1,
    level: float = 0.95,
    scoring: str = "roc_auc",
    random_state: int = 0,
    **search: Any,
) -> Nested:
    """Run a whole search inside each outer fold and score its winner on the rows left out.

    Taught in lesson 4.3. The nested score belongs to the procedure "search, then refit the winner", not to
    one set of hyperparameters. The inner models learn from fewer rows than the refitted winner, which works
    against the optimism: the difference shows what choosing adds, less what the missing rows cost.

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
    outer : int, default=5
        Shuffled outer folds, stratified for a classifier.
    repeats : int, default=1
        Times the outer folds are drawn anew.
    level : float, default=0.95
        Coverage of the intervals.
    scoring : str, default="roc_auc"
        Score of both levels.
    random_state : int, default=0
        Repeat r uses `random_state` + r for its outer folds and its search.
    **search
        Further options of `tune`: search, budget, cv, resource and so on.

    Returns
    -------
    Nested

    Raises
    ------
    ValueError
        If there are fewer than 2 outer folds or 1 repeat, `level` is no coverage, or `tune` refuses.

    References
    ----------
    .. [1] G. Cawley, N. Talbot, "On over-fitting in model selection", JMLR 11, 2010.
    """
    from sklearn.base import clone, is_classifier
    from sklearn.metrics import get_scorer
    from sklearn.model_selection import KFold, StratifiedKFold

    if outer < 2 or repeats < 1:
        raise ValueError(f"give at least 2 outer folds and 1 repeat, got {outer} and {repeats}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    y, score_of = np.asarray(y), get_scorer(scoring)
    folder = StratifiedKFold if is_classifier(model) else KFold
    rows, winners, index = [], [], []
    fixed = {search["resource"]: search.get("max_resource", 1)} if search.get("resource") else {}
    for repeat in range(repeats):
        seed = random_state + repeat
        splits = folder(outer, shuffle=True, random_state=seed).split(X, y)
        for fold, (train, test) in enumerate(splits):
            X_train, X_test = (X.iloc[part] if hasattr(X, "iloc") else X[part] for part in (train, test))
            found = tune(model, X_train, y[train], space, scoring=scoring, random_state=seed, **search)
            winner = clone(model).set_params(**fixed, **found.best_params)
            with one_thread():
                score = score_of(winner.fit(X_train, y[train]), X_test, y[test])
            rows.append({"best_cv": found.best_score, "nested": float(score)})
            winners.append(found.best_params)
            index.append((repeat, fold))
    scores = pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(index, names=["repeat", "fold"]))
    return Nested(scores, tuple(winners), scoring, 1 / (outer - 1), level)
