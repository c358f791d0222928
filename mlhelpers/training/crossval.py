"""Cross-validation and fitting that give the same figures whatever the number of cores.

Taught in lessons 4.2 (reproducible training) and 4.4 (cross-validation and metrics).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_LEARNED = {"mean_", "var_", "scale_", "coef_", "intercept_"}


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation found.

    Attributes
    ----------
    scores : DataFrame of shape (n_folds, n_metrics)
        roc_auc, average_precision, log_loss and brier of each fold.
    out_of_fold : ndarray of shape (n_rows,)
        Probability of the positive class of each row, from the model that did not see it; NaN where the
        splitter never tested the row.
    fold : ndarray of shape (n_rows,)
        Fold in which the row was tested, -1 if in none.
    """

    scores: pd.DataFrame
    out_of_fold: np.ndarray
    fold: np.ndarray

    @property
    def mean(self) -> pd.Series:
        """Mean of each metric over the folds."""
        return self.scores.mean()

    @property
    def sd(self) -> pd.Series:
        """Sample standard deviation of each metric over the folds; NaN with a single fold."""
        return self.scores.std(ddof=1)

    def summary(self) -> pd.DataFrame:
        """One row per metric: mean, sd, worst and best fold."""
        return pd.DataFrame(
            {"mean": self.mean, "sd": self.sd, "min": self.scores.min(), "max": self.scores.max()}
        )

    def __str__(self) -> str:
        lines = [f"{name}: {self.mean[name]:.4f} (sd {self.sd[name]:.4f})" for name in self.scores]
        return f"{len(self.scores)} folds\n" + "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.summary().round(4).to_html()


def fit(model: Any, X: pd.DataFrame, y: Any, *, digits: int | None = None) -> Any:
    """Fit a model with one thread, so that every machine adds the numbers in the same order.

    Taught in lesson 4.2. Processors still round the last bit of a sum each in their own way. With `digits`
    what is saved has the same hash everywhere.

    Parameters
    ----------
    model : estimator
        Fitted in place.
    X : DataFrame of shape (n_rows, n_columns)
        Features.
    y : array-like of shape (n_rows,)
        Labels.
    digits : int, optional
        Significant digits to which means, scales and coefficients of linear steps are kept, at least 1.

    Returns
    -------
    estimator
        The same `model`.

    Raises
    ------
    ValueError
        If `digits` is below 1.
    """
    if digits is not None and digits < 1:
        raise ValueError(f"digits must be at least 1, got {digits}")
    with one_thread():
        model.fit(X, y)
    if digits is None:
        return model
    for step in _steps(model):
        for name in _LEARNED & vars(step).keys():
            setattr(step, name, _to_digits(getattr(step, name), digits))
    return model


def _steps(model: Any) -> Iterator[Any]:
    """An estimator and, of a pipeline or a column transformer, all that are in it."""
    yield model
    inner = [part for _, part in getattr(model, "steps", [])]
    inner += [part for _, part, _ in getattr(model, "transformers_", [])]
    for part in inner:
        if hasattr(part, "__dict__"):
            yield from _steps(part)


def _to_digits(values: Any, digits: int) -> Any:
    """Floats rounded by way of their decimal text, which no processor does in its own way."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return values
    rounded = np.array([float(f"{value:.{digits - 1}e}") for value in array.ravel().tolist()], array.dtype)
    return rounded.reshape(array.shape) if array.ndim else array.dtype.type(rounded[0])


def one_thread() -> AbstractContextManager:
    """Let OpenMP and BLAS compute with one thread inside a ``with`` block.

    Taught in lesson 4.2. The order in which numbers are added is then the same on every machine, and several
    processes on few cores do not wait for each other.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def cross_validate(
    model: Any, X: pd.DataFrame, y: Any, *, cv: Any = 5, random_state: int | None = 0
) -> CrossValidation:
    """Cross-validate a classifier of two classes, one thread, one fold after the other.

    Taught in lesson 4.4.

    Parameters
    ----------
    model : estimator with predict_proba
        Cloned for each fold; itself left unfitted.
    X : DataFrame of shape (n_rows, n_columns)
        Features.
    y : array-like of shape (n_rows,)
        Labels 0 and 1.
    cv : int or splitter, default=5
        Number of stratified, shuffled folds, or an object with ``split(X, y)``.
    random_state : int or None, default=0
        Seed of the shuffling; unused with a splitter of one's own.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        If `y` holds anything but 0 and 1, or a class has fewer rows than there are folds.
    """
    from sklearn.base import clone
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    y = np.asarray(y)
    if set(np.unique(y)) != {0, 1}:
        raise ValueError(f"y must hold the labels 0 and 1 and both of them, got {np.unique(y)[:5].tolist()}")
    if isinstance(cv, int):
        rarest = int(np.bincount(y.astype(int)).min())
        if not 2 <= cv <= rarest:
            raise ValueError(f"cv={cv} needs between 2 folds and {rarest}, the rows of the rarer class")
        cv = StratifiedKFold(cv, shuffle=True, random_state=random_state)
    out_of_fold = np.full(len(y), np.nan)
    fold = np.full(len(y), -1)
    rows = []
    for number, (train, test) in enumerate(cv.split(X, y)):
        fitted = fit(clone(model), X.iloc[train], y[train])
        with one_thread():
            p = fitted.predict_proba(X.iloc[test])[:, 1]
        out_of_fold[test], fold[test] = p, number
        rows.append(
            {
                "roc_auc": roc_auc_score(y[test], p),
                "average_precision": average_precision_score(y[test], p),
                "log_loss": log_loss(y[test], p, labels=[0, 1]),
                "brier": brier_score_loss(y[test], p),
            }
        )
    scores = pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="fold"))
    return CrossValidation(scores, out_of_fold, fold)
