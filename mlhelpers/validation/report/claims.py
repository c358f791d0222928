"""Figures that somebody typed, held against the confusion matrix they are about.

Taught in lesson 5.5 (documenting validation); part of `mlhelpers.validation.report`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.validation.metrics import wilson_interval

_COUNTS = ("tp", "fp", "fn", "tn")
# Numerator and denominator of each share; f1 is none of rows, so it gets no Wilson interval.
_SHARES = {
    "accuracy": (("tp", "tn"), _COUNTS),
    "precision": (("tp",), ("tp", "fp")),
    "recall": (("tp",), ("tp", "fn")),
    "specificity": (("tn",), ("tn", "fp")),
    "prevalence": (("tp", "fn"), _COUNTS),
    "selection_rate": (("tp", "fp"), _COUNTS),
}
_WORDS = {
    "accuracy": "accuracy",
    "precision": "precision|positive predictive value|ppv",
    "recall": "recall|sensitivity|true positive rate|tpr",
    "specificity": "specificity|true negative rate|tnr",
    "f1": r"f1[- ]score|f1|f-score",
    "prevalence": "prevalence|base rate",
    "selection_rate": "selection[ _]rate",
}
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)(\s*%)?"


def figures_of_counts(matrix: Mapping[str, int] | Any) -> pd.DataFrame:
    """Every metric of a confusion matrix, with its 95% interval where it is a share of rows.

    Taught in lesson 5.5.

    Parameters
    ----------
    matrix : mapping or array-like of shape (2, 2)
        Counts tp, fp, fn, tn; or ``[[tn, fp], [fn, tp]]``, the order of scikit-learn.

    Returns
    -------
    DataFrame indexed by metric
        value, low, high: Wilson intervals, NaN for F1. A metric without a denominator is NaN.

    Raises
    ------
    ValueError
        If a count is missing, negative or not whole, or all are 0.
    """
    counts = _counts(matrix)
    rows = {}
    for metric, (top, bottom) in _SHARES.items():
        hits, n = (sum(counts[name] for name in names) for names in (top, bottom))
        low, high = wilson_interval(hits, n)
        rows[metric] = (hits / n if n else np.nan, float(low), float(high))
    beside = 2 * counts["tp"] + counts["fp"] + counts["fn"]
    rows["f1"] = (2 * counts["tp"] / beside if beside else np.nan, np.nan, np.nan)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"]).rename_axis(
        "metric"
    )


def claims_of(text: str) -> dict[str, str]:
    """Figures that a text claims, as they were typed.

    Taught in lesson 5.5. Finds a metric's name followed by a number: "accuracy: 0.85", "recall of 78%",
    "| precision | 0.82 |". Numbers that stand before their name are not found.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    dict of str to str
        From accuracy, precision, recall, specificity, f1, prevalence, selection_rate to the typed number.

    Raises
    ------
    ValueError
        If the text claims two different numbers for one metric.
    """
    found: dict[str, str] = {}
    for metric, words in _WORDS.items():
        pattern = rf"(?<![\w-])(?:{words})(?!\w)[\s:=|*]*(?:(?:is|was|of|about|roughly)\s+)?{_NUMBER}"
        for match in re.finditer(pattern, text, flags=re.IGNORECASE):
            typed = match[1] + (match[2] or "").strip()
            if found.setdefault(metric, typed) != typed:
                raise ValueError(f"the text claims {metric} {found[metric]} and {typed}")
    return found


def check_report(claims: str | Mapping[str, Any], matrix: Mapping[str, int] | Any) -> pd.DataFrame:
    """Say which typed figures contradict a confusion matrix.

    Taught in lesson 5.5. A figure agrees if the matrix gives it when rounded to the digits that were typed:
    0.71 agrees with 370 / 520, 0.72 does not.

    Parameters
    ----------
    claims : str or mapping
        A text, read by `claims_of`; or metric to typed figure, best as text so that "0.80" keeps two digits.
    matrix : mapping or array-like of shape (2, 2)
        As in `figures_of_counts`.

    Returns
    -------
    DataFrame
        Columns metric, claimed (as typed), value (of the matrix), low, high (95% interval), agrees,
        inside_interval (False if not even chance explains the claim; NaN where there is no interval).

    Raises
    ------
    ValueError
        If nothing is claimed, a metric is none of a confusion matrix, or a figure is no number from 0 to 1.
    """
    typed = claims_of(claims) if isinstance(claims, str) else {key: str(claims[key]) for key in claims}
    if not typed:
        raise ValueError(f"no claim found; give figures such as 'recall: 0.78' for {', '.join(_WORDS)}")
    truth = figures_of_counts(matrix)
    rows = []
    for metric, figure in typed.items():
        if metric not in truth.index:
            raise ValueError(
                f"{metric!r} does not follow from a confusion matrix; there are {', '.join(_WORDS)}"
            )
        number, half = _number(figure, metric)
        value, low, high = truth.loc[metric]
        inside = np.nan if np.isnan(low) else bool(low <= number + half and number - half <= high)
        rows.append(
            {
                "metric": metric,
                "claimed": figure,
                "value": value,
                "low": low,
                "high": high,
                "agrees": bool(abs(number - value) <= half + 1e-12),
                "inside_interval": inside,
            }
        )
    return pd.DataFrame(rows)


def implied_prevalence(accuracy: float, precision: float, recall: float) -> float:
    """Share of positives that three figures of one confusion matrix need.

    Taught in lesson 5.5. A report whose own counts have another share contradicts itself without any data.

    Parameters
    ----------
    accuracy, precision, recall : float
        In (0, 1]; precision and recall above 0.

    Returns
    -------
    float
        Above 1 if no data at all can give the three; NaN if precision and recall are 1, when any share does.

    Raises
    ------
    ValueError
        If a figure is outside its range.
    """
    for name, value in (("accuracy", accuracy), ("precision", precision), ("recall", recall)):
        if not 0 < value <= 1:
            raise ValueError(f"{name} must be above 0 and at most 1, got {value}")
    errors_per_positive = (1 - recall) + recall * (1 - precision) / precision
    return (1 - accuracy) / errors_per_positive if errors_per_positive else float("nan")


def _counts(matrix: Mapping[str, int] | Any) -> dict[str, int]:
    if isinstance(matrix, Mapping):
        absent = [name for name in _COUNTS if name not in matrix]
        if absent:
            raise ValueError(f"matrix: missing {', '.join(absent)}; give tp, fp, fn, tn")
        values = [matrix[name] for name in _COUNTS]
    else:
        array = np.asarray(matrix)
        if array.shape != (2, 2):
            raise ValueError(
                f"matrix must be [[tn, fp], [fn, tp]] or tp, fp, fn, tn; got shape {array.shape}"
            )
        values = [array[1, 1], array[0, 1], array[1, 0], array[0, 0]]
    for name, value in zip(_COUNTS, values, strict=True):
        if not float(value).is_integer() or value < 0:
            raise ValueError(f"matrix: {name} must be a whole number from 0 on, got {value}")
    if not sum(values):
        raise ValueError("matrix: no rows at all")
    return {name: int(value) for name, value in zip(_COUNTS, values, strict=True)}


def _number(figure: str, metric: str) -> tuple[float, float]:
    """Value of a typed figure and half a unit of its last digit."""
    text = figure.strip()
    scale = 100 if text.endswith("%") else 1
    try:
        number = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        raise ValueError(f"{metric}: {figure!r} is no number") from None
    if not number.is_finite() or not 0 <= number / scale <= 1:
        raise ValueError(f"{metric}: {figure!r} is not from 0 to 1, nor a percentage")
    half = Decimal(1).scaleb(min(int(number.as_tuple().exponent), 0)) / 2
    return float(number / scale), float(half / scale)
