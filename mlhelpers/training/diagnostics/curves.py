"""Training and validation score against rows, a parameter or the size of the model, with intervals.

Taught in lesson 4.5 (over- and underfitting).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection.scores import Setting, check_level, make_setting
from mlhelpers.training.diagnostics.result import Curve

__all__ = ["complexity_curve", "learning_curve", "validation_curve"]


def learning_curve(
    model: Any,
    X: Any,
    y: Any,
    *,
    train_sizes: Sequence[float] = (0.1, 0.25, 0.5, 1.0),
    cv: Any = 5,
    repeats: int = 1,
    scoring: Any = None,
    level: float = 0.95,
    random_state: int = 0,
) -> Curve:
    """Training and validation score against the number of training rows.

    Taught in lesson 4.5. scikit-learn's `learning_curve` on shuffled, for classes stratified folds; within a
    fold the smaller training sets are parts of the larger ones, drawn at random.

    Parameters
    ----------
    model : estimator
        Cloned for each fit.
    X : DataFrame or array-like of shape (n_rows, n_columns)
        Features.
    y : array-like of shape (n_rows,)
        Labels or numbers.
    train_sizes : sequence of float or int
        Growing numbers of rows, or shares (above 0 to 1) of a training fold.
    cv : int or splitter, default=5
        Folds, or an object with ``split(X, y)``.
    repeats : int, default=1
        How often the rows are cut into `cv` folds anew.
    scoring : str or callable, optional
        Score of scikit-learn. Default is roc_auc for two classes, accuracy for more, else r2.
    level : float, default=0.95
        Coverage of the intervals.
    random_state : int, default=0
        Seed of the folds and of the smaller training sets.

    Returns
    -------
    Curve

    Raises
    ------
    ValueError
        If `train_sizes` has fewer than two sizes, does not grow or does not fit the rows; if labels, folds or
        the score are wrong.
    """
    from sklearn.model_selection import learning_curve as curve
    from threadpoolctl import threadpool_limits

    check_level(level)
    setting = make_setting(X, y, cv=cv, repeats=repeats, scoring=scoring, random_state=random_state)
    sizes = _sizes(train_sizes, min(len(train) for train, _ in setting.folds))
    with threadpool_limits(limits=1):
        _, train, validation = curve(
            model, setting.X, setting.y, train_sizes=sizes, cv=setting.folds, scoring=setting.scorer,
            shuffle=True, random_state=random_state, error_score="raise",
        )  # fmt: skip
    return _curve("learning", pd.Index(sizes, name="train_size"), train, validation, setting, level)


def validation_curve(
    model: Any,
    X: Any,
    y: Any,
    *,
    param: str,
    values: Sequence[Any],
    cv: Any = 5,
    repeats: int = 1,
    scoring: Any = None,
    level: float = 0.95,
    random_state: int = 0,
) -> Curve:
    """Training and validation score against one parameter of a model.

    Taught in lesson 4.5. scikit-learn's `validation_curve` with every value on the same folds.

    Parameters
    ----------
    model : estimator
        Cloned for each fit.
    X, y : array-like of shape (n_rows, n_columns), (n_rows,)
        Features and labels or numbers.
    param : str
        Name of the parameter, such as ``"svc__gamma"``.
    values : sequence
        Values to try, at least two, in the order of the curve.
    cv, repeats, scoring, level, random_state
        As in `learning_curve`.

    Returns
    -------
    Curve

    Raises
    ------
    ValueError
        If the model has no such parameter, `values` has fewer than two or repeats one, or labels, folds or
        the score are wrong.
    """
    from sklearn.model_selection import validation_curve as curve
    from threadpoolctl import threadpool_limits

    if param not in model.get_params():
        raise ValueError(f"param={param!r} is no parameter of the model; see model.get_params()")
    index = _points(values, param, "values")
    check_level(level)
    setting = make_setting(X, y, cv=cv, repeats=repeats, scoring=scoring, random_state=random_state)
    with threadpool_limits(limits=1):
        train, validation = curve(
            model, setting.X, setting.y, param_name=param, param_range=list(values), cv=setting.folds,
            scoring=setting.scorer, error_score="raise",
        )  # fmt: skip
    return _curve("validation", index, train, validation, setting, level)


def complexity_curve(
    models: Mapping[Any, Any],
    X: Any,
    y: Any,
    *,
    name: str = "model",
    cv: Any = 5,
    repeats: int = 1,
    scoring: Any = None,
    level: float = 0.95,
    random_state: int = 0,
) -> Curve:
    """Training and validation score of models from simple to complex, whatever they are.

    Taught in lesson 4.5. For a curve along more than one parameter, or across kinds of models.

    Parameters
    ----------
    models : mapping of label to estimator
        From simple to complex, at least two. Labels that are all numbers become the axis of the plot.
    X, y : array-like of shape (n_rows, n_columns), (n_rows,)
        Features and labels or numbers.
    name : str, default="model"
        What the labels are, such as ``"degree"``.
    cv, repeats, scoring, level, random_state
        As in `learning_curve`.

    Returns
    -------
    Curve

    Raises
    ------
    ValueError
        If `models` has fewer than two, or the labels, folds or the score are wrong.
    """
    from sklearn.model_selection import cross_validate
    from threadpoolctl import threadpool_limits

    index = _points(list(models), name, "models")
    check_level(level)
    setting = make_setting(X, y, cv=cv, repeats=repeats, scoring=scoring, random_state=random_state)
    train, validation = [], []
    with threadpool_limits(limits=1):
        for model in models.values():
            found = cross_validate(
                model, setting.X, setting.y, cv=setting.folds, scoring=setting.scorer,
                return_train_score=True, error_score="raise",
            )  # fmt: skip
            train.append(found["train_score"])
            validation.append(found["test_score"])
    return _curve("complexity", index, np.array(train), np.array(validation), setting, level)


def _curve(
    kind: str, index: pd.Index, train: np.ndarray, validation: np.ndarray, setting: Setting, level: float
) -> Curve:
    frames = [pd.DataFrame(part, index).rename_axis(columns="fold") for part in (train, validation)]
    return Curve(kind, *frames, setting.scoring, setting.ratio, level)


def _points(values: Sequence[Any], name: str, parameter: str) -> pd.Index:
    plain = all(isinstance(value, str | int | float | np.number) for value in values)
    index = pd.Index(list(values) if plain else [str(value) for value in values], name=name)
    if len(index) < 2 or not index.is_unique:
        raise ValueError(f"{parameter} must hold at least two different points, got {list(values)!r}")
    return index


def _sizes(train_sizes: Sequence[float], n_rows: int) -> list[int]:
    sizes = []
    for size in train_sizes:
        whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
        rows = int(size) if whole else int(size * n_rows) if 0 < size <= 1 else 0
        if not 1 <= rows <= n_rows:
            raise ValueError(
                f"train_sizes: {size!r} is neither a share up to 1.0 nor a number of rows up to {n_rows}, "
                "the smallest training fold"
            )
        sizes.append(rows)
    if len(sizes) < 2 or any(b <= a for a, b in itertools.pairwise(sizes)):
        raise ValueError(f"train_sizes must be at least two growing sizes, got {list(train_sizes)!r}")
    return sizes
