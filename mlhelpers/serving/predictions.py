"""Probabilities of a bundle in the forms in which they leave the service: JSON and CSV.

Taught in lesson 7.2 (REST APIs). A bundle without classes answers a row with a number, one
with classes with the name of the most probable class and the probability of each.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import orjson

from mlhelpers.packaging.outputs import most_probable

_DIGITS = 9


def named(probabilities: np.ndarray, classes: Sequence[str]) -> list[str]:
    """Most probable class of each row."""
    return [classes[at] for at in most_probable(probabilities).tolist()]


def answered(probabilities: np.ndarray, classes: Sequence[str] | None) -> np.ndarray:
    """Probability that stands for the answer to each row, shape (n_rows,): that of the class named."""
    return probabilities if classes is None else probabilities.max(axis=1, initial=0.0)


def predict_fields(probabilities: np.ndarray, classes: Sequence[str] | None) -> bytes:
    """Value of ``probabilities`` in an answer of ``/v1/predict``, and ``classes`` after it."""
    if classes is None:
        return orjson.dumps([round(value, _DIGITS) for value in probabilities.tolist()])
    return (
        orjson.dumps(_maps(probabilities, classes))
        + b',"classes":'
        + orjson.dumps(named(probabilities, classes))
    )


def invocation_predictions(probabilities: np.ndarray, classes: Sequence[str] | None) -> bytes:
    """Value of ``predictions`` in an answer of ``/invocations``: a number a row, or its class with all."""
    if classes is None:
        return predict_fields(probabilities, None)
    rows = zip(named(probabilities, classes), _maps(probabilities, classes), strict=True)
    return orjson.dumps([{"class": name, "probabilities": each} for name, each in rows])


def invocation_csv(probabilities: np.ndarray, classes: Sequence[str] | None) -> bytes:
    """A line a row without a header: the probability, or the class and the probability of each."""
    if classes is None:
        return "".join(f"{value:.9g}\n" for value in probabilities.tolist()).encode()
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for name, values in zip(named(probabilities, classes), probabilities.tolist(), strict=True):
        lines.writerow([name, *(f"{value:.9g}" for value in values)])
    return text.getvalue().encode()


def _maps(probabilities: np.ndarray, classes: Sequence[str]) -> list[dict[str, float]]:
    return [
        dict(zip(classes, [round(value, _DIGITS) for value in row], strict=True))
        for row in probabilities.tolist()
    ]
