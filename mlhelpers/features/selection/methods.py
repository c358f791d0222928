"""Ready-made selectors by name: filters, a wrapper, an embedded one, and chance as the base line.

Used by `compare_selectors` of lesson 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.feature_selection import (
    RFE,
    SelectKBest,
    SelectorMixin,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.linear_model import LogisticRegression, Ridge, lasso_path
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from mlhelpers.data.frames import require_unique_columns

__all__ = ["METHODS", "LassoPath", "correlation_score", "make_selector"]

METHODS = MappingProxyType(
    {
        "none": "all columns",
        "random": "columns drawn by chance, other ones in each fold; what a method must beat",
        "correlation": "filter: largest absolute correlation with the target, one column at a time",
        "mutual information": "filter: largest mutual information with the target, one column at a time",
        "rfe": "wrapper: the smallest coefficient of a linear model on scaled columns leaves, repeatedly",
        "lasso": "embedded: the columns that the Lasso on scaled columns keeps as its penalty grows",
    }
)


def make_selector(name: str, k: int, *, classify: bool, n_features: int, random_state: int) -> Any:
    """Build an unfitted selector of `k` columns by its name in `METHODS` ("none" needs no selector)."""
    if name == "rfe":
        linear = LogisticRegression(max_iter=1000) if classify else Ridge()
        getter = f"named_steps.{type(linear).__name__.lower()}.coef_"
        step = 1 if n_features <= 50 else 0.1  # a tenth at a time: one by one would take a fit per column
        return RFE(
            make_pipeline(StandardScaler(), linear),
            n_features_to_select=k,
            step=step,
            importance_getter=getter,
        )
    if name == "lasso":
        return LassoPath(k, classify=classify)
    scores: dict[str, Callable] = {
        "correlation": correlation_score if not classify else partial(correlation_score, classify=True),
        "random": partial(_random_score, random_state=random_state),
        "mutual information": partial(
            mutual_info_classif if classify else mutual_info_regression, random_state=random_state
        ),
    }
    return SelectKBest(scores[name], k=k)


def correlation_score(X: Any, y: Any, *, classify: bool = False) -> np.ndarray:
    """Squared correlation of each column with the target; for classes, the share of variance between."""
    X = np.asarray(X, dtype=np.float64)
    X = X - X.mean(axis=0)
    total = (X**2).sum(axis=0)
    if classify:
        member = np.asarray(y)[:, None] == np.unique(y)
        explained = ((member.T @ X) ** 2 / member.sum(axis=0)[:, None]).sum(axis=0)
    else:
        y = np.asarray(y, dtype=np.float64) - np.mean(y)
        explained = (y @ X) ** 2 / max(y @ y, np.finfo(float).tiny)
    return np.divide(explained, total, out=np.zeros_like(total), where=total > 0)


def _random_score(X: Any, y: Any, *, random_state: int) -> np.ndarray:
    return np.random.default_rng(random_state).random(X.shape[1])


class LassoPath(SelectorMixin, BaseEstimator):
    """Keep the columns of the point on the Lasso path that has the most non-zero coefficients up to `k`.

    Taught in lesson 3.2. Columns are standardized. Classes are coded as 0 and 1, one column of targets per
    class when there are more than two: for two classes least squares then has the direction of Fisher's
    discriminant.

    Parameters
    ----------
    k : int, default=10
        Largest number of columns.
    classify : bool, default=False
        Whether the target holds classes.
    """

    def __init__(self, k: int = 10, *, classify: bool = False):
        self.k = k
        self.classify = classify

    def fit(self, X: Any, y: Any) -> LassoPath:
        """Follow the path and note the columns."""
        if isinstance(X, pd.DataFrame):
            require_unique_columns(X, "X")
        X = StandardScaler().fit_transform(validate_data(self, X, dtype=np.float64))
        y = np.asarray(y)
        if self.classify:
            classes = np.unique(y)
            y = y == classes[-1] if len(classes) == 2 else y[:, None] == classes
        y = np.asarray(y, dtype=np.float64)
        _, coefficients, _ = lasso_path(X, y - y.mean(axis=0), eps=1e-2, alphas=60)
        kept = coefficients != 0
        kept = kept.any(axis=0) if kept.ndim == 3 else kept
        sizes = kept.sum(axis=0)
        self.support_ = kept[:, int(np.flatnonzero(sizes == sizes[sizes <= self.k].max())[-1])]
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self, "support_")
        return self.support_
