"""One column of both sides of a split: hashes, codes, and the AUC that it reaches alone.

Used by the scan of lesson 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlhelpers.validation.splits.size import auc_standard_error

__all__ = ["BothSides", "FeatureScore", "auc_of_numbers", "score_feature"]

SMOOTHING = 10  # rows of the overall rate that are added to each category


class BothSides:
    """A column of the training rows followed by the test rows."""

    def __init__(self, train: pd.Series, test: pd.Series) -> None:
        self.n_train = len(train)
        both = pd.concat([train, test], ignore_index=True)
        self._codes, self._values = None, None
        self.numeric = pd.api.types.is_numeric_dtype(both) or pd.api.types.is_datetime64_any_dtype(both)
        if self.numeric:
            if pd.api.types.is_datetime64_any_dtype(both):
                numbers = both.astype("int64").to_numpy().astype(float)
                numbers[both.isna().to_numpy()] = np.nan
            else:
                numbers = both.to_numpy(dtype=float, na_value=np.nan)
            self.numbers = numbers + 0.0  # -0.0 becomes 0.0
            self.gaps = np.isnan(numbers)
            self.ordered = np.sort(numbers[~self.gaps] if self.gaps.any() else self.numbers)
            self.n_values = int(len(self.ordered) > 0) + int((self.ordered[1:] != self.ordered[:-1]).sum())
            self.whole = bool(
                self.n_values and np.isfinite(self.ordered[[0, -1]]).all() and not (self.ordered % 1).any()
            )
            if pd.api.types.is_integer_dtype(both) and _beyond_float(both):
                self._codes, self._values = pd.factorize(both)  # as floats, long ids would be alike
                self.n_values = len(self._values)
        else:
            self._codes, self._values = pd.factorize(_plain(both))
            self.gaps = self._codes < 0
            self.n_values, self.whole = len(self._values), True
        self.n_gaps = int(self.gaps.sum())

    def codes(self) -> np.ndarray:
        """Number of each row's value; -1 for a gap."""
        return pd.factorize(self.numbers)[0] if self._codes is None else self._codes

    def hashes(self) -> np.ndarray:
        """64 bits that are the same for the same value; all gaps are alike."""
        if self._codes is None:
            numbers = np.where(self.gaps, np.nan, self.numbers)  # one bit pattern for NaN
            return pd.util.hash_array(numbers, categorize=False)
        # an array of text takes for every value as much room as for the longest
        texts = np.array([str(value) for value in self._values], dtype=object)
        values = pd.util.hash_array(texts, categorize=False)
        return np.append(values, np.uint64(7))[self._codes]  # code -1 picks the last


def _beyond_float(whole: pd.Series) -> bool:
    """Whether a whole number is so large that a float does not hold it exactly."""
    known = whole.dropna()
    return bool(len(known)) and max(abs(int(known.min())), abs(int(known.max()))) > 2**53


def _plain(column: pd.Series) -> pd.Series:
    """Values that can be told apart: unhashable ones, such as lists, as text."""
    try:
        pd.factorize(column.head(1000))
    except TypeError:
        return column.map(repr)
    return column


@dataclass(frozen=True)
class FeatureScore:
    """AUC of one feature alone, turned so that it is at least 0.5, with the lower end of its 95% interval."""

    column: str
    kind: str
    auc: float
    low: float
    by_gaps: bool


def auc_of_numbers(ordered: np.ndarray, positives: np.ndarray, n_negatives: int) -> float:
    """AUC from the sorted values of all rows and the values of the positives."""
    positives = np.sort(positives)  # sorted needles are looked up faster
    below = np.searchsorted(ordered, positives, side="left")
    upto = np.searchsorted(ordered, positives, side="right")
    n_positives = len(positives)
    ranks = (below + upto + 1).sum() / 2
    return float((ranks - n_positives * (n_positives + 1) / 2) / (n_positives * n_negatives))


def _auc_of_counts(rates: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> float:
    """AUC of a score with few different values, from the counts of each."""
    order = np.argsort(rates, kind="stable")
    rates, positives, negatives = rates[order], positives[order], negatives[order]
    starts = np.flatnonzero(np.append(True, rates[1:] != rates[:-1]))
    p, n = np.add.reduceat(positives, starts), np.add.reduceat(negatives, starts)
    below = np.cumsum(n) - n
    return float((p * (below + n / 2)).sum() / (p.sum() * n.sum()))


def score_feature(column: BothSides, name: str, y: np.ndarray) -> FeatureScore:
    """Score a feature by itself: numbers by ranks, categories by training rates on the test rows.

    Parameters
    ----------
    column : BothSides
    name : str
    y : ndarray of bool, shape (n_train + n_test,)
        Labels.
    """
    n_rows = len(y)
    if not column.numeric:
        codes, size = column.codes() + 1, column.n_values + 1  # gaps are a category
        inside = np.arange(n_rows) < column.n_train
        key = codes + size * (2 * inside + y)
        (n_test, p_test), (n_train, p_train) = np.bincount(key, minlength=4 * size).reshape(2, 2, size)
        overall = p_train.sum() / column.n_train
        rates = (p_train + SMOOTHING * overall) / (p_train + n_train + SMOOTHING)
        auc = _auc_of_counts(rates, p_test.astype(float), n_test.astype(float))
        return _scored(name, "category", auc, p_test.sum(), n_test.sum(), turned=False, by_gaps=False)
    n_positives = int(y.sum())
    n_negatives = n_rows - n_positives
    gaps = column.n_gaps
    gaps_positive = int((y & column.gaps).sum()) if gaps else 0
    # A gap ranks below every number: add what it loses against numbers, and half for ties among gaps.
    known, negatives = n_positives - gaps_positive, n_negatives - (gaps - gaps_positive)
    inner = 0.0
    if known and negatives:
        inner = auc_of_numbers(column.ordered, column.numbers[y & ~column.gaps], negatives)
    won = inner * known * negatives
    won += known * (gaps - gaps_positive) + gaps_positive * (gaps - gaps_positive) / 2
    auc = won / (n_positives * n_negatives)
    of_gaps = 0.5 + (gaps_positive / n_positives - (gaps - gaps_positive) / n_negatives) / 2
    by_gaps = abs(of_gaps - 0.5) > abs(auc - 0.5)
    return _scored(
        name, "number", of_gaps if by_gaps else auc, n_positives, n_negatives, turned=True, by_gaps=by_gaps
    )


def _scored(
    name: str, kind: str, auc: float, n_positives: int, n_negatives: int, *, turned: bool, by_gaps: bool
) -> FeatureScore:
    auc = max(auc, 1 - auc) if turned else max(auc, 0.5)
    low = auc - 1.96 * auc_standard_error(auc, n_positives, n_negatives)
    return FeatureScore(name, kind, auc, low, by_gaps)
