"""Fills for the gaps of one column, each learned from the training rows only and never from the label.

Used by the comparison of imputations in lesson 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

__all__ = ["ORDERED", "fill_gaps"]

ORDERED = ("forward fill", "interpolation")


def fill_gaps(
    name: str,
    values: np.ndarray,
    others: np.ndarray,
    when: np.ndarray | None,
    train: np.ndarray,
    rows: np.ndarray,
    settings: Mapping[str, int],
) -> np.ndarray:
    """Column at some rows, its gaps filled by what the training rows teach.

    Parameters
    ----------
    name : str
        Strategy; ``drop rows`` and ``boosting, NaN`` leave the gaps.
    values : ndarray of shape (n_rows,)
        Column with gaps.
    others : ndarray of shape (n_rows, n_features)
        Complete, standardized columns.
    when : ndarray of shape (n_rows,) or None
        Place of each row in the order.
    train, rows : ndarray of int
        Positions that are learned from, and that are returned.
    settings : mapping
        neighbors, donors and random_state.

    Returns
    -------
    ndarray of shape (len(rows),)
    """
    filled, known = values[rows].copy(), train[~np.isnan(values[train])]
    gap = np.isnan(filled)
    if not gap.any() or name in ("drop rows", "boosting, NaN"):
        return filled
    seen = values[known]
    if name in ("median", "boosting, median"):
        filled[gap] = np.median(seen)
    elif name == "mode":
        levels, counts = np.unique(seen, return_counts=True)
        filled[gap] = levels[counts.argmax()]
    elif name in ORDERED:
        filled[gap] = _ordered(name, seen, when[known], when[rows[gap]])
    elif name == "knn":
        filled[gap] = _nearest(seen, others[known], others[rows[gap]], settings)
    elif name.startswith("iterative"):
        filled[gap] = _regression(name, values, others, train, rows, settings)[gap]
    else:
        filled[gap] = seen.mean()
    return filled


def _ordered(name: str, seen: np.ndarray, place: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if name == "forward fill":
        by_place = np.argsort(place, kind="stable")
        last = np.searchsorted(place[by_place], wanted, side="right") - 1
        return seen[by_place][np.maximum(last, 0)]  # before the first known value: that value
    each = pd.Series(seen).groupby(place).mean()
    return np.interp(wanted, each.index.to_numpy(), each.to_numpy())


def _nearest(seen: np.ndarray, known: np.ndarray, wanted: np.ndarray, settings: dict) -> np.ndarray:
    from sklearn.neighbors import KNeighborsRegressor

    if len(seen) > settings["donors"]:
        chosen = np.random.default_rng(settings["random_state"]).choice(len(seen), settings["donors"], False)
        seen, known = seen[chosen], known[chosen]
    model = KNeighborsRegressor(min(settings["neighbors"], len(seen)), algorithm="brute")
    return model.fit(known, seen).predict(wanted)


def _regression(name: str, values, others, train, rows, settings) -> np.ndarray:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes the next import work)
    from sklearn.impute import IterativeImputer

    # One column has gaps, so one round of the imputer's regression is all there is to do.
    imputer = IterativeImputer(
        sample_posterior=name.endswith("drawn"), max_iter=1, skip_complete=True, tol=1e9,
        random_state=settings["random_state"],
    )  # fmt: skip
    both = np.column_stack([values, others])
    return imputer.fit(both[train]).transform(both[rows])[:, 0]
