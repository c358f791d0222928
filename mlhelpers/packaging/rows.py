"""Rows of a request checked against a signature and coded as numbers, fast enough for a service.

Taught in lesson 7.2 (REST APIs); a bundle and the service read rows with it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.training.models import label_of, numbers_of

POLICIES = ("refuse", "missing", "clip")
_ABSENT = object()


@dataclass(frozen=True)
class Problem:
    """One reason why a row is not accepted.

    Attributes
    ----------
    row : int
        Position of the row, from 0.
    column : str or None
        None if the row as a whole is wrong.
    problem : str
        What is wrong and what is expected.
    """

    row: int
    column: str | None
    problem: str

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"row {self.row}{f', column {self.column}' if self.column else ''}: {self.problem}"


class RowReader:
    """Checks rows against a signature and codes them.

    Taught in lesson 7.2. A number is its value, a category its position among the signature's categories, a
    missing value NaN. What a cell may be is decided once, when the reader is made; a good row then costs a
    few comparisons.

    Parameters
    ----------
    signature : sequence of mapping
        From `infer_signature`.
    policies : mapping of str to str, optional
        What to do with a value that a column does not accept: "refuse" (without an entry), "missing" (taken
        as missing; only where the signature allows missing values) or "clip" (a number out of range becomes
        the nearest limit). What was changed is told.
    unknown_columns : str, default="refuse"
        "refuse" or "ignore".

    Raises
    ------
    ValueError
        If a policy names no column, is not known, or does not fit its column.
    """

    def __init__(
        self,
        signature: Sequence[Mapping[str, Any]],
        *,
        policies: Mapping[str, str] | None = None,
        unknown_columns: str = "refuse",
    ):
        self.names = [str(column["name"]) for column in signature]
        twice = [name for name in self.names if self.names.count(name) > 1]
        if twice:
            raise ValueError(f"the signature names column {twice[0]!r} twice; rename one of them")
        policies = dict(policies or {})
        _check_policies(signature, policies, unknown_columns)
        self._ignore_unknown = unknown_columns == "ignore"
        self._known = frozenset(self.names)
        self._columns = list(signature)
        self._policies = [policies.get(name, "refuse") for name in self.names]
        self._codes = [
            {value: float(code) for code, value in enumerate(column["categories"])}
            if column["type"] == "category"
            else None
            for column in signature
        ]
        self._fast = [
            (
                name,
                codes,
                -math.inf if column["min"] is None else column["min"],
                math.inf if column["max"] is None else column["max"],
                column["type"] == "number",
                bool(column["nullable"]),
            )
            for name, column, codes in zip(self.names, signature, self._codes, strict=True)
        ]

    def read(self, rows: Iterable[Any]) -> tuple[np.ndarray, list[Problem], list[Problem]]:
        """Check and code rows.

        Parameters
        ----------
        rows : iterable of mapping
            One mapping of column to value a row. None is missing; NaN is a problem, as JSON has none.

        Returns
        -------
        codes : ndarray of shape (n_rows, n_columns)
            float64, columns in the signature's order; a cell with a problem is NaN.
        problems : list of Problem
            Empty if every row is accepted; in the order of the rows, then of the columns.
        changed : list of Problem
            Cells that a policy changed.
        """
        problems: list[Problem] = []
        changed: list[Problem] = []
        table = [self._row(number, row, problems, changed) for number, row in enumerate(rows)]
        codes = np.array(table, dtype=np.float64).reshape(len(table), len(self.names))
        return codes, problems, changed

    def code_frame(self, frame: pd.DataFrame) -> np.ndarray:
        """Code a frame without checking ranges; what is no known category is NaN.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_frame_columns)
            Columns in any order; others are ignored.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            float64, columns in the signature's order.

        Raises
        ------
        ValueError
            If a column is missing or a number's column holds something else.
        """
        require_unique_columns(frame)
        absent = [name for name in self.names if name not in frame.columns]
        if absent:
            raise ValueError(f"columns missing from the frame: {', '.join(absent)}")
        table = np.empty((len(frame), len(self.names)))
        for at, (name, codes) in enumerate(zip(self.names, self._codes, strict=True)):
            column = frame[name]
            if codes is None:
                table[:, at] = numbers_of(column)
                continue
            found, values = pd.factorize(column, use_na_sentinel=True)
            known = np.array([*(codes.get(label_of(value), np.nan) for value in values), np.nan])
            table[:, at] = known[found]  # code -1, the missing value, picks the last one
        return table

    def decode(self, codes: np.ndarray) -> pd.DataFrame:
        """Frame of what the codes stand for: float64 for numbers, text with NaN for categories."""
        columns: dict[str, Any] = {}
        for at, (name, known) in enumerate(zip(self.names, self._codes, strict=True)):
            if known is None:
                columns[name] = codes[:, at]
            else:
                labels = np.array([*known, np.nan], dtype=object)
                columns[name] = labels[np.where(np.isnan(codes[:, at]), -1, codes[:, at]).astype(int)]
        return pd.DataFrame(columns, columns=self.names)

    def _row(self, number: int, row: Any, problems: list[Problem], changed: list[Problem]) -> list[float]:
        if not isinstance(row, Mapping):
            problems.append(Problem(number, None, f"expected an object, got {_kind(row)}"))
            return [math.nan] * len(self.names)
        cells = []
        seen = 0
        get = row.get
        for at, (name, codes, low, high, any_number, nullable) in enumerate(self._fast):
            value = get(name, _ABSENT)
            if value is not _ABSENT:
                seen += 1
            kind = type(value)
            if codes is None:
                # NaN fails both comparisons, and the fraction of an integer is looked at below
                if (kind is int or (kind is float and any_number)) and low <= value <= high:
                    cells.append(value)
                    continue
            elif kind is str:
                code = codes.get(value)
                if code is not None:
                    cells.append(code)
                    continue
            if value is None and nullable:
                cells.append(math.nan)
                continue
            cells.append(self._other(number, at, value, problems, changed))
        if seen != len(row) and not self._ignore_unknown:
            for name in row:
                if name not in self._known:
                    problems.append(Problem(number, str(name), "unknown column; leave it out"))
        return cells

    def _other(
        self, number: int, at: int, value: Any, problems: list[Problem], changed: list[Problem]
    ) -> float:
        """Cell that is not plainly good."""
        column, policy = self._columns[at], self._policies[at]
        cell, wrong = _check(column, self._codes[at], value)
        if not wrong:
            return cell
        name = self.names[at]
        if policy == "clip" and math.isfinite(cell):  # out of range: the nearest limit
            changed.append(Problem(number, name, f"{wrong}; the nearest limit is taken"))
            return cell
        if policy == "missing" and value is not _ABSENT:
            changed.append(Problem(number, name, f"{wrong}; taken as missing"))
            return math.nan
        problems.append(Problem(number, name, wrong))
        return math.nan


def validate_rows(
    signature: Sequence[Mapping[str, Any]], rows: pd.DataFrame | Sequence[Mapping[str, Any]]
) -> tuple[pd.DataFrame, list[Problem]]:
    """Check rows against a signature and bring them into a frame.

    Taught in lesson 7.2.

    Parameters
    ----------
    signature : sequence of mapping
        From `infer_signature`.
    rows : DataFrame or sequence of mapping
        A cell that is None or NaN in a frame is missing; a NaN in a mapping is a problem, as JSON has none.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_columns)
        Columns in the signature's order: float64 for numbers, text with NaN for categories. A cell with a
        problem is NaN.
    problems : list of Problem
        Empty if every row is accepted; in the order of the rows, then of the columns.
    """
    if isinstance(rows, pd.DataFrame):
        require_unique_columns(rows, "the rows")
        rows = rows.astype(object).mask(rows.isna(), None).to_dict("records")
    reader = RowReader(signature)
    codes, problems, _ = reader.read(rows)
    return reader.decode(codes), problems


def value_of_cell(cell: str) -> Any:
    """Value of a cell of a CSV file: empty is missing, what reads as a number is one.

    Taught in lesson 7.1.

    Parameters
    ----------
    cell : str

    Returns
    -------
    None, int, float or str
    """
    text = cell.strip()
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text) if text.isascii() and "_" not in text and len(text) < 400 else text
        except ValueError:
            continue
    return text


def _check(column: Mapping[str, Any], codes: Mapping[str, float] | None, value: Any) -> tuple[float, str]:
    """Code of a cell and what is wrong with it; of a number out of range, the nearest limit."""
    kind = column["type"]
    if value is _ABSENT:
        return math.nan, "missing column" + ("; give null if unknown" if column["nullable"] else "")
    if value is None:
        return math.nan, "" if column["nullable"] else f"must not be null; expected {_expected(column)}"
    if codes is not None:
        if isinstance(value, bool | np.bool_ | int | np.integer) or _is_whole(value):
            value = label_of(value)  # true, and the code 1 of a column with gaps, are texts here
        if not isinstance(value, str):
            return math.nan, f"expected {_expected(column)}, got {_kind(value)}"
        code = codes.get(value, math.nan)
        return code, "" if value in codes else f"unseen; expected {_expected(column)}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return math.nan, f"expected {_expected(column)}, got {_kind(value)}"
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return math.nan, "NaN and infinity are not accepted" + ("; give null" if column["nullable"] else "")
    if kind == "integer" and value != int(value):
        return math.nan, f"expected {_expected(column)}, got a fraction"
    low, high = column["min"], column["max"]
    if low is not None and value < low:
        return float(low), f"out of range; expected {_expected(column)}"
    if high is not None and value > high:
        return float(high), f"out of range; expected {_expected(column)}"
    return float(value), ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, float | np.floating) and float(value).is_integer()


def _check_policies(
    signature: Sequence[Mapping[str, Any]], policies: Mapping[str, str], unknown_columns: str
) -> None:
    if unknown_columns not in ("refuse", "ignore"):
        raise ValueError(f"unknown_columns must be 'refuse' or 'ignore', got {unknown_columns!r}")
    columns = {str(column["name"]): column for column in signature}
    for name, policy in policies.items():
        if name not in columns:
            near = difflib.get_close_matches(str(name), columns, n=1, cutoff=0.5)
            raise ValueError(f"policy for {name!r}, which is no column{f'; {near[0]!r}?' if near else ''}")
        if policy not in POLICIES:
            raise ValueError(f"policy of {name!r} must be one of {', '.join(POLICIES)}, got {policy!r}")
        if policy == "missing" and not columns[name]["nullable"]:
            raise ValueError(f"policy 'missing' of {name!r}: the signature does not allow it to be missing")
        if policy == "clip" and columns[name]["type"] == "category":
            raise ValueError(f"policy 'clip' of {name!r}: it is a category and has no nearest limit")


def _expected(column: Mapping[str, Any]) -> str:
    if column["type"] == "category":
        return "one of " + ", ".join(column["categories"])
    article = "an integer" if column["type"] == "integer" else "a number"
    unit = f" {column['unit']}" if column["unit"] else ""
    return f"{article} from {column['min']:g} to {column['max']:g}{unit}"


def _kind(value: object) -> str:
    names = {bool: "true or false", str: "text", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
