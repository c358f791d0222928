"""The service's OpenAPI document, made from the bundle's signature.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from mlhelpers.packaging.bundle import Bundle
from mlhelpers.serving.answers import TITLES

_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "row": {"type": "integer", "minimum": 0},
                    "column": {"type": ["string", "null"]},
                    "problem": {"type": "string"},
                },
                "required": ["row", "column", "problem"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "instance"],
}
_MODEL = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("name", "version", "bundle")},
    "required": ["name", "version", "bundle"],
}
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_CHANGED = {"type": "array", "items": _PROBLEM["properties"]["problems"]["items"]}


def openapi_document(bundle: Bundle, *, max_rows: int, max_explained: int, keys: bool) -> dict[str, Any]:
    """OpenAPI 3.1 document of the service.

    Taught in lesson 7.2.

    Parameters
    ----------
    bundle : Bundle
        Whose signature describes a row.
    max_rows, max_explained : int
        Most rows of a request.
    keys : bool
        Whether an API key is asked for.

    Returns
    -------
    dict
    """
    row = _row_schema(bundle)
    example = bundle.example["request"]
    classes = bundle.classes
    if classes is None:
        answers = {"type": "array", "items": _PROBABILITY}
        predicted = _object({"model": _MODEL, "probabilities": answers}, {"changed": _CHANGED})
        name = {}
    else:
        name = {"class": {"type": "string", "enum": list(classes)}}
        each = _object(dict.fromkeys(classes, _PROBABILITY)) | {"additionalProperties": False}
        given = {
            "probabilities": {"type": "array", "items": each},
            "classes": {"type": "array", "items": name["class"]},
        }
        predicted = _object({"model": _MODEL, **given}, {"changed": _CHANGED})
        answers = {"type": "array", "items": _object(name | {"probabilities": each})}
    explanation = _object(
        {
            **name,
            "probability": _PROBABILITY,
            "typical_probability": _PROBABILITY,
            "contributions": {"type": "object", "additionalProperties": {"type": "number"}},
        }
    )
    explained = _object({"model": _MODEL, "explanations": {"type": "array", "items": explanation}})
    predictions = _object({"predictions": answers}, {"changed": _CHANGED})
    health = _object({"status": {"type": "string"}}, {"model": _MODEL})
    predicting = "Probability of each row" if classes is None else "Class of each row and its probabilities"
    paths = {
        "/v1/predict": {"post": _post(predicting, _rows(row, max_rows), example, predicted, keys=keys)},
        "/v1/explain": {
            "post": _post(
                "Contribution of each column to the distance from a typical row's probability",
                _rows(row, max_explained),
                {"rows": example["rows"][:1]},
                explained,
                keys=keys,
            )
        },
        "/invocations": {"post": _invocations(row, max_rows, example["rows"], predictions, keys=keys)},
        "/v1/models": {
            "get": _get("Models that serve and their columns", {"type": "object"}, keys=keys),
        },
        "/health/live": {"get": _get("Whether the process answers", health)},
        "/health/ready": {"get": _get("Whether requests should be sent here", health, 503)},
        "/ping": {"get": _get("As /health/ready, for SageMaker", health, 503)},
        "/execution-parameters": {"get": _get("Limits for SageMaker's batch transform", {"type": "object"})},
        "/metrics": {"get": _get("Metrics for Prometheus", None)},
    }
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"{bundle.name} predictions", "version": bundle.version},
        "paths": paths,
        "components": {"schemas": {"Problem": _PROBLEM}},
    }
    if keys:
        scheme = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
        document["components"]["securitySchemes"] = {"key": scheme}
    return document


def _row_schema(bundle: Bundle) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for column in bundle.signature:
        categories = column["categories"]
        kinds = ["string" if column["type"] == "category" else column["type"]]
        if categories and {*categories} <= {"False", "True"}:  # yes or no: JSON's own values are taken too
            kinds = ["boolean", *kinds]
            categories = [*(value == "True" for value in categories), *categories]
        kinds += ["null"] if column["nullable"] else []
        entry: dict[str, Any] = {"type": kinds if len(kinds) > 1 else kinds[0]}
        if categories:
            entry["enum"] = [*categories, *([None] if column["nullable"] else [])]
        else:
            entry |= {"minimum": column["min"], "maximum": column["max"]}
        if column["unit"]:
            entry["description"] = column["unit"]
        properties[column["name"]] = entry
    return {
        "type": "object",
        "properties": properties,
        "required": bundle.columns,
        "additionalProperties": False,
    }


def _rows(row: dict[str, Any], most: int) -> dict[str, Any]:
    rows = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1, "maxItems": most}]}
    return _object({"rows": rows}) | {"additionalProperties": False}


def _object(required: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": required | (more or {}), "required": list(required)}


def _problems(statuses: Iterable[int]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": TITLES[status], "content": content} for status in statuses}


def _post(
    summary: str, request: dict[str, Any], example: Any, answer: dict[str, Any], *, keys: bool
) -> dict[str, Any]:
    refused = (400, *([401] if keys else []), 408, 413, 415, 422, 429, 500, 503)
    return {
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request, "example": example}},
        },
        "responses": {
            "200": {"description": "Answer", "content": {"application/json": {"schema": answer}}},
            **_problems(refused),
        },
        **({"security": [{"key": []}]} if keys else {}),
    }


def _invocations(
    row: dict[str, Any], most: int, rows: list[Any], answer: dict[str, Any], *, keys: bool
) -> dict[str, Any]:
    columns = [row["properties"][name] for name in row["required"]]
    cells = {"type": "array", "prefixItems": columns, "items": False, "minItems": len(columns)}
    many = {"type": "array", "minItems": 1, "maxItems": most}
    split = _object(
        {
            "columns": {"type": "array", "const": row["required"]},
            "data": many | {"items": cells},
        }
    )
    request = {
        "oneOf": [
            _object({"dataframe_records": many | {"items": row}}),
            _object({"instances": many | {"items": row}}),
            _object({"dataframe_split": split}),
        ]
    }
    operation = _post("As MLflow's and SageMaker's servers", request, None, answer, keys=keys)
    content = operation["requestBody"]["content"]
    content["application/json"]["example"] = {"dataframe_records": rows}
    text = io.StringIO()
    first = [rows[0].get(name) for name in row["required"]]
    csv.writer(text, lineterminator="\n").writerows([row["required"], first])
    content["text/csv"] = {"schema": {"type": "string"}, "example": text.getvalue()}
    operation["responses"]["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return operation


def _get(summary: str, answer: dict[str, Any] | None, *statuses: int, keys: bool = False) -> dict[str, Any]:
    kind = "text/plain" if answer is None else "application/json"
    content = {kind: {"schema": answer or {"type": "string"}}}
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "Answer", "content": content},
            **_problems([*statuses, *([401, 429] if keys else [])]),
        },
        **({"security": [{"key": []}]} if keys else {}),
    }
