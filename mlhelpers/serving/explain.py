"""Why this probability: the share of each column in the distance from a typical row.

Taught in lesson 7.2 (the service's ``/v1/explain``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def typical_codes(signature: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Codes of the typical row of a signature, shape (n_columns,): medians and most frequent categories."""
    codes = []
    for column in signature:
        typical = column["typical"]
        codes.append(column["categories"].index(typical) if column["type"] == "category" else typical)
    return np.array(codes, dtype=np.float64)


def shapley_to_reference(
    predict: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    reference: np.ndarray,
    *,
    n_permutations: int = 32,
    random_state: int = 0,
) -> np.ndarray:
    """Contribution of each column to the difference of a row's prediction from a reference row's.

    Taught in lesson 7.2. Columns are moved from the reference's value to the row's one after the other, in
    random orders and their reverses; a column's contribution is its mean step. The contributions add up to
    the difference exactly, whatever the number of orders.

    Parameters
    ----------
    predict : callable
        Maps codes of shape (n_rows, n_columns) to predictions of shape (n_rows,).
    row, reference : ndarray of shape (n_columns,)
        Codes; columns that are equal, or missing in both, contribute 0.
    n_permutations : int, default=32
        Orders drawn, reverses included; even.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ndarray of shape (n_columns,)
        In the predictions' unit.

    Raises
    ------
    ValueError
        If the shapes differ or `n_permutations` is not even and positive.

    References
    ----------
    .. [1] M. Sundararajan and A. Najmi, "The many Shapley values for model explanation", ICML 2020 (the
       baseline Shapley value).
    .. [2] E. Strumbelj and I. Kononenko, "Explaining prediction models and individual predictions with
    feature
       contributions", Knowledge and Information Systems, 2014 (sampled orders).
    """
    row, reference = np.asarray(row, dtype=float), np.asarray(reference, dtype=float)
    if row.shape != reference.shape or row.ndim != 1:
        shapes = f"{row.shape} and {reference.shape}"
        raise ValueError(f"row and reference must be of one shape (n_columns,), got {shapes}")
    if n_permutations < 2 or n_permutations % 2:
        raise ValueError(f"n_permutations must be even and at least 2, got {n_permutations}")
    both_missing = np.isnan(row) & np.isnan(reference)
    moved = np.flatnonzero((row != reference) & ~both_missing)
    contributions = np.zeros(len(row))
    if len(moved) == 0:
        return contributions
    rng = np.random.default_rng(random_state)
    drawn = np.array([rng.permutation(len(moved)) for _ in range(n_permutations // 2)])
    orders = np.concatenate([drawn, drawn[:, ::-1]])
    rank = np.argsort(orders, axis=1)  # place of each moved column in each order
    steps = np.arange(len(moved) + 1)
    taken = rank[:, None, :] < steps[None, :, None]  # after how many steps a column has its row's value
    paths = np.broadcast_to(reference, (*taken.shape[:2], len(row))).copy()
    paths[:, :, moved] = np.where(taken, row[moved], reference[moved])
    predicted = np.asarray(predict(paths.reshape(-1, len(row)))).reshape(taken.shape[:2])
    gains = np.diff(predicted, axis=1)
    contributions[moved] = np.take_along_axis(gains, rank, axis=1).mean(axis=0)
    return contributions
