"""Columns of a table checked against a signature and coded as numbers, many rows at once.

Taught in lesson 7.1 (batch, online, edge); `mle score` reads its rows with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from mlhelpers.packaging.outputs import most_probable
from mlhelpers.packaging.rows import Problem, RowReader, value_of_cell

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class TableReader:
    """Checks tables by the rules that the service checks rows with, column by column.

    Taught in lesson 7.1. A column is compared as a whole; only the rows in which a cell is not plainly good
    are read one by one, by the `RowReader` of the service. So the verdicts and their words are the same.

    Parameters
    ----------
    signature : sequence of mapping
        From `mlhelpers.packaging.infer_signature`.
    policies : mapping of str to str, optional
        As for `mlhelpers.packaging.RowReader`.

    Attributes
    ----------
    names : list of str
        Columns that a table must have; others are not looked at.
    """

    def __init__(self, signature: Sequence[dict[str, Any]], *, policies: dict[str, str] | None = None):
        self._rows = RowReader(signature, policies=policies, unknown_columns="ignore")
        self._signature = list(signature)
        self.names = self._rows.names

    def missing_columns(self, found: Sequence[str]) -> list[str]:
        """Names that the model needs and `found` lacks, in the model's order."""
        return [name for name in self.names if name not in set(found)]

    def read(
        self, table: pd.DataFrame | pa.RecordBatch | pa.Table, *, text: bool = False, first: int = 0
    ) -> tuple[np.ndarray, list[Problem], list[Problem]]:
        """Check and code the rows of a table.

        Parameters
        ----------
        table : DataFrame, RecordBatch or Table of shape (n_rows, n_table_columns)
            None, NaN and a null are missing.
        text : bool, default=False
            Texts are cells of a CSV file: an empty one is missing, what reads as a number is one.
        first : int, default=0
            Number of the first row, for the problems.

        Returns
        -------
        codes : ndarray of shape (n_rows, n_columns)
            As `RowReader.read` gives them.
        problems, changed : list of Problem
            As `RowReader.read` gives them.

        Raises
        ------
        ValueError
            If a column is missing; the message names it.
        """
        columns = {name: _column(table, name) for name in self.names}
        n_rows = len(table) if hasattr(table, "iloc") else table.num_rows
        codes = np.full((n_rows, len(self.names)), np.nan)
        plain = np.ones(n_rows, dtype=bool)
        for at, column in enumerate(self._signature):
            read = self._categories if column["type"] == "category" else _numbers
            good = read(column, columns[self.names[at]], codes[:, at], text)
            plain &= good
        doubtful = np.flatnonzero(~plain)
        if not len(doubtful):
            return codes, [], []
        rows = _plain_rows(columns, doubtful, text)
        again, problems, changed = self._rows.read(rows)
        codes[doubtful] = again
        numbers = doubtful + first
        return codes, _renumbered(problems, numbers), _renumbered(changed, numbers)

    def _categories(self, column: dict[str, Any], values: Any, codes: np.ndarray, text: bool) -> np.ndarray:
        """Write the codes of a category's column; True where the cell is plainly good."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if isinstance(values, list):
            return np.zeros(len(codes), dtype=bool)
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), None, values)
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        try:
            uniques = [_as_cell(value, text) for value in encoded.dictionary.to_pylist()]
        except UnicodeDecodeError:
            return np.zeros(len(codes), dtype=bool)
        reader, name = RowReader([column]), column["name"]
        # each category is looked at once; what is not accepted goes to the row reader, with its policy
        known = np.full(len(uniques) + 1, np.nan)
        accepted = np.zeros(len(uniques) + 1, dtype=bool)
        for place, value in enumerate([*uniques, None]):
            found, problems, _ = reader.read([{name: value}])
            known[place], accepted[place] = found[0, 0], not problems
        places = pc.fill_null(encoded.indices, len(uniques)).to_numpy(zero_copy_only=False).astype(np.intp)
        codes[:] = known[places]
        return accepted[places]


def _numbers(column: dict[str, Any], values: Any, codes: np.ndarray, text: bool) -> np.ndarray:
    """Write the values of a number's column; True where the cell is plainly good."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, list):
        return np.zeros(len(codes), dtype=bool)
    kind = values.type
    doubtful = np.zeros(len(codes), dtype=bool)
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        if not text:
            return pc.is_null(values).to_numpy(zero_copy_only=False) & bool(column["nullable"])
        values, doubtful = _parsed(values)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return pc.is_null(values).to_numpy(zero_copy_only=False) & bool(column["nullable"])
    if pa.types.is_floating(kind) and not text:
        values = pc.if_else(pc.is_nan(values), None, values)
    try:
        numbers = pc.cast(values, pa.float64(), safe=not pa.types.is_integer(kind))
    except pa.ArrowInvalid:
        return np.zeros(len(codes), dtype=bool)
    gaps = pc.is_null(numbers).to_numpy(zero_copy_only=False)
    codes[:] = numbers.to_numpy(zero_copy_only=False)
    low = -np.inf if column["min"] is None else column["min"]
    high = np.inf if column["max"] is None else column["max"]
    with np.errstate(invalid="ignore"):
        good = (codes >= low) & (codes <= high) & np.isfinite(codes)
        if column["type"] == "integer":
            good &= codes == np.floor(codes)
    if column["nullable"]:
        good |= gaps
    return good & ~doubtful


def _parsed(values: Any) -> tuple[Any, np.ndarray]:
    """Numbers of a CSV file's cells and which cells must be looked at one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pc.cast(values, pa.string(), safe=False)
    values = pc.if_else(pc.equal(values, ""), None, values)
    try:
        return pc.cast(values, pa.float64()), np.zeros(len(values), dtype=bool)
    except pa.ArrowInvalid:
        pass
    # the pattern is a part of what Python reads as a number; the rest is left to Python
    simple = pc.match_substring_regex(values, r"^-?[0-9]{1,15}(\.[0-9]{1,15})?(e-?[0-9]{1,2})?$")
    doubtful = ~pc.fill_null(simple, True).to_numpy(zero_copy_only=False)
    return pc.cast(pc.if_else(simple, values, None), pa.float64()), doubtful


def _column(table: Any, name: str) -> Any:
    """Column as one array of Arrow, or as a list where its cells have several kinds."""
    import pyarrow as pa

    if hasattr(table, "iloc"):
        if name not in table.columns:
            raise ValueError(f"column {name!r} is missing from the table")
        column = table[name]
        if getattr(column, "ndim", 1) != 1:
            raise ValueError(f"the table has column {name!r} twice; rename one of them")
        if _is_mixed(column):  # Arrow would make a number of a false among numbers
            return [_as_cell(value, False) for value in column.tolist()]
        try:
            return pa.array(column, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            return [_as_cell(value, False) for value in column.tolist()]
    if table.schema.get_all_field_indices(name) == []:
        raise ValueError(f"column {name!r} is missing from the table")
    if len(table.schema.get_all_field_indices(name)) > 1:
        raise ValueError(f"the table has column {name!r} twice; rename one of them")
    column = table.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _plain_rows(columns: dict[str, Any], numbers: np.ndarray, text: bool) -> list[dict[str, Any]]:
    """Rows of Python values, for the reader of rows."""
    taken = {}
    for name, values in columns.items():
        if isinstance(values, list):
            taken[name] = [values[number] for number in numbers]
        else:
            taken[name] = [_as_cell(value, text) for value in python_values(values.take(numbers))]
    return [dict(zip(taken, row, strict=True)) for row in zip(*taken.values(), strict=True)]


def python_values(values: Any) -> list[Any]:
    """Values of an Arrow array; a byte that is no UTF-8 becomes the replacement character."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return values.to_pylist()
    except UnicodeDecodeError:
        cells = pc.cast(values, pa.binary()).to_pylist()
        return [None if cell is None else cell.decode("utf-8", "replace") for cell in cells]


def _as_cell(value: Any, text: bool) -> Any:
    if _is_gap(value):
        return None
    if isinstance(value, Decimal):
        return float(value)
    return value_of_cell(value) if text and isinstance(value, str) else value


def _is_mixed(column: pd.Series) -> bool:
    import pandas as pd

    if not pd.api.types.is_object_dtype(column.dtype):
        return False
    return pd.api.types.infer_dtype(column, skipna=True).startswith("mixed")


def _is_gap(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ == "NAType"


def _renumbered(problems: list[Problem], numbers: np.ndarray) -> list[Problem]:
    return [Problem(int(numbers[problem.row]), problem.column, problem.problem) for problem in problems]


def score_columns(classes: Sequence[str] | None) -> list[str]:
    """Names of the columns that `score_table` gives."""
    return ["probability"] if classes is None else ["class", *(f"probability_{name}" for name in classes)]


def score_table(probabilities: np.ndarray, classes: Sequence[str] | None) -> dict[str, Any]:
    """Columns of a score table: ``probability``, or ``class`` and ``probability_<name>`` of each class.

    Numbers are rounded as the service answers, to the ninth digit. A row that is NaN has no class.
    """
    rounded = np.round(probabilities, 9)
    if classes is None:
        return {"probability": rounded}
    known = ~np.isnan(rounded).any(axis=1)
    names = np.full(len(rounded), None, dtype=object)
    names[known] = np.array(classes, dtype=object)[most_probable(rounded[known])]
    return dict(zip(score_columns(classes), [names, *rounded.T], strict=True))
