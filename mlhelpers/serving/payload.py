"""Request bodies in the formats that clients send: our rows, MLflow's, SageMaker's.

Taught in lessons 7.2 (REST APIs) and 7.3 (cloud platforms).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from mlhelpers.packaging.rows import value_of_cell
from mlhelpers.serving.answers import Refusal

_SHAPES = "dataframe_split, dataframe_records, instances, inputs or rows"


def parse_json(body: bytes) -> Any:
    """JSON after the standard: UTF-8, no NaN, no infinity; and no key twice in an object.

    Of two values for one key the parser would keep the last, whichever the client meant.

    Raises
    ------
    Refusal
        400 if the body is not JSON or has a key twice.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        hint = "; NaN and Infinity are no JSON numbers: give null" if _has_constant(body) else ""
        raise Refusal(400, f"the body is not JSON: {error}{hint}") from None
    if body.count(b":") != _keys_of_rows(content) and _colons(body) != _keys(content):
        raise Refusal(400, f"{_doubled_key(body)} stands twice in one object; send it once")
    return content


def rows_of(content: Any) -> list[Any]:
    """Rows of ``{"rows": [{...}, ...]}`` or ``{"rows": {...}}``.

    Raises
    ------
    Refusal
        422 if the content has another shape.
    """
    if type(content) is not dict or len(content) != 1 or "rows" not in content:
        raise Refusal(422, 'expected an object with the one key "rows"')
    rows = content["rows"]
    if type(rows) is dict:
        return [rows]
    if type(rows) is not list or not rows:
        raise Refusal(422, '"rows" must be an object or a list of at least one object')
    return rows


def rows_of_invocation(body: bytes, content_type: str, columns: Sequence[str]) -> list[Any]:
    """Rows of a request to ``/invocations``, as MLflow's and SageMaker's clients send them.

    Parameters
    ----------
    body : bytes
        ``{"dataframe_split": {"columns": [...], "data": [[...]]}}``, ``{"dataframe_records": [{...}]}``,
        ``{"instances": [...]}``, ``{"inputs": {column: [values]}}``, ``{"rows": ...}``; or CSV, with or
        without a line of column names.
    content_type : str
        ``application/json`` or ``text/csv``.
    columns : sequence of str
        Names of the columns, in the model's order, for rows that are lists.

    Returns
    -------
    list
        One mapping a row, if the row could be made one.

    Raises
    ------
    Refusal
        400, 415 or 422, with what is wrong.
    """
    if content_type == "text/csv":
        return _rows_of_csv(body, columns)
    content = parse_json(body)
    if type(content) is not dict:
        raise Refusal(422, f"expected an object with {_SHAPES}")
    shapes = [name for name in _SHAPES.replace(" or ", ", ").split(", ") if name in content]
    extra = sorted(set(content) - {*shapes, "params", "parameters", "signature_name"})
    if len(shapes) != 1 or extra:
        raise Refusal(422, f"expected exactly one of {_SHAPES}, got {', '.join(map(str, content)) or 'none'}")
    shape = shapes[0]
    given = content[shape]
    if shape == "rows":
        return rows_of({"rows": given})
    if shape == "dataframe_split":
        return _rows_of_split(given)
    if type(given) is dict and shape == "inputs":
        return _rows_of_columns(given)
    if type(given) is not list or not given:
        raise Refusal(422, f'"{shape}" must be a list of at least one row')
    return [_named(row, columns) for row in given]


def _rows_of_split(given: Any) -> list[Any]:
    names, data = (given.get("columns"), given.get("data")) if type(given) is dict else (None, None)
    if type(names) is not list or type(data) is not list or not data:
        raise Refusal(422, '"dataframe_split" must hold "columns" and at least one row in "data"')
    if len(set(map(str, names))) != len(names):
        raise Refusal(422, '"dataframe_split": a column is named twice')
    return [_named(row, names) for row in data]


def _rows_of_columns(given: Mapping[str, Any]) -> list[Any]:
    lengths = {len(values) if type(values) is list else -1 for values in given.values()}
    if len(lengths) != 1 or lengths <= {-1, 0}:
        raise Refusal(422, '"inputs" must give each column a list, all of the same length')
    names = list(given)
    return [dict(zip(names, row, strict=True)) for row in zip(*given.values(), strict=True)]


def _named(row: Any, names: Sequence[str]) -> Any:
    if type(row) is not list:
        return row  # an object, or something that the check of rows will name
    if len(row) != len(names):
        raise Refusal(422, f"a row has {len(row)} values, there are {len(names)} columns")
    return dict(zip(map(str, names), row, strict=True))


def _rows_of_csv(body: bytes, columns: Sequence[str]) -> list[Any]:
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode()), strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal(400, f"the body is not CSV in UTF-8: {error}") from None
    names = columns
    if lines and set(lines[0]) & set(columns):
        names = lines.pop(0)
        doubled = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if doubled is not None:
            raise Refusal(422, f"the CSV names the column {doubled} twice; send it once")
    if not lines:
        raise Refusal(422, "the CSV holds no row")
    return [_named([value_of_cell(cell) for cell in line], names) for line in lines]


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def _keys_of_rows(content: Any) -> int:
    """Number of keys in content of the usual shape, an object of rows; of other content too few."""
    if type(content) is not dict:
        return 0
    count = len(content)
    for value in content.values():
        if type(value) is dict:
            count += len(value)
        elif type(value) is list:
            count += sum(len(row) for row in value if type(row) is dict)
    return count


def _keys(content: Any) -> int:
    """Number of keys in content of any shape."""
    count, waiting = 0, [content]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            count += len(value)
            waiting += value.values()
        elif type(value) is list:
            waiting += value
    return count


def _colons(body: bytes) -> int:
    """Number of colons outside of texts: one for each key as it was sent."""
    return _STRING.sub(b"", body).count(b":")


def _doubled_key(body: bytes) -> str:
    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise KeyError(name)
            seen.add(name)
        return {}

    try:
        json.loads(body, object_pairs_hook=look)
    except KeyError as error:
        return f"the key {json.dumps(error.args[0], ensure_ascii=False)[:80]}"
    except RecursionError:
        pass  # nested too deep for the slower parser, which is here only to find the name
    return "a key"


def _has_constant(body: bytes) -> bool:
    return b"NaN" in body or b"Infinity" in body
