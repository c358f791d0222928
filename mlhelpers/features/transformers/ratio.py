"""Ratios of two columns that stay finite: what to do about a denominator of zero is decided, not hoped.

Taught in lesson 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.features.base import ColumnTransform, position
from mlhelpers.features.cleaning.base import measures

__all__ = ["RatioTransformer"]

_AUTO_SHARE = 1e-3


class RatioTransformer(ColumnTransform):
    """Ratios of pairs of columns, with a rule for denominators that mean nothing.

    Taught in lesson 3.3. A denominator is safe if it is at least `smallest` (with ``negative="keep"`` also if
    it is at most minus that) and not 0. The ratio of the others depends on `unsafe`:

    ==============================  ====================  =========================================
    denominator                     ``unsafe="missing"``  ``unsafe="cap"``
    ==============================  ====================  =========================================
    zero, or below `smallest`       NaN                   upper limit; lower limit if the numerator
                                                          is negative; NaN if it is 0
    negative and not safe           NaN                   NaN: such ratios have no order
    missing, or numerator missing   NaN                   NaN
    ==============================  ====================  =========================================

    Parameters
    ----------
    pairs : sequence of (numerator, denominator), mapping of str to such a pair, or None, default=None
        Columns by name or place; the keys of a mapping name the output, otherwise it is called
        ``{numerator}_per_{denominator}``. None divides each column by the next one.
    smallest : float or "auto", default="auto"
        Least denominator that counts, in its unit. "auto" learns a thousandth of the median positive
        denominator of each pair, so that a ratio is at most 1000 times what a typical denominator gives.
    negative : {"unsafe", "keep"}, default="unsafe"
        "keep" takes a negative denominator for an amount like any other.
    unsafe : {"missing", "cap"}, default="missing"
        "cap" holds *every* ratio between limits that are quantiles of the safe ratios of the training data.
    quantiles : (float, float), default=(0.01, 0.99)
        Of these limits.
    indicator : bool, default=False
        Add one column a pair, ``{name}_is_unsafe``: 1 where no safe denominator or no numerator is known.

    Attributes
    ----------
    smallest_ : ndarray of shape (n_pairs,)
        Units of the denominators.
    limits_ : ndarray of shape (n_pairs, 2)
        Learned whether `unsafe` uses them or not; NaN if no training ratio is safe.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had names.

    Raises
    ------
    ValueError
        If a parameter or column is not known, a name comes twice, or a value is infinite or no number.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str | int, str | int]]
        | Mapping[str, tuple[str | int, str | int]]
        | None = None,
        *,
        smallest: float | str = "auto",
        negative: str = "unsafe",
        unsafe: str = "missing",
        quantiles: tuple[float, float] = (0.01, 0.99),
        indicator: bool = False,
    ):
        self.pairs = pairs
        self.smallest = smallest
        self.negative = negative
        self.unsafe = unsafe
        self.quantiles = quantiles
        self.indicator = indicator

    def fit(self, X: Any, y: Any = None) -> RatioTransformer:
        """Learn the least denominators and the limits.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
        y : None
            Not used.

        Returns
        -------
        RatioTransformer
        """
        frame = self._frame(X, fit=True)
        self._check_parameters()
        pairs = self._pairs(frame)
        smallest, limits = np.zeros(len(pairs)), np.full((len(pairs), 2), np.nan)
        for k, (top, bottom) in enumerate(self._columns(frame, pairs)):
            size = np.abs(bottom) if self.negative == "keep" else bottom
            with np.errstate(invalid="ignore"):
                typical = size[size > 0]
            if self.smallest != "auto":
                smallest[k] = self.smallest
            elif len(typical):
                smallest[k] = _AUTO_SHARE * np.median(typical)
            ratio = self._divide(top, bottom, smallest[k])[0]
            ratio = ratio[~np.isnan(ratio)]
            if len(ratio):
                limits[k] = np.quantile(ratio, self.quantiles)
        self.smallest_, self.limits_ = smallest, limits
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Ratios, then the indicators if asked for: float64 of shape (n_rows, n_pairs) or twice as many."""
        frame = self._frame(X)
        ratios, flags = [], []
        for k, (top, bottom) in enumerate(self._columns(frame, self._pairs(frame))):
            ratio, is_safe = self._divide(top, bottom, self.smallest_[k])
            if self.unsafe == "cap":
                low, high = self.limits_[k]
                endless = ~is_safe & (bottom >= 0)
                ratio = np.where(endless & (top > 0), high, np.where(endless & (top < 0), low, ratio))
                ratio = np.clip(ratio, low, high)
            ratios.append(ratio)
            flags.append(~is_safe)
        return np.column_stack(ratios + flags if self.indicator else ratios).astype(np.float64)

    def _divide(self, top: np.ndarray, bottom: np.ndarray, smallest: float) -> tuple[np.ndarray, np.ndarray]:
        size = np.abs(bottom) if self.negative == "keep" else bottom
        is_safe = (size >= smallest) & (size > 0) & ~np.isnan(top)  # a comparison with NaN is False
        with np.errstate(over="ignore"):
            ratio = np.divide(top, bottom, out=np.full(len(top), np.nan), where=is_safe)
        is_safe &= np.isfinite(ratio)
        return np.where(is_safe, ratio, np.nan), is_safe

    def _pairs(self, frame: pd.DataFrame) -> list[tuple[int, int]]:
        if self.pairs is None:
            if frame.shape[1] < 2:
                raise ValueError(f"X has {frame.shape[1]} feature(s), a ratio needs 2; give pairs")
            return [(k, k + 1) for k in range(frame.shape[1] - 1)]
        given = self.pairs.values() if isinstance(self.pairs, Mapping) else self.pairs
        pairs = []
        for pair in given:
            if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
                raise ValueError(f"pairs: {pair!r} is no (numerator, denominator)")
            pairs.append(tuple(position(frame, column, "pairs") for column in pair))
        if not pairs:
            raise ValueError("pairs is empty; give at least one (numerator, denominator)")
        names = self._pair_names([str(name) for name in frame.columns], pairs)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"pairs: {', '.join(twice)} would come twice; name them with a mapping")
        return pairs

    def _pair_names(self, names: Sequence[str], pairs: list[tuple[int, int]]) -> list[str]:
        if isinstance(self.pairs, Mapping):
            return [str(name) for name in self.pairs]
        return [f"{names[top]}_per_{names[bottom]}" for top, bottom in pairs]

    @staticmethod
    def _columns(frame: pd.DataFrame, pairs: list[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
        used = {place: measures(frame, place) for pair in pairs for place in pair}
        return [(used[top], used[bottom]) for top, bottom in pairs]

    def _names_out(self, names: Sequence[str]) -> Sequence[str]:
        frame = pd.DataFrame(columns=self._names_in())
        pairs = self._pair_names(names, self._pairs(frame))
        return pairs + [f"{name}_is_unsafe" for name in pairs] if self.indicator else pairs

    def _check_parameters(self) -> None:
        for name, allowed in (("negative", ("unsafe", "keep")), ("unsafe", ("missing", "cap"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r} must be one of {', '.join(allowed)}")
        if self.smallest != "auto" and not (
            isinstance(self.smallest, int | float) and 0 <= self.smallest < np.inf
        ):
            raise ValueError(f"smallest={self.smallest!r} must be 'auto' or a number that is at least 0")
        low, high = self.quantiles
        if not 0 <= low < high <= 1:
            raise ValueError(f"quantiles={self.quantiles!r} must be two rising shares between 0 and 1")
