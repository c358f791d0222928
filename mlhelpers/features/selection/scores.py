"""Checked inputs, folds and intervals that the comparisons of columns share.

Used by `compare_selectors` and `ablation_table` of lesson 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Setting", "as_frame", "check_level", "clipped", "corrected_interval", "make_setting"]

# Smallest and largest value of scores of scikit-learn that know one.
_SHARES = ["accuracy", "average_precision", "balanced_accuracy", "f1", "precision", "recall", "roc_auc"]
BOUNDS = dict.fromkeys(_SHARES, (0.0, 1.0)) | {"r2": (-np.inf, 1.0)}


@dataclass(frozen=True)
class Setting:
    """What all competitors share: rows, folds and score.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : ndarray of shape (n_rows,)
    classify : bool
        Whether the target holds classes.
    folds : list of (train, test)
        Positions of the rows.
    scoring : str
        Name of the score, larger is better.
    scorer : callable
        ``scorer(model, X, y)``.
    ratio : float
        Mean of test rows over training rows.
    """

    X: pd.DataFrame
    y: np.ndarray
    classify: bool
    folds: list[tuple[np.ndarray, np.ndarray]]
    scoring: str
    scorer: Callable
    ratio: float


def make_setting(X: Any, y: Any, *, cv: Any, repeats: int, scoring: Any, random_state: int) -> Setting:
    """Check the inputs and draw the folds once, so that every competitor gets the same ones."""
    from sklearn.metrics import get_scorer
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
    from sklearn.utils.multiclass import type_of_target

    X, y = as_frame(X), np.asarray(y)
    if y.ndim != 1 or len(y) != len(X):
        raise ValueError(f"y must have one value for each of the {len(X)} rows of X, got shape {y.shape}")
    if pd.isna(y).any():
        raise ValueError("y has gaps; leave out the rows without a label")
    classify = type_of_target(y) in ("binary", "multiclass") and not _like_a_measurement(y)
    classes = np.unique(y)
    if classify and len(classes) < 2:
        raise ValueError(f"y holds one class only, {classes[0]!r}; nothing can be learned")
    if scoring is None:
        scoring = "r2" if not classify else "roc_auc" if len(classes) == 2 else "accuracy"
    try:
        scorer = scoring if callable(scoring) else get_scorer(scoring)
    except ValueError as error:
        raise ValueError(
            f"scoring={scoring!r} is no score of scikit-learn; see get_scorer_names()"
        ) from error
    if isinstance(cv, int):
        most = int(np.unique(y, return_counts=True)[1].min()) if classify else len(y)
        if not 2 <= cv <= most:
            raise ValueError(f"cv={cv} needs between 2 folds and {most}, the rows of the rarest class or all")
        if repeats < 1:
            raise ValueError(f"repeats must be at least 1, got {repeats}")
        kind = RepeatedStratifiedKFold if classify else RepeatedKFold
        cv = kind(n_splits=cv, n_repeats=repeats, random_state=random_state)
    elif isinstance(cv, str) or not hasattr(cv, "split"):
        raise ValueError(f"cv must be a number of folds or a splitter with split(X, y), got {cv!r}")
    folds = list(cv.split(X, y))
    if len(folds) < 2:
        raise ValueError("cv gives one split only; an interval needs at least two")
    ratio = float(np.mean([len(test) / len(train) for train, test in folds]))
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")
    return Setting(X, y, classify, folds, name, scorer, ratio)


def _like_a_measurement(y: np.ndarray) -> bool:
    """Numbers with many different values, such as a count or a score, are a quantity and not classes."""
    return np.issubdtype(y.dtype, np.number) and len(np.unique(y)) > 20


def as_frame(X: Any) -> pd.DataFrame:
    """Frame with unique column names; an array gets x0, x1, ..."""
    if not isinstance(X, pd.DataFrame):
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must have two dimensions, rows and columns, got {X.ndim}")
        X = pd.DataFrame(X, columns=[f"x{number}" for number in range(X.shape[1])])
    if not X.columns.is_unique:
        raise ValueError(f"X has the column {X.columns[X.columns.duplicated()][0]!r} twice")
    if not X.shape[1] or not len(X):
        raise ValueError(f"X has {len(X)} rows and {X.shape[1]} columns; nothing to choose from")
    return X


def check_level(level: float) -> None:
    """Raise unless `level` is a coverage."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")


def corrected_interval(values: np.ndarray, ratio: float, level: float) -> tuple[float, float, float]:
    """Mean over folds with the corrected resampled t interval of Nadeau and Bengio.

    Folds share training rows, so their scores are not independent and the plain standard error is too small;
    the variance is multiplied by 1/n_folds + n_test/n_train instead of 1/n_folds.

    Parameters
    ----------
    values : ndarray of shape (n_folds,)
    ratio : float
        Test rows over training rows.
    level : float

    Returns
    -------
    mean, low, high : float
    """
    from scipy.stats import t

    n = len(values)
    mean = float(values.mean())
    half = float(t.ppf((1 + level) / 2, n - 1) * np.sqrt((1 / n + ratio) * values.var(ddof=1)))
    return mean, mean - half, mean + half


def clipped(interval: tuple[float, float, float], scoring: str) -> tuple[float, float, float]:
    """Mean, low and high of `corrected_interval`, with the ends inside the bounds of the score, if known."""
    mean, low, high = interval
    least, most = BOUNDS.get(scoring, (-np.inf, np.inf))
    return mean, max(low, least), min(high, most)
