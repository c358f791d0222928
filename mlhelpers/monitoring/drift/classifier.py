"""The classifier two-sample test: whether a model can tell the batch from the reference.

Taught in lesson 9.1 (data drift and model drift).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.monitoring.drift.distances import TestResult
from mlhelpers.monitoring.profiles.categories import labels_of
from mlhelpers.monitoring.profiles.numbers import numbers_of

__all__ = ["classifier_two_sample"]


def classifier_two_sample(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    max_rows: int = 10_000,
    max_iter: int = 50,
    random_state: int | np.random.Generator | None = 0,
) -> TestResult:
    """Test all columns together by training a classifier to tell the two samples apart.

    Taught in lesson 9.1. Sees what no column shows by itself, such as a correlation that broke. Half of the
    rows train gradient-boosted trees; on the other half the ROC-AUC of "comes from the batch" is the
    statistic, and the Mann-Whitney test of it gives the p-value.

    Parameters
    ----------
    reference, current : DataFrame of shape (n_reference, n_columns), (n_current, n_columns)
        Frames to compare; at least 20 rows each.
    numeric, categorical : sequence of str
        Columns to use. A missing value is information too.
    max_rows : int, default=10000
        Rows drawn from each frame if it has more.
    max_iter : int, default=50
        Trees.
    random_state : int, Generator or None, default=0
        Source of the draws and of the split.

    Returns
    -------
    TestResult
        statistic (ROC-AUC on held-out rows, 0.5 without drift), p (one-sided) and effect,
        ``max(0, 2 AUC - 1)``.

    Raises
    ------
    ValueError
        If a frame has fewer than 20 rows, a column is missing or none is given.

    References
    ----------
    .. [1] D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
    """
    from scipy.stats import mannwhitneyu
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = [*numeric, *categorical]
    for what, frame in (("reference", reference), ("current", current)):
        require_unique_columns(frame, what)
    absent = [name for name in names for frame in (reference, current) if name not in frame]
    if absent or not names:
        raise ValueError(f"columns missing from reference or current: {', '.join(absent) or 'none given'}")
    if min(len(reference), len(current)) < 20:
        raise ValueError(f"need at least 20 rows each, got {len(reference)} and {len(current)}")
    rng = np.random.default_rng(random_state)
    drawn, halves = [], []
    for frame in (reference, current):
        rows = rng.permutation(len(frame))[:max_rows]
        part = frame[names].iloc[rows]
        parts = {name: numbers_of(part[name]) for name in numeric}
        parts |= {name: labels_of(part[name]) for name in categorical}
        drawn.append(pd.DataFrame(parts, columns=names))
        halves.append(np.arange(len(rows)) % 2 == 0)  # both samples are split alike
    both = pd.concat(drawn, ignore_index=True)
    y, training = np.repeat([0, 1], [len(part) for part in drawn]), np.concatenate(halves)
    for name in categorical:
        both[name] = _codes(both[name], training)
    model = HistGradientBoostingClassifier(
        max_iter=max_iter,
        categorical_features=[name in categorical for name in names],
        class_weight="balanced",
        early_stopping=False,
        random_state=int(rng.integers(2**31)),
    )
    model.fit(both[training], y[training])
    score = model.predict_proba(both[~training])[:, 1]
    held = y[~training]
    result = mannwhitneyu(score[held == 1], score[held == 0], alternative="greater", method="asymptotic")
    auc = float(result.statistic) / ((held == 1).sum() * (held == 0).sum())
    return TestResult(float(auc), float(result.pvalue), float(max(0.0, 2 * auc - 1)))


def _codes(column: pd.Series, training: np.ndarray) -> pd.Series:
    """Number of each category; the 250 most frequent of the training half have their own (at most 255)."""
    text = column.astype(object).where(column.notna(), None)
    frequent = text[training].value_counts().index[:250]
    codes = pd.Series(frequent.get_indexer(text), index=column.index, dtype="float64")
    codes[(codes < 0) & column.notna()] = len(frequent)
    return codes.where(codes >= 0)
