"""A logistic regression behind any column-wise encoding as an ONNX graph on coded rows.

Taught in lesson 6.1 (serialization formats); part of `mlhelpers.packaging.onnx_export`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlhelpers.packaging.rows import RowReader

_CLOSE = 1e-9  # of the log-odds, relative to their size
_DECIMALS = 10  # of log-odds


class NotAdditive(ValueError):
    """The log-odds of a model are not a sum of one term for each column."""


@dataclass(frozen=True)
class Terms:
    """Log-odds as a sum: of a number its slope, of a category a table, of a gap a constant."""

    intercept: float
    slopes: np.ndarray  # one a column, 0 for categories
    missing: np.ndarray  # one a column
    tables: dict[int, np.ndarray]  # by column


def linear_graph(model: Any, signature: Sequence[Mapping[str, Any]], probes: np.ndarray) -> Any:
    """Convert a model whose log-odds are a sum of a term for each column.

    Imputation, scaling and one-hot encoding followed by a logistic regression are such a sum, whatever the
    steps are called. The terms are read off the model's own answers and proved on other rows.

    Parameters
    ----------
    model : fitted classifier
        With ``decision_function`` on a frame of the signature's columns.
    signature : sequence of mapping
        From `infer_signature`.
    probes : ndarray of shape (n_rows, n_columns)
        Codes on which the sum is compared with the model.

    Returns
    -------
    onnx.ModelProto
        From ``codes`` of shape (n_rows, n_columns) to ``probabilities`` of shape (n_rows, 2), float64.

    Raises
    ------
    NotAdditive
        If the sum is not the model's answer.
    """
    reader = RowReader(signature)

    def log_odds(codes: np.ndarray) -> np.ndarray:
        return np.asarray(model.decision_function(reader.decode(codes)), dtype=np.float64)

    terms = _terms(log_odds, signature)
    expected = log_odds(probes)
    if expected.ndim != 1:
        raise NotAdditive("more than two classes")
    apart = np.abs(_sum(terms, probes) - expected).max()
    if not apart <= _CLOSE * max(1.0, np.abs(expected).max()):
        raise NotAdditive(f"its log-odds are {apart:.2g} off a sum of one term for each column")
    return _graph(terms)


def _terms(log_odds: Any, signature: Sequence[Mapping[str, Any]]) -> Terms:
    base = np.array(
        [0.0 if column["type"] == "category" else float(column["min"]) for column in signature], dtype=float
    )
    rows, tables = [base], {}
    starts = []
    for at, column in enumerate(signature):
        starts.append(len(rows))
        tried = [np.nan] if column["nullable"] else []
        categories = column["categories"] or ()
        tried += range(len(categories)) if categories else [float(column["max"])]
        for value in tried:
            row = base.copy()
            row[at] = value
            rows.append(row)
    answers = log_odds(np.array(rows))
    if answers.ndim != 1:
        raise NotAdditive("more than two classes")
    at_base = float(answers[0])
    intercept, slopes, missing = at_base, np.zeros(len(signature)), np.zeros(len(signature))
    for at, (column, start) in enumerate(zip(signature, starts, strict=True)):
        if column["type"] == "category":
            first = start + bool(column["nullable"])
            tables[at] = answers[first : first + len(column["categories"])] - at_base
        else:
            width = float(column["max"]) - float(column["min"])
            last = start + bool(column["nullable"])
            slopes[at] = (answers[last] - at_base) / width if width > 0 else 0.0
            intercept -= slopes[at] * float(column["min"])
    for at, (column, start) in enumerate(zip(signature, starts, strict=True)):
        if column["nullable"]:
            missing[at] = answers[start] - at_base + slopes[at] * base[at]
    # the last bits differ from processor to processor, and the file's hash must not
    return Terms(
        round(intercept, _DECIMALS),
        np.array([float(f"{slope:.9e}") for slope in slopes.tolist()]),
        missing.round(_DECIMALS),
        {at: table.round(_DECIMALS) for at, table in tables.items()},
    )


def _sum(terms: Terms, codes: np.ndarray) -> np.ndarray:
    gaps = np.isnan(codes)
    found = terms.intercept + np.where(gaps, 0.0, codes) @ terms.slopes + gaps @ terms.missing
    for at, table in terms.tables.items():
        found += np.where(gaps[:, at], 0.0, table[np.where(gaps[:, at], 0, codes[:, at]).astype(int)])
    return found


def _graph(terms: Terms) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: Any, dtype: Any = np.float64) -> Any:
        return numpy_helper.from_array(np.asarray(value, dtype=dtype), name)

    places = [at for at, table in terms.tables.items() for _ in table]
    numbers = [code for table in terms.tables.values() for code in range(len(table))]
    constants = [
        constant("zero", 0.0),
        constant("none", -1.0),
        constant("one", 1.0),
        constant("intercept", terms.intercept),
        constant("slopes", terms.slopes[:, None]),
        constant("missing", terms.missing[:, None]),
    ]
    make = helper.make_node
    nodes = [
        make("IsNaN", ["codes"], ["gaps"]),
        make("Where", ["gaps", "zero", "codes"], ["filled"]),
        make("MatMul", ["filled", "slopes"], ["of_numbers"]),
        make("Cast", ["gaps"], ["gap_numbers"], to=TensorProto.DOUBLE),
        make("MatMul", ["gap_numbers", "missing"], ["of_gaps"]),
        make("Add", ["of_numbers", "of_gaps"], ["both"]),
        make("Add", ["both", "intercept"], ["with_intercept"]),
    ]
    last = "with_intercept"
    if places:
        constants += [
            constant("places", places, np.int64),
            constant("numbers", [numbers]),
            constant("tables", np.concatenate(list(terms.tables.values()))[:, None]),
        ]
        nodes += [
            make("Where", ["gaps", "none", "codes"], ["marked"]),
            make("Gather", ["marked", "places"], ["repeated"], axis=1),
            make("Equal", ["repeated", "numbers"], ["is_category"]),
            make("Cast", ["is_category"], ["category_numbers"], to=TensorProto.DOUBLE),
            make("MatMul", ["category_numbers", "tables"], ["of_categories"]),
            make("Add", [last, "of_categories"], ["log_odds"]),
        ]
        last = "log_odds"
    nodes += [
        make("Sigmoid", [last], ["positive"]),
        make("Sub", ["one", "positive"], ["negative"]),
        make("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    columns = len(terms.slopes)
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("codes", TensorProto.DOUBLE, [None, columns])],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
