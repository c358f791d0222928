"""Ways to choose columns compared on the same folds, each refitted inside every training fold.

Taught in lesson 3.2 (selection and reduction).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.selection.methods import METHODS, make_selector
from mlhelpers.features.selection.scores import (
    Setting,
    check_level,
    clipped,
    corrected_interval,
    make_setting,
)

__all__ = ["SelectorComparison", "compare_selectors", "selection_stability"]


@dataclass(frozen=True, repr=False)
class SelectorComparison:
    """What each method reaches with how many columns.

    Taught in lesson 3.2.

    Attributes
    ----------
    table : DataFrame
        One row per method and number of columns, index (method, k): n_features (mean over the folds), score
        with its interval (low, high), change against the first row with its interval (change_low,
        change_high; paired by fold), stability of the chosen set from about 0 (as by chance) to 1 (the same
        in each fold; NaN if all columns are chosen or the set is not known), seconds (fit of all folds).
    chosen : DataFrame of shape (n_rows_of_table, n_columns)
        Share of the folds in which each column was chosen; NaN where a method makes new columns.
    scores : DataFrame of shape (n_rows_of_table, n_folds)
        Score of each fold.
    scoring : str
        Name of the score; larger is better.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    chosen: pd.DataFrame
    scores: pd.DataFrame
    scoring: str
    level: float

    def _shown(self) -> pd.DataFrame:
        # The seconds differ from run to run; they stay in the table and out of what a notebook stores.
        return self.table.drop(columns="seconds").round(3)

    def _title(self) -> str:
        return (
            f"{self.scoring} over {self.scores.shape[1]} folds, selectors refitted in each; "
            f"{self.level:.0%} intervals (corrected resampled t)"
        )

    def __str__(self) -> str:
        return f"{self._title()}\n{self._shown().to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._title(), quote=False)}</p>{self._shown().to_html()}"


def compare_selectors(
    X: Any,
    y: Any,
    selectors: Sequence[str] | Mapping[str, Any],
    model: Any,
    *,
    k: int | Sequence[int] | None = None,
    cv: Any = 5,
    repeats: int = 1,
    scoring: Any = None,
    level: float = 0.95,
    random_state: int = 0,
) -> SelectorComparison:
    """Compare selectors without a leak: each is fitted on the training rows of every fold, then the model.

    Taught in lesson 3.2. All methods see the same folds. The score is the mean over the held-out folds. Its
    interval is the corrected resampled t interval [1]_: it holds for any score and counts that the choice
    itself moves with the training rows, which a bootstrap of the predictions of fixed models would not. Its
    ends are clipped to the bounds of the score, such as 1 for roc_auc and r2. The best row of the table is
    chosen with these same folds, so its score is slightly optimistic. A fold in which no column is chosen is
    scored with a constant prediction, and counts as 0 columns.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_rows, n_columns)
        Features.
    y : array-like of shape (n_rows,)
        Labels, or numbers; numbers with more than 20 different values are a quantity to be predicted.
    selectors : sequence of str, or mapping of str to selector
        Names from `METHODS`. In a mapping the value is such a name, a scikit-learn selector, transformer or
        pipeline (used as it is, in one row), or a function that makes one for a given number of columns.
    model : estimator
        Fitted on what the selector leaves. Put a scaler in front of a model that needs one.
    k : int or sequence of int, optional
        Numbers of columns to choose. Default is 10, or all if there are fewer.
    cv : int or splitter, default=5
        Folds, shuffled and for classes stratified, or an object with ``split(X, y)``.
    repeats : int, default=1
        How often the rows are cut into `cv` folds anew; unused with a splitter.
    scoring : str or callable, optional
        Score of scikit-learn. Default is roc_auc for two classes, accuracy for more, else r2.
    level : float, default=0.95
        Coverage of the intervals.
    random_state : int, default=0
        Seed of folds, of mutual information and of the random choice.

    Returns
    -------
    SelectorComparison

    Raises
    ------
    ValueError
        If a name is unknown, `k` does not fit the columns, a column is no number or has gaps while a method
        of `METHODS` is to choose, or lengths, folds, labels or the score are wrong.
    TypeError
        If a selector can neither be fitted nor makes one.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    .. [2] S. Nogueira, K. Sechidis, G. Brown, "On the stability of feature selection algorithms", Journal of
       Machine Learning Research 18, 2018 (the stability).
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    check_level(level)
    setting = make_setting(X, y, cv=cv, repeats=repeats, scoring=scoring, random_state=random_state)
    makers = _makers(selectors, _sizes(k, setting.X.shape[1]), setting, random_state)
    rows, chosen, scores = {}, {}, {}
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for key, maker in makers.items():
            found = [
                _fold(maker(number), model, setting, train, test)
                for number, (train, test) in enumerate(setting.folds)
            ]
            values, masks, sizes, seconds = (list(part) for part in zip(*found, strict=True))
            scores[key] = np.array(values)
            known = all(mask is not None for mask in masks)
            masks = np.array(masks) if known else np.full((len(masks), setting.X.shape[1]), np.nan)
            chosen[key] = masks.mean(axis=0)
            first = next(iter(scores.values()))
            change = (
                (0.0, 0.0, 0.0)
                if len(scores) == 1
                else corrected_interval(scores[key] - first, setting.ratio, level)
            )
            stability = selection_stability(masks) if known else np.nan
            score = clipped(corrected_interval(scores[key], setting.ratio, level), setting.scoring)
            rows[key] = (float(np.mean(sizes)), *score, *change, stability, float(sum(seconds)))
    index = pd.MultiIndex.from_tuples(rows, names=["method", "k"])
    columns = ["n_features", "score", "low", "high", "change", "change_low", "change_high", "stability"]
    return SelectorComparison(
        pd.DataFrame(list(rows.values()), index, [*columns, "seconds"]),
        pd.DataFrame(list(chosen.values()), index, setting.X.columns),
        pd.DataFrame(list(scores.values()), index).rename_axis(columns="fold"),
        setting.scoring,
        level,
    )


def selection_stability(masks: Any) -> float:
    """How alike the sets are that a selector chose on different training rows, corrected for chance.

    Taught in lesson 3.2. The measure of Nogueira, Sechidis and Brown [1]_: sets may differ in size.

    Parameters
    ----------
    masks : array-like of bool of shape (n_sets, n_columns)
        Which columns were chosen; at least two sets.

    Returns
    -------
    float
        1 if all sets are equal, about 0 if they agree as often as by chance; NaN if each holds all columns or
        none, for then there was no choice.

    Raises
    ------
    ValueError
        If there are fewer than two sets.

    References
    ----------
    .. [1] S. Nogueira, K. Sechidis, G. Brown, "On the stability of feature selection algorithms", Journal of
       Machine Learning Research 18, 2018.
    """
    masks = np.asarray(masks, dtype=np.float64)
    if masks.ndim != 2 or len(masks) < 2:
        raise ValueError(f"masks must hold at least two sets of columns, got shape {masks.shape}")
    share = masks.mean(axis=0)
    mean = share.mean()
    if not 0 < mean < 1:
        return float("nan")
    spread = (share * (1 - share)).mean() * len(masks) / (len(masks) - 1)
    return float(1 - spread / (mean * (1 - mean)))


def _sizes(k: int | Sequence[int] | None, n_columns: int) -> list[int]:
    k = min(10, n_columns) if k is None else k
    sizes = [k] if isinstance(k, int | np.integer) else list(k)
    for size in sizes:
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or not 1 <= size <= n_columns:
            raise ValueError(f"k={size!r} must be a whole number from 1 to {n_columns}, the columns of X")
    if not sizes:
        raise ValueError("k is empty; give at least one number of columns")
    return [int(size) for size in dict.fromkeys(sizes)]


def _makers(
    selectors: Sequence[str] | Mapping[str, Any], sizes: list[int], setting: Setting, random_state: int
) -> dict[tuple[str, Any], Callable[[int], Any]]:
    """For each row of the table a function that makes the selector of a fold."""
    from sklearn.base import clone

    if isinstance(selectors, str):
        selectors = [selectors]
    named = selectors if isinstance(selectors, Mapping) else {name: name for name in selectors}
    if not named:
        raise ValueError("selectors is empty; give at least one")
    n_columns = setting.X.shape[1]
    makers: dict[tuple[str, Any], Callable[[int], Any]] = {}
    for name, selector in named.items():
        if isinstance(selector, str):
            if selector not in METHODS:
                raise ValueError(f"unknown selector {selector!r}; there are: {', '.join(METHODS)}")
            if selector == "none":
                makers[name, n_columns] = lambda fold: "passthrough"
                continue
            _check_numbers(setting.X, selector)
            for size in sizes:
                makers[name, size] = lambda fold, selector=selector, size=size: make_selector(
                    selector, size, classify=setting.classify, n_features=n_columns,
                    random_state=random_state + fold,
                )  # fmt: skip
        elif hasattr(selector, "fit"):
            makers[name, "own"] = lambda fold, selector=selector: clone(selector)
        elif callable(selector):
            for size in sizes:
                makers[name, size] = lambda fold, selector=selector, size=size: selector(size)
        else:
            raise TypeError(
                f"selectors[{name!r}] must be a name, an estimator or a function of k, got {selector!r}"
            )
    return makers


def _check_numbers(X: pd.DataFrame, selector: str) -> None:
    for column in X.columns:
        if not pd.api.types.is_numeric_dtype(X[column]):
            raise ValueError(f"column {column!r} is no number; encode it before {selector!r} chooses")
        if X[column].isna().any():
            raise ValueError(f"column {column!r} has gaps; impute it before {selector!r} chooses")


def _constant(classify: bool) -> Any:
    """What is left to predict with when no column was chosen: the mean, or the shares of the classes."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier(strategy="prior") if classify else DummyRegressor()


def _keeps_nothing(selector: Any, row: pd.DataFrame) -> bool:
    """Whether a selector, or a pipeline that ends in one, was fitted and leaves no column."""
    try:
        if hasattr(selector, "get_support"):
            return not np.any(selector.get_support())
        return np.shape(selector.transform(row))[1] == 0
    except Exception:  # noqa: BLE001 - it is not fitted: its own error is the one to show
        return False


def _fold(selector: Any, model: Any, setting: Setting, train: np.ndarray, test: np.ndarray):
    """Score of the held-out rows, mask of the chosen columns or None, their number, seconds of the fit."""
    from sklearn.base import clone
    from sklearn.pipeline import Pipeline

    both = Pipeline([("select", selector), ("model", clone(model))])
    began = time.perf_counter()
    try:
        both.fit(setting.X.iloc[train], setting.y[train])
    except ValueError:
        if not _keeps_nothing(both[0], setting.X.iloc[train[:1]]):
            raise
        constant = _constant(setting.classify).fit(setting.X.iloc[train], setting.y[train])
        score = float(setting.scorer(constant, setting.X.iloc[test], setting.y[test]))
        mask = np.zeros(setting.X.shape[1], dtype=bool) if hasattr(both[0], "get_support") else None
        return score, mask, 0, time.perf_counter() - began
    seconds = time.perf_counter() - began
    score = float(setting.scorer(both, setting.X.iloc[test], setting.y[test]))
    if selector == "passthrough":
        mask = np.ones(setting.X.shape[1], dtype=bool)
    elif hasattr(both[0], "get_support"):
        mask = np.asarray(both[0].get_support())
    else:
        return score, None, both[0].transform(setting.X.iloc[test[:1]]).shape[1], seconds
    return score, mask, int(mask.sum()), seconds
