"""What a group of columns is worth to a model: left out of all columns, and added to a base.

Taught in lessons 3.2 (selection and reduction) and 3.3 (features from domain knowledge).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection.scores import Setting, check_level, corrected_interval, make_setting

__all__ = ["Ablation", "ablation_table"]


@dataclass(frozen=True, repr=False)
class Ablation:
    """Worth of each group of columns.

    Attributes
    ----------
    table : DataFrame
        One row per group: n_columns; loss, the score of all columns less the score without the group;
        gain, the score of the base with the group less the score of the base; each with its interval
        (loss_low, loss_high, gain_low, gain_high), paired by fold.
    full, base : tuple of float
        Score of all columns and of the base with their intervals: value, low, high.
    base_columns : tuple
        Columns in no group; without any the base is a model that knows the target only.
    scoring : str
        Name of the score; larger is better.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    full: tuple[float, float, float]
    base: tuple[float, float, float]
    base_columns: tuple
    scoring: str
    level: float

    def _title(self) -> str:
        full, base = ("{:.3f} ({:.3f} to {:.3f})".format(*values) for values in (self.full, self.base))
        return (
            f"{self.scoring}: all columns {full}, base of {len(self.base_columns)} columns {base}; "
            f"{self.level:.0%} intervals (corrected resampled t)"
        )

    def __str__(self) -> str:
        return f"{self._title()}\n{self.table.round(4).to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._title(), quote=False)}</p>{self.table.round(4).to_html()}"


def ablation_table(
    model: Any,
    X: Any,
    y: Any,
    groups: Mapping[str, Sequence],
    *,
    cv: Any = 5,
    repeats: int = 1,
    scoring: Any = None,
    level: float = 0.95,
    random_state: int = 0,
) -> Ablation:
    """Leave each group of columns out, and add each to the base, with intervals of the paired differences.

    Taught in lessons 3.2 and 3.3. The model is fitted anew for each set of columns and each fold, on training
    rows only; all sets share the folds, so that what the folds have in common cancels out. A group that
    repeats another has a loss of about 0 and a gain above 0: dropping one of the two costs nothing, dropping
    both does.

    Parameters
    ----------
    model : estimator, or function of a list of columns that makes one
        The function is for pipelines that name their columns.
    X : DataFrame or array-like of shape (n_rows, n_columns)
        Features.
    y : array-like of shape (n_rows,)
        Labels, or numbers; numbers with more than 20 different values are a quantity to be predicted.
    groups : mapping of str to sequence of column names
        No column in two groups; columns in none are the base.
    cv, repeats, scoring, level, random_state
        As in `compare_selectors`.

    Returns
    -------
    Ablation

    Raises
    ------
    ValueError
        If a group is empty, a column is unknown or in two groups, or lengths, folds, labels or the score are
        wrong.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    check_level(level)
    setting = make_setting(X, y, cv=cv, repeats=repeats, scoring=scoring, random_state=random_state)
    columns = list(setting.X.columns)
    grouped = check_groups(columns, groups)
    base = [name for name in columns if name not in grouped]
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        full_scores, base_scores = _scores(model, setting, columns), _scores(model, setting, base)
        rows = {}
        for name, members in groups.items():
            without = _scores(model, setting, [c for c in columns if c not in set(members)])
            added = _scores(model, setting, [c for c in columns if c in {*base, *members}])
            loss = corrected_interval(full_scores - without, setting.ratio, level)
            gain = corrected_interval(added - base_scores, setting.ratio, level)
            rows[name] = (len(members), *loss, *gain)
    names = ["n_columns", "loss", "loss_low", "loss_high", "gain", "gain_low", "gain_high"]
    return Ablation(
        pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("group"),
        corrected_interval(full_scores, setting.ratio, level),
        corrected_interval(base_scores, setting.ratio, level),
        tuple(base),
        setting.scoring,
        level,
    )


def check_groups(columns: list, groups: Mapping[str, Sequence]) -> dict:
    """Group of each grouped column, or a ValueError that names the column."""
    if not groups:
        raise ValueError("groups is empty; name at least one group of columns")
    owner: dict = {}
    for group, members in groups.items():
        if isinstance(members, str) or not len(members):
            raise ValueError(f"groups[{group!r}] must list its columns, got {members!r}")
        for column in members:
            if column not in columns:
                raise ValueError(f"groups[{group!r}] has the column {column!r}, which X has not")
            if column in owner:
                raise ValueError(f"the column {column!r} is in {owner[column]!r} and in {group!r}")
            owner[column] = group
    return owner


def _scores(model: Any, setting: Setting, columns: list) -> np.ndarray:
    """Score of each fold with these columns; without any, of a model that knows the target only."""
    from sklearn.base import clone
    from sklearn.dummy import DummyClassifier, DummyRegressor

    scores = []
    for train, test in setting.folds:
        if not columns:
            fresh = DummyClassifier(strategy="prior") if setting.classify else DummyRegressor()
            part = setting.X
        else:
            fresh = clone(model) if hasattr(model, "fit") else model(list(columns))
            part = setting.X[columns]
        fresh.fit(part.iloc[train], setting.y[train])
        scores.append(setting.scorer(fresh, part.iloc[test], setting.y[test]))
    return np.array(scores, dtype=np.float64)
