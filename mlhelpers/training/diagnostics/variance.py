"""Squared error taken apart into bias, variance and noise by drawing many training sets.

Taught in lesson 4.5 (over- and underfitting).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["BiasVariance", "bias_variance", "plot_bias_variance"]


@dataclass(frozen=True, repr=False)
class BiasVariance:
    """The parts of a model's expected squared error.

    Taught in lesson 4.5.

    Attributes
    ----------
    table : DataFrame
        Rows bias2, variance, noise and error (measured on fresh labels), columns value, low, high. bias2 and
        variance are unbiased estimates, so a bias2 near 0 may come out slightly negative. noise is given.
    points : DataFrame of shape (n_test, 5)
        truth, mean prediction, bias2, variance and noise of each test point.
    predictions : ndarray of shape (n_sets, n_test)
        Predictions of the model of each training set.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    points: pd.DataFrame
    predictions: np.ndarray
    level: float

    @property
    def total(self) -> float:
        """bias2 + variance + noise: what the error must be, up to chance."""
        return float(self.table.loc[["bias2", "variance", "noise"], "value"].sum())

    def _title(self) -> str:
        n_sets, n_test = self.predictions.shape
        return f"{n_sets} training sets, {n_test} test points, {self.level:.0%} intervals (jackknife)"

    def __str__(self) -> str:
        return f"{self._title()}\n{self.table.round(3).to_string()}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{self.table.round(3).to_html()}"


def bias_variance(
    model: Any,
    data: Callable[[np.random.Generator], tuple[Any, Any]] | tuple[Any, Any],
    X_test: Any,
    truth: Any,
    *,
    noise_sd: Any = 0.0,
    n_sets: int = 100,
    level: float = 0.95,
    random_state: int = 0,
) -> BiasVariance:
    """Fit a regressor on many training sets and take its squared error at fixed points apart.

    Taught in lesson 4.5. At a point x with truth f(x) the expected error of a fresh label, over training
    sets, is (E[h(x)] - f(x))^2 + Var[h(x)] + noise. The error is measured too, on labels drawn anew for
    each set, so that the sum can be checked against it.

    Parameters
    ----------
    model : regressor
        Cloned for each training set.
    data : callable or pair (X, y)
        Function of a random generator that draws a training set (X, y), or one training set that is
        resampled with replacement. The bootstrap knows only the rows of that one set: its variance is an
        estimate, and its bias is that of a model fitted on fewer different rows.
    X_test : array-like of shape (n_test, n_columns)
        Points at which the error is taken apart.
    truth : array-like of shape (n_test,)
        Expected label at each point.
    noise_sd : float or array-like of shape (n_test,), default=0
        Standard deviation of a label around `truth`.
    n_sets : int, default=100
        Number of training sets.
    level : float, default=0.95
        Coverage of the intervals.
    random_state : int, default=0
        Seed of training sets and fresh labels.

    Returns
    -------
    BiasVariance

    Raises
    ------
    ValueError
        If `n_sets` is below 3, `truth` or `noise_sd` do not fit `X_test`, or `level` is no coverage.
    TypeError
        If `data` is neither a function nor a pair.
    """
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    truth, noise_sd = _checked(X_test, truth, noise_sd, n_sets, level)
    draw = _drawer(data)
    rng = np.random.default_rng(random_state)
    predictions = np.empty((n_sets, len(truth)))
    fresh = np.empty(n_sets)
    with threadpool_limits(limits=1):
        for number in range(n_sets):
            X, y = draw(rng)
            predictions[number] = np.asarray(clone(model).fit(X, y).predict(X_test)).reshape(len(truth))
            labels = truth + noise_sd * rng.standard_normal(len(truth))
            fresh[number] = np.mean((labels - predictions[number]) ** 2)
    return _parts(predictions, truth, noise_sd, fresh, level)


def _parts(
    predictions: np.ndarray, truth: np.ndarray, noise_sd: np.ndarray, fresh: np.ndarray, level: float
) -> BiasVariance:
    n = len(predictions)
    away = predictions - truth
    total, squares = away.sum(axis=0), (away**2).sum(axis=0)
    # The mean over pairs of different sets is free of the variance that (mean prediction - truth)^2 carries.
    bias2 = (total**2 - squares) / (n * (n - 1))
    variance = predictions.var(axis=0, ddof=1)
    left_bias = (((total - away) ** 2 - (squares - away**2)) / ((n - 1) * (n - 2))).mean(axis=1)
    left_reducible = (squares.mean() - (away**2).mean(axis=1)) / (n - 1)
    noise = noise_sd**2
    found = {
        "bias2": _jackknife(bias2.mean(), left_bias, level),
        "variance": _jackknife(variance.mean(), left_reducible - left_bias, level),
        "noise": (float(noise.mean()),) * 3,
        "error": _jackknife(fresh.mean(), (fresh.sum() - fresh) / (n - 1), level),
    }
    table = pd.DataFrame.from_dict(found, orient="index", columns=["value", "low", "high"])
    points = pd.DataFrame(
        {
            "truth": truth,
            "mean_prediction": predictions.mean(axis=0),
            "bias2": bias2,
            "variance": variance,
            "noise": noise,
        }
    )
    return BiasVariance(table, points, predictions, level)


def _jackknife(value: float, left_out: np.ndarray, level: float) -> tuple[float, float, float]:
    from scipy.stats import t

    n = len(left_out)
    half = float(t.ppf((1 + level) / 2, n - 1) * np.sqrt((n - 1) * left_out.var()))
    return float(value), float(value) - half, float(value) + half


def _checked(X_test: Any, truth: Any, noise_sd: Any, n_sets: int, level: float):
    truth = np.asarray(truth, dtype=np.float64)
    if truth.ndim != 1 or len(truth) != len(X_test) or not len(truth):
        raise ValueError(f"truth must have one value for each of the {len(X_test)} rows of X_test")
    try:
        noise_sd = np.broadcast_to(np.asarray(noise_sd, dtype=np.float64), truth.shape)
    except ValueError as error:
        raise ValueError("noise_sd must be one number or one for each row of X_test") from error
    if not (noise_sd >= 0).all():
        raise ValueError("noise_sd must be at least 0")
    if not isinstance(n_sets, int | np.integer) or n_sets < 3:
        raise ValueError(f"n_sets must be a whole number of at least 3, got {n_sets!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    return truth, noise_sd


def _drawer(data: Any) -> Callable[[np.random.Generator], tuple[Any, Any]]:
    if callable(data):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"data must be a function of a random generator or a pair (X, y), got {type(data)}")
    X, y = data[0], np.asarray(data[1])
    if len(X) != len(y):
        raise ValueError(f"data: X has {len(X)} rows and y has {len(y)}")

    def resample(rng: np.random.Generator) -> tuple[Any, Any]:
        rows = rng.integers(0, len(y), len(y))
        return (X.iloc[rows] if hasattr(X, "iloc") else np.asarray(X)[rows]), y[rows]

    return resample


def plot_bias_variance(results: Mapping[Any, BiasVariance], *, ax: Any = None) -> Any:
    """Draw the three parts of several models as stacked bars, and the measured error as points.

    Taught in lesson 4.5.

    Parameters
    ----------
    results : mapping of label to BiasVariance
        At least one.
    ax : matplotlib Axes, optional
        Default is the axes of a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `results` is empty.
    """
    import matplotlib.pyplot as plt

    if not results:
        raise ValueError("results is empty; give at least one")
    ax = plt.subplots()[1] if ax is None else ax
    tables = [result.table for result in results.values()]
    x, bottom = np.arange(len(tables)), np.zeros(len(tables))
    for name, label in (("noise", "noise"), ("bias2", "bias²"), ("variance", "variance")):
        heights = np.array([max(table.loc[name, "value"], 0.0) for table in tables])
        ax.bar(x, heights, bottom=bottom, width=0.6, label=label)
        bottom += heights
    error = np.array([table.loc["error", ["value", "low", "high"]] for table in tables], dtype=float)
    ax.errorbar(
        x, error[:, 0], np.abs(error[:, 1:] - error[:, :1]).T, fmt="o", color="black", markersize=4,
        capsize=3, label="measured error",
    )  # fmt: skip
    ax.set_xticks(x, [str(label) for label in results])
    ax.set(ylabel="expected squared error", title="Bias, variance and noise add up to the error")
    ax.legend()
    return ax
