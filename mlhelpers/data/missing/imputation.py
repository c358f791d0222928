"""Ways to treat the gaps of a column, compared by their bias and by the AUC of a model behind them.

Taught in lesson 2.4 (data quality and missing data).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.data.missing.fills import ORDERED, fill_gaps

__all__ = ["STRATEGIES", "ImputationComparison", "compare_imputations"]

STRATEGIES = MappingProxyType(
    {
        "drop rows": "leave out the rows with a gap; they cannot be scored either and get the average risk",
        "mean": "mean of the known values",
        "median": "median of the known values",
        "mode": "most frequent known value",
        "forward fill": "last known value in the given order",
        "interpolation": "straight line between the known neighbors in the given order",
        "knn": "mean of the rows most alike in the other columns",
        "iterative": "prediction of a Bayesian ridge regression on the other columns",
        "iterative, drawn": "the same prediction with noise, so that the spread is kept",
        "mean + indicator": "mean, and a column that says where the gap was",
        "boosting, median": "median, before gradient boosting",
        "boosting, NaN": "the gap is handed to gradient boosting as it is",
    }
)
COMPLETE = "no gaps (truth)"
BOOSTED = "boosting, no gaps (truth)"


@dataclass(frozen=True, repr=False)
class ImputationComparison:
    """What each strategy does to a column and to the model behind it.

    Attributes
    ----------
    column : str
    share_missing : float
    n_rows : int
    table : DataFrame of shape (n_strategies, 8)
        mean_bias (mean after the strategy less the true one, unit of the column), sd_ratio (standard
        deviation over the true one), auc with its 95% interval (auc_low, auc_high), and auc_change against
        the first row of the same model with its 95% interval (change_low, change_high), paired by row.
        Without a truth the bias is NaN.
    """

    column: str
    share_missing: float
    n_rows: int
    table: pd.DataFrame

    def __str__(self) -> str:
        title = f"{self.column}: {self.share_missing:.1%} of {self.n_rows:,} values missing"
        return f"{title}\n{self.table.round(4).to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        title = f"{self.column}: {self.share_missing:.1%} of {self.n_rows:,} values missing"
        return f"<p>{title}</p>{self.table.round(4).to_html()}"


def compare_imputations(
    frame: pd.DataFrame,
    target: Any,
    *,
    column: str,
    truth: Any = None,
    strategies: Sequence[str] | None = None,
    order: Any = None,
    cv: int = 5,
    neighbors: int = 10,
    donors: int = 2000,
    random_state: int = 0,
) -> ImputationComparison:
    """Compare treatments of the gaps in one column: bias of mean and spread, AUC of the model behind them.

    Taught in lesson 2.4. Every fill is learned from the training folds only and never sees the target; the
    same folds serve all strategies. The model is a logistic regression on standardized numbers and one-hot
    categories, and gradient boosting where the strategy's name says so. Bias is that of the whole column.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Features; all columns but `column` complete.
    target : array-like of shape (n_rows,)
        Labels 0 and 1.
    column : str
        Numeric column with gaps.
    truth : array-like of shape (n_rows,), optional
        The column without gaps.
    strategies : sequence of str, optional
        Names from `STRATEGIES`; default is all that can be computed (two need `order`).
    order : array-like of shape (n_rows,), optional
        Numbers or dates by which rows follow each other.
    cv : int, default=5
        Stratified folds.
    neighbors : int, default=10
        Rows that `knn` averages.
    donors : int, default=2000
        Rows with a known value that `knn` may choose from, drawn at random; keeps it fast.
    random_state : int, default=0
        Seed of folds, donors and draws.

    Returns
    -------
    ImputationComparison
        The first row of each model is the column without gaps if `truth` is given, else its first strategy.

    Raises
    ------
    ValueError
        If a column is not there, another one has gaps, the column has none or is empty, a strategy is
        unknown or lacks `order`, lengths differ, or labels are not 0 and 1.

    References
    ----------
    .. [1] S. van Buuren, "Flexible Imputation of Missing Data", 2nd edition, 2018.
    .. [2] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
       receiver operating characteristic curves", Biometrics 44, 1988 (the intervals).
    """
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    y, chosen = _check(frame, target, column, truth, strategies, order)
    values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    others = pd.get_dummies(frame.drop(columns=column), dtype=np.float64)
    others = others.to_numpy(dtype=np.float64)
    others = (others - others.mean(axis=0)) / np.where(others.std(axis=0) > 0, others.std(axis=0), 1.0)
    when = None if order is None else _ranks(order)
    true = None if truth is None else np.asarray(truth, dtype=np.float64)
    settings = {"neighbors": neighbors, "donors": donors, "random_state": random_state}
    folds = list(StratifiedKFold(cv, shuffle=True, random_state=random_state).split(others, y))
    rows, placements = {}, {}
    with threadpool_limits(limits=1):  # sums in one order, the same on every machine
        for name in _with_truth(chosen) if true is not None else chosen:
            column_values = true if name in (COMPLETE, BOOSTED) else values
            scores = np.empty(len(y))
            for train, test in folds:
                scores[test] = _fold(name, column_values, others, when, y, train, test, settings)
            everything = np.arange(len(y))
            whole = fill_gaps(name, column_values, others, when, everything, everything, settings)
            bias = (np.nan, np.nan)
            if true is not None and name != "boosting, NaN":
                bias = (np.nanmean(whole) - true.mean(), np.nanstd(whole) / true.std())
            placements[name] = _placements(y, scores)
            rows[name] = (*bias, *_interval(placements[name]))
    for name in rows:
        first = next(other for other in rows if _boosted(other) == _boosted(name))
        change = tuple(a - b for a, b in zip(placements[name], placements[first], strict=True))
        rows[name] += _interval(change) if name != first else (0.0, 0.0, 0.0)
    names = ["mean_bias", "sd_ratio", "auc", "auc_low", "auc_high", "auc_change", "change_low", "change_high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    return ImputationComparison(column, float(np.isnan(values).mean()), len(values), table)


def _check(frame, target, column, truth, strategies, order) -> tuple[np.ndarray, list[str]]:
    require_unique_columns(frame)
    if column not in frame.columns:
        raise ValueError(f"no column {column!r}; there are: {', '.join(map(str, frame.columns))}")
    gaps = frame.isna().sum()
    if not 0 < gaps[column] < len(frame):
        raise ValueError(
            f"column {column!r} has {gaps[column]} gaps in {len(frame)} rows; nothing to compare"
        )
    others = gaps.drop(column)
    if others.any():
        raise ValueError(
            f"column {others.idxmax()!r} has gaps too; fill it or leave it out, one column at a time"
        )
    for what, given in (("target", target), ("truth", truth), ("order", order)):
        if given is not None and len(given) != len(frame):
            raise ValueError(f"{what} has {len(given)} values for {len(frame)} rows")
    y = np.asarray(target)
    if set(np.unique(y)) != {0, 1}:
        raise ValueError(f"target must hold 0 and 1, got {np.unique(y)[:5].tolist()}")
    if strategies is None:
        strategies = [name for name in STRATEGIES if order is not None or name not in ORDERED]
    for name in strategies:
        if name not in STRATEGIES:
            raise ValueError(f"unknown strategy {name!r}; there are: {', '.join(STRATEGIES)}")
        if name in ORDERED and order is None:
            raise ValueError(f"strategy {name!r} needs order, by which rows follow each other")
    return y.astype(int), list(dict.fromkeys(strategies))


def _boosted(name: str) -> bool:
    return name.startswith("boosting")


def _with_truth(chosen: list[str]) -> list[str]:
    """The strategies, each model's led by the column without gaps."""
    plain, boosted = ([name for name in chosen if _boosted(name) == kind] for kind in (False, True))
    return [COMPLETE] * bool(plain) + plain + [BOOSTED] * bool(boosted) + boosted


def _ranks(order: Any) -> np.ndarray:
    values = pd.Series(np.asarray(order))
    if values.isna().any():
        raise ValueError("order has gaps; give every row its place")
    return values.rank(method="dense").to_numpy()


def _fold(name, values, others, when, y, train, test, settings) -> np.ndarray:
    """Scores of the test rows by a model and a fill that know the training rows only."""
    gap = np.isnan(values)
    filled = fill_gaps(name, values, others, when, train, np.arange(len(y)), settings)
    X = (
        np.column_stack([filled, gap, others])
        if name == "mean + indicator"
        else np.column_stack([filled, others])
    )
    if name == "drop rows":
        train, scored = train[~gap[train]], test[~gap[test]]
        scores = np.full(len(y), y[train].mean())
        scores[scored] = _model(name).fit(X[train], y[train]).predict_proba(X[scored])[:, 1]
        return scores[test]
    return _model(name).fit(X[train], y[train]).predict_proba(X[test])[:, 1]


def _model(name: str):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if _boosted(name):
        return HistGradientBoostingClassifier(
            max_iter=40, learning_rate=0.15, max_leaf_nodes=15, early_stopping=False, random_state=0
        )
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))


def _placements(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of negatives below each positive, share of positives above each negative."""
    from scipy.stats import rankdata

    positive = y == 1
    ranks, n_pos, n_neg = rankdata(scores), positive.sum(), (~positive).sum()
    above = (ranks[positive] - rankdata(scores[positive])) / n_neg
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n_pos
    return above, below


def _interval(placements: tuple[np.ndarray, np.ndarray]) -> tuple[float, float, float]:
    """AUC, or difference of two, with DeLong's 95% interval."""
    above, below = placements
    error = 1.959964 * np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    return float(above.mean()), float(above.mean() - error), float(above.mean() + error)
