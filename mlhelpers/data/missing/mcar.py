"""Little's test whether values are missing completely at random, with EM for the normal model behind it.

Taught in lesson 2.4 (data quality and missing data).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns

__all__ = ["McarTest", "little_mcar_test"]


@dataclass(frozen=True, repr=False)
class McarTest:
    """Result of Little's test.

    Attributes
    ----------
    statistic : float
        Sum over the patterns of the squared distance of their means from those of the normal model.
    df : int
        Degrees of freedom of the chi-squared distribution that it follows under MCAR.
    pvalue : float
        Probability of a statistic at least as large when values are missing completely at random.
    patterns : DataFrame of shape (n_patterns, 3)
        One row per pattern of gaps: missing (names of the missing columns), rows, contribution to the
        statistic; the largest contribution first.
    means : Series of shape (n_columns,)
        Means that EM estimates from all rows; under MCAR and MAR they estimate the means without gaps.
    iterations : int
        Rounds of EM.
    """

    statistic: float
    df: int
    pvalue: float
    patterns: pd.DataFrame
    means: pd.Series
    iterations: int

    def __str__(self) -> str:
        verdict = "not MCAR" if self.pvalue < 0.05 else "nothing speaks against MCAR"
        p = "p < 0.0001" if self.pvalue < 0.0001 else f"p = {self.pvalue:.4f}"
        return f"Little's test: {self.statistic:.1f} on {self.df} degrees of freedom, {p}: {verdict}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self), quote=False)}</p>" + self.patterns.head(8).round(1).to_html(
            index=False
        )


def little_mcar_test(frame: pd.DataFrame, *, max_iter: int = 500, tolerance: float = 1e-7) -> McarTest:
    """Test whether the gaps of numeric columns are missing completely at random (MCAR).

    Taught in lesson 2.4. Rows with the same gaps form a pattern. Under MCAR the means of every pattern
    estimate the same means, which EM for the multivariate normal distribution finds from all rows together. A
    small p-value speaks against MCAR. A large one does not prove it, and no test on the observed values can
    tell MAR from MNAR.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Numeric columns only, at least two; gaps as NaN. Columns without gaps belong in it: they are what the
        patterns are compared by. Rows without any value are left out.
    max_iter : int, default=500
        Largest number of rounds of EM.
    tolerance : float, default=1e-7
        EM has converged when no mean and no covariance of the standardized columns changes by more.

    Returns
    -------
    McarTest

    Raises
    ------
    TypeError
        If `frame` is not a DataFrame or a column is not numeric.
    ValueError
        If there are fewer than two columns, nothing is missing, a column is empty, constant or infinite, all
        rows have one pattern, the columns determine each other, or EM does not converge.

    Notes
    -----
    The distribution is that of large samples: with patterns of a few rows, merge or leave out columns. Only
    differences of means are seen, not those of spread, and strongly skewed columns make the test reject too
    often in small samples; take logarithms first.

    References
    ----------
    .. [1] R. J. A. Little, "A test of missing completely at random for multivariate data with missing
       values", Journal of the American Statistical Association 83, 1988, pages 1198-1202.
    """
    from scipy.stats import chi2

    values, names = _numbers(frame)
    center, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    values = (values - center) / scale
    groups = _patterns(values)
    if len(groups) == 1:
        raise ValueError(
            "all rows have the same gaps, so there is nothing to compare; add columns without gaps"
        )
    mean, covariance, iterations = _em(groups, values.shape[1], max_iter, tolerance)
    rows = []
    for seen, count, average, _ in groups:
        difference = average - mean[seen]
        distance = count * difference @ np.linalg.solve(covariance[np.ix_(seen, seen)], difference)
        missing = ", ".join(np.array(names)[~seen]) or "nothing"
        rows.append((missing, count, float(distance)))
    table = pd.DataFrame(rows, columns=["missing", "rows", "contribution"])
    statistic = float(table["contribution"].sum())
    df = int(sum(seen.sum() for seen, *_ in groups) - len(names))
    table = table.sort_values("contribution", ascending=False, kind="stable", ignore_index=True)
    means = pd.Series(mean * scale + center, index=names, name="mean")
    return McarTest(statistic, df, float(chi2.sf(statistic, df)), table, means, iterations)


def _numbers(frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}")
    require_unique_columns(frame)
    for name, dtype in frame.dtypes.items():
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
            raise TypeError(
                f"column {name!r} is {dtype}, not numeric; leave it out or turn it into indicators"
            )
    if frame.shape[1] < 2:
        raise ValueError(
            f"the test compares columns with each other; give at least two, got {frame.shape[1]}"
        )
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isnan(values).any():
        raise ValueError("no value is missing, so there is nothing to test")
    for name, column in zip(frame.columns, values.T, strict=True):
        known = column[~np.isnan(column)]
        if not known.size:
            raise ValueError(f"column {name!r} is empty; leave it out")
        if np.isinf(known).any():
            raise ValueError(f"column {name!r} holds infinite values; replace them by NaN first")
        if known.min() == known.max():
            raise ValueError(f"column {name!r} is constant where it is known; leave it out")
    return values[~np.isnan(values).all(axis=1)], [str(name) for name in frame.columns]


def _patterns(values: np.ndarray) -> list[tuple[np.ndarray, int, np.ndarray, np.ndarray]]:
    """Each pattern's seen columns, number of rows, means and scatter around them: all that EM needs."""
    patterns, codes = np.unique(~np.isnan(values), axis=0, return_inverse=True)
    found = []
    for number, seen in enumerate(patterns):
        known = values[codes.ravel() == number][:, seen]
        average = known.mean(axis=0)
        found.append((seen, len(known), average, (known - average).T @ (known - average)))
    return found


def _em(groups: list, width: int, max_iter: int, tolerance: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Maximum likelihood mean and covariance of a normal distribution from rows with gaps."""
    mean, covariance = np.zeros(width), np.eye(width)
    total = sum(count for _, count, _, _ in groups)
    for iteration in range(1, max_iter + 1):
        first, second = np.zeros(width), np.zeros((width, width))
        for seen, count, average, scatter in groups:
            inner = covariance[np.ix_(seen, seen)]
            # A complete row from its known part: the identity above the regression on that part.
            complete = np.zeros((width, int(seen.sum())))
            complete[seen] = np.eye(int(seen.sum()))
            complete[~seen] = np.linalg.solve(inner, covariance[np.ix_(seen, ~seen)]).T
            expected = mean + complete @ (average - mean[seen])
            first += count * expected
            second += complete @ scatter @ complete.T + count * np.outer(expected, expected)
            rest = covariance[np.ix_(~seen, ~seen)] - complete[~seen] @ covariance[np.ix_(seen, ~seen)]
            second[np.ix_(~seen, ~seen)] += count * rest
        new_mean = first / total
        new_covariance = second / total - np.outer(new_mean, new_mean)
        if np.linalg.eigvalsh(new_covariance)[0] < 1e-9:
            raise ValueError(
                "the columns determine each other (their covariance is singular); leave out sums and copies"
            )
        change = max(np.abs(new_mean - mean).max(), np.abs(new_covariance - covariance).max())
        mean, covariance = new_mean, new_covariance
        if change < tolerance:
            return mean, covariance, iteration
    raise ValueError(
        f"EM has not converged after {max_iter} rounds (last change {change:.1e}); raise max_iter, or leave "
        "out columns that are seldom known together"
    )
