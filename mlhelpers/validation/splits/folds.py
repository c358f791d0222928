"""Splitters in scikit-learn's protocol that keep groups and dates apart.

Taught in lesson 5.1 (robust validation sets).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.validation.metrics.rules import values_of

__all__ = ["GroupFolds", "TimeFolds", "connected_groups"]


def connected_groups(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Group of each row, where rows that share a value in any of the columns are in one group.

    Taught in lesson 5.1. A fraud ring uses several cards on one device: neither column alone is the ring. A
    missing value connects nothing. Columns whose values everybody shares connect everything; look at the
    largest group before you use the result.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    columns : sequence of str
        Columns of identifiers.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        Numbers from 0, in order of first appearance.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    columns = [columns] if isinstance(columns, str) else list(columns)
    require_unique_columns(frame)
    absent = [name for name in columns if name not in frame.columns]
    if absent or not columns:
        raise ValueError(f"columns not in the frame: {', '.join(absent) or 'none was named'}")
    rows, nodes, n_nodes = [], [], len(frame)
    for name in columns:
        codes, values = pd.factorize(frame[name])
        known = np.flatnonzero(codes >= 0)
        rows.append(known)
        nodes.append(codes[known] + n_nodes)
        n_nodes += len(values)
    row, node = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_matrix((np.ones(len(row), dtype=np.int8), (row, node)), shape=(n_nodes, n_nodes))
    labels = connected_components(graph, directed=False)[1][: len(frame)]
    return pd.factorize(labels)[0]


class GroupFolds:
    """K folds that never cut a group, with the positives spread evenly.

    Taught in lesson 5.1. The purpose of scikit-learn's `StratifiedGroupKFold`, which looks at every fold for
    every group and takes long when most rows are groups of their own; here groups are sorted by their
    positives and rows and dealt out like cards.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    random_state : int or None, default=0
        Order of groups that are alike.
    """

    def __init__(self, n_splits: int = 5, *, random_state: int | None = 0) -> None:
        if n_splits < 2:
            raise ValueError(f"n_splits must be at least 2, got {n_splits}")
        self.n_splits = n_splits
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows of training and of test, as positions.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Only its length is used.
        y : array-like of shape (n_rows,), optional
            With two values the rarer one is spread evenly; otherwise only the rows are.
        groups : array-like of shape (n_rows,)
            Group of each row; a missing one is an error.
        """
        if groups is None:
            raise ValueError("give groups=: one value a row, such as the customer")
        codes, values = pd.factorize(values_of(groups))
        if len(codes) != len(X):
            raise ValueError(f"{len(codes)} groups for {len(X)} rows")
        if (codes < 0).any():
            raise ValueError(
                f"{(codes < 0).sum()} rows have no group, the first is row {int((codes < 0).argmax())}; "
                "name one for each or leave them out"
            )
        if len(values) < self.n_splits:
            raise ValueError(f"{len(values)} groups do not fill {self.n_splits} folds")
        sizes = np.bincount(codes)
        rare = np.bincount(codes, weights=_rare(y, len(X)))
        chance = np.random.default_rng(self.random_state).random(len(values))
        fold_of_group = np.empty(len(values), dtype=int)
        turn = np.arange(len(values))
        back = turn // self.n_splits % 2 == 1  # there and back again, as in a school-yard draft
        place = np.where(back, self.n_splits - 1 - turn % self.n_splits, turn % self.n_splits)
        fold_of_group[np.lexsort((chance, -sizes, -rare))] = place
        fold = fold_of_group[codes]
        for k in range(self.n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def _rare(y: Any, n_rows: int) -> np.ndarray:
    if y is None:
        return np.zeros(n_rows)
    codes, values = pd.factorize(np.asarray(y))
    if len(codes) != n_rows:
        raise ValueError(f"{len(codes)} labels for {n_rows} rows")
    if len(values) != 2:
        return np.zeros(n_rows)
    return (codes == np.argmin(np.bincount(codes))).astype(float)


class TimeFolds:
    """Folds that train on the past and test on the days after it, by dates and not by row numbers.

    Taught in lesson 5.1. scikit-learn's `TimeSeriesSplit` counts rows and needs them sorted; it may cut a day
    in two. Here the last fold tests the last `test_days` days, the fold before it the days before, and so on.
    Rows may stand in any order.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 1.
    time : str or array-like of shape (n_rows,)
        Column of `X`, or one date a row.
    test_days : float
        Length of each test period in days.
    gap_days : float, default=0
        Days before each test period that are left out of training: at least the days until a label is known.
    train_days : float, optional
        Length of the training period; default is everything before.

    Notes
    -----
    With `groups` in `split`, training rows whose group is in the test period are left out as well (purged by
    owner). A row without a group belongs to nobody, so it is never left out for that.
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        time: Any,
        test_days: float,
        gap_days: float = 0,
        train_days: float | None = None,
    ) -> None:
        if n_splits < 1:
            raise ValueError(f"n_splits must be at least 1, got {n_splits}")
        if not test_days > 0 or not gap_days >= 0 or not (train_days is None or train_days > 0):
            raise ValueError("test_days and train_days must be above 0 and gap_days at least 0")
        self.n_splits = n_splits
        self.time = time
        self.test_days = test_days
        self.gap_days = gap_days
        self.train_days = train_days

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows of training and of test, as positions; the earliest fold first.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Holds the column of dates if `time` is a name.
        y : ignored
        groups : array-like of shape (n_rows,), optional
            A group that is tested is not trained on.

        Raises
        ------
        ValueError
            If dates are missing or do not fit the rows, or a fold has no row to train or to test on.
        """
        if isinstance(self.time, str) and isinstance(X, pd.DataFrame):
            require_unique_columns(X, "X")
        when = dates_of(X[self.time] if isinstance(self.time, str) else self.time, len(X))
        owner = None if groups is None else pd.factorize(values_of(groups))[0]
        if owner is not None and len(owner) != len(X):
            raise ValueError(f"{len(owner)} groups for {len(X)} rows")
        end = when.max()
        for back in range(self.n_splits - 1, -1, -1):
            stop = end - _days(back * self.test_days)
            start = stop - _days(self.test_days)
            last = start - _days(self.gap_days)  # of the training rows
            test, train = (when > start) & (when <= stop), when <= last
            if self.train_days is not None:
                train &= when > last - _days(self.train_days)
            if owner is not None:
                train &= ~np.isin(owner, owner[test & (owner >= 0)])
            if not test.any() or not train.any():
                what = "train" if test.any() else "test"
                raise ValueError(
                    f"no row to {what} on in the fold that tests {start} to {stop}; "
                    "take fewer splits, fewer days or a shorter gap"
                )
            yield np.flatnonzero(train), np.flatnonzero(test)


def _days(days: float) -> np.timedelta64:
    return np.timedelta64(round(days * 86_400_000_000), "us")


def _two_readings(values: pd.Series) -> bool:
    """Whether texts are dates that begin with two numbers up to 12, in every row."""
    texts = values.dropna()
    texts = texts[texts.map(lambda value: isinstance(value, str))]
    parts = texts.str.extract(r"^\s*(\d{1,2})[/.\- ](\d{1,2})[/.\- ]\d{2,4}")
    parts = parts.dropna().astype(int)
    if parts.empty:
        return False
    return bool((parts <= 12).all(axis=None) and (parts[0] != parts[1]).any())


def dates_of(time: Any, n_rows: int) -> np.ndarray:
    """Dates as an array of datetime64[us]; an error if one is missing or none can be read."""
    if pd.api.types.is_numeric_dtype(np.asarray(time)):
        raise ValueError("time holds numbers; give dates, such as a column read with pd.to_datetime")
    values = pd.Series(np.asarray(time))
    if values.dtype == object and _two_readings(values):
        raise ValueError(
            f"the dates of time have two readings (such as {values.dropna().iloc[0]!r}: day or month "
            "first?); read them with pd.to_datetime(..., format=...) first"
        )
    dates = pd.DatetimeIndex(pd.to_datetime(values, utc=True)).tz_localize(None)
    if len(dates) != n_rows:
        raise ValueError(f"{len(dates)} dates for {n_rows} rows")
    if dates.hasnans:
        raise ValueError(
            f"{dates.isna().sum()} rows have no date, the first is row {int(dates.isna().argmax())}; "
            "date them or leave them out"
        )
    return dates.to_numpy().astype("datetime64[us]")
