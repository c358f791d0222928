"""The rules of a contract checked column by column without pandera: the same broken rules, many times faster.

Used by the quality report of lesson 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import pandas as pd

from mlhelpers.data.contracts import ColumnRule, Contract
from mlhelpers.data.contracts.schema import rules_applied
from mlhelpers.data.contracts.values import as_numbers, date_limit, of_type, plain_values
from mlhelpers.data.iso_dates import read_iso_dates

__all__ = ["Column", "broken_rules", "value_rules"]

# Patterns that Python's `re` and Arrow's RE2 read alike on ASCII text; others go through Python.
_PLAIN_PATTERN = re.compile(r"(?:[A-Za-z0-9 _,:;@/#%=<>~'\"&!|+*?(){}.-]|\[[A-Za-z0-9_.-]+\]|\\[d.-])*")
_PYTHON_ONLY = re.compile(r"\(\?|[*+?}]\+")
# Arrow takes counts up to 1000 and knows no `{,2}`.
_PLAIN_COUNT = re.compile(r"\{[0-9]{1,3}(,[0-9]{0,3})?\}")


class Column:
    """A column whose gaps and different values are worked out once and shared by the checks."""

    def __init__(self, values: pd.Series) -> None:
        words = isinstance(values.dtype, pd.CategoricalDtype) and values.cat.categories.dtype == object
        self.values = values if words else plain_values(values)

    @cached_property
    def is_text(self) -> bool:
        """Whether an object column holds nothing but text and gaps."""
        try:
            return self.values.dtype == object and all(isinstance(level, str) for level in self.coded[1])
        except TypeError:  # lists and the like cannot be told apart
            return False

    @cached_property
    def coded(self) -> tuple[np.ndarray, pd.Series]:
        """Code of each row, -1 for a gap, and the different values."""
        if isinstance(self.values.dtype, pd.CategoricalDtype):
            return self.values.cat.codes.to_numpy(), pd.Series(self.values.cat.categories.astype(object))
        codes, levels = pd.factorize(self.values)
        return codes, pd.Series(np.asarray(levels, dtype=object))

    @cached_property
    def gaps(self) -> np.ndarray:
        """Boolean array of the missing values."""
        if "coded" in self.__dict__:
            return self.coded[0] == -1
        return self.values.isna().to_numpy()


def broken_rules(frame: pd.DataFrame, contract: Contract) -> dict[tuple[str, str], np.ndarray]:
    """Positions of the rows that break each rule of a contract.

    Used in lesson 2.4. The rules and rows are those of ``contract.failures(frame)``.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    contract : Contract

    Returns
    -------
    dict of (column, rule) to ndarray of int
        Rules that hold everywhere are left out; positions count from 0 and ascend.

    Raises
    ------
    ContractError
        If columns are missing or unknown.
    """
    contract.check_columns(frame)
    found = {}
    for name, rule in contract.columns.items():
        column = Column(frame[name])
        with rules_applied(contract.name, name):
            broken_by = dict(value_rules(column, rule))
            if not rule.nullable:
                broken_by["missing"] = column.gaps
            if rule.unique:
                frame[name].is_unique  # noqa: B018  (raises for lists, which `duplicated` compares wrongly)
                broken_by["not unique"] = frame[name].duplicated(keep=False).to_numpy() & ~column.gaps
        for label, broken in broken_by.items():
            positions = np.flatnonzero(broken)
            if positions.size:
                found[name, label] = positions
    return found


def value_rules(column: Column, rule: ColumnRule) -> Iterator[tuple[str, np.ndarray]]:
    """Rules on values (type, range, choices, form), each with the boolean array of the rows that break it."""
    values, dtype = column.values, column.values.dtype
    if rule.type == "text" and not rule.unique and (column.is_text or isinstance(dtype, pd.CategoricalDtype)):
        codes, levels = column.coded
        for name, broken in _any_column(levels, levels.isna().to_numpy(), rule):
            if broken.any():  # the last entry stands for code -1, the gap, which breaks no rule on values
                yield name, np.append(broken, False)[codes]
    elif rule.type in ("integer", "number") and _is_number(dtype):
        yield from _numeric_column(values, column.gaps, rule)
    elif rule.type == "date" and pd.api.types.is_datetime64_any_dtype(dtype):
        yield from _bounds(values, column.gaps, rule)
    else:
        yield from _any_column(values, column.gaps, rule)


def _is_number(dtype: object) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def _numeric_column(
    values: pd.Series, gaps: np.ndarray, rule: ColumnRule
) -> Iterator[tuple[str, np.ndarray]]:
    """Values that are numbers already: reductions first, a mask only where something is broken."""
    own = isinstance(values.dtype, np.dtype)
    array = values.to_numpy() if own else values.to_numpy(dtype=np.float64, na_value=np.nan)
    if rule.type == "integer" and array.dtype.kind == "f":
        broken = (np.trunc(array) != array) | np.isinf(array)  # the gaps too; taken out below
        if np.count_nonzero(broken) > np.count_nonzero(gaps):
            yield "no integer", broken & ~gaps
    yield from _bounds(pd.Series(array), gaps, rule)
    if rule.choices is not None or rule.pattern is not None:
        yield from _words(values, gaps, rule)


def _any_column(values: pd.Series, gaps: np.ndarray, rule: ColumnRule) -> Iterator[tuple[str, np.ndarray]]:
    yield f"no {rule.type}", ~of_type(values, rule.type) & ~gaps
    yield from _bounds(values, gaps, rule)
    yield from _words(values, gaps, rule)


def _bounds(values: pd.Series, gaps: np.ndarray, rule: ColumnRule) -> Iterator[tuple[str, np.ndarray]]:
    if rule.minimum is None and rule.maximum is None:
        return
    low, high = rule.minimum, rule.maximum
    if rule.type == "date":
        comparable = read_iso_dates(values)
        low, high = (None if bound is None else date_limit(bound, comparable) for bound in (low, high))
    else:
        comparable = as_numbers(values)
    if low is not None and comparable.min() < low:
        yield f"below {rule.minimum}", (comparable < low).to_numpy() & ~gaps
    if high is not None and comparable.max() > high:
        yield f"above {rule.maximum}", (comparable > high).to_numpy() & ~gaps


def _words(values: pd.Series, gaps: np.ndarray, rule: ColumnRule) -> Iterator[tuple[str, np.ndarray]]:
    if rule.choices is not None:
        yield "not one of the choices", ~values.isin(rule.choices).to_numpy() & ~gaps
    if rule.pattern is not None:
        yield "of another form", ~_matches(values, rule.pattern) & ~gaps


def _matches(values: pd.Series, pattern: str) -> np.ndarray:
    """Whether each value, as text, has the form; by Arrow where it cannot differ from Python."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = _PLAIN_PATTERN.fullmatch(pattern) and not _PYTHON_ONLY.search(pattern)
    plain = plain and not re.search("[{}]", _PLAIN_COUNT.sub("", pattern))
    if plain and pd.api.types.infer_dtype(values, skipna=True) == "string":
        text = pa.array(values, type=pa.string(), from_pandas=True)
        if pc.all(pc.string_is_ascii(text)).as_py():
            try:
                found = pc.match_substring_regex(text, rf"\A(?:{pattern})\z").fill_null(False)
                return found.to_numpy(zero_copy_only=False)
            except pa.ArrowInvalid:  # counts within counts, which Arrow finds too large
                pass
    return values.astype(str).str.fullmatch(f"(?:{pattern})").to_numpy(dtype=bool)
