"""One contract elsewhere: a data dictionary, rules of Cerberus for records, suites of Great Expectations.

Taught in lesson 2.5, which compares what each tool catches.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.data.contracts.schema import ColumnRule, Contract
from mlhelpers.data.frames import require_unique_columns

if TYPE_CHECKING:
    import great_expectations as gx

__all__ = ["data_dictionary", "to_cerberus", "to_expectations", "to_records", "validate_suite"]

_CERBERUS = {
    "text": "string",
    "number": "number",
    "integer": "integer",
    "date": "datetime",
    "boolean": "boolean",
}
_NUMERIC = ["int64", "float64", "int32", "float32"]
_DTYPES = {
    "text": ["str"],
    "number": _NUMERIC,
    "integer": _NUMERIC,
    "date": [f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")],
    "boolean": ["bool"],
}


def data_dictionary(frame: pd.DataFrame, contract: Contract, card: pd.DataFrame) -> pd.DataFrame:
    """Put together what is known of each column: rules, units and meanings, and figures of the data.

    Taught in lesson 2.5.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    contract : Contract
        Gives type and allowed values.
    card : DataFrame with columns column, unit, meaning
        Such as `describe("churn").tables["customers"]`.

    Returns
    -------
    DataFrame of shape (n_columns, 6)
        Indexed by column, in the contract's order: type, allowed, unit, missing (share), median, meaning.

    Raises
    ------
    ValueError
        If a column is not in all three; the message names it and where it is lacking.
    """
    require_unique_columns(frame, contract.name)
    known = card.set_index("column")
    places = {"data": set(frame.columns), "contract": set(contract.columns), "card": set(known.index)}
    for column in sorted(set().union(*places.values()), key=str):
        lacking = [place for place, columns in places.items() if column not in columns]
        if lacking:
            raise ValueError(f"{contract.name}: column {column!r} is not in the {' and the '.join(lacking)}")
    table = pd.DataFrame(index=pd.Index(contract.columns, name="column"))
    table["type"] = [rule.type for rule in contract.columns.values()]
    table["allowed"] = [_allowed(rule) for rule in contract.columns.values()]
    table["unit"] = known["unit"]
    table["missing"] = frame.isna().mean()
    table["median"] = frame.median(numeric_only=True).reindex(table.index)
    return table.assign(meaning=known["meaning"])


def to_cerberus(contract: Contract) -> dict[str, dict[str, Any]]:
    """Give a contract as rules of Cerberus, for one record.

    A record cannot tell whether a value occurs twice, so `unique` is left out.

    Taught in lesson 2.5.

    Parameters
    ----------
    contract : Contract

    Returns
    -------
    dict
        Schema for `cerberus.Validator`; check records made by `to_records`.
    """
    schema = {}
    for column, rule in contract.columns.items():
        field: dict[str, Any] = {"type": _CERBERUS[rule.type], "required": True, "nullable": rule.nullable}
        if rule.type == "integer":
            field["coerce"] = _whole
        low, high = _bounds(rule)
        optional = {"min": low, "max": high, "regex": rule.pattern}
        optional["allowed"] = None if rule.choices is None else list(rule.choices)
        schema[column] = field | {key: value for key, value in optional.items() if value is not None}
    return schema


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries in which every gap is None.

    `frame.to_dict("records")` keeps NaN, which Cerberus takes for a number within every range.

    Taught in lesson 2.5.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)

    Returns
    -------
    list of dict
    """
    require_unique_columns(frame)
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def to_expectations(contract: Contract, *, extra: Iterable[Any] = ()) -> gx.ExpectationSuite:
    """Give a contract as a suite of Great Expectations, for a pandas frame.

    There is no expectation "is whole": an integer with both limits becomes a set of allowed values.
    Without both limits, fractions pass.

    Taught in lesson 2.5.

    Parameters
    ----------
    contract : Contract
    extra : iterable of Expectation, default=()
        Further expectations about the same columns.

    Returns
    -------
    great_expectations.ExpectationSuite
    """
    gx = _great_expectations()
    columns = list(contract.columns)
    parts = [gx.expectations.ExpectTableColumnsToMatchSet(column_set=columns)]
    for column, rule in contract.columns.items():
        parts.extend(_expectations(column, rule))
    return gx.ExpectationSuite(name=contract.name, expectations=[*parts, *extra])


def validate_suite(suite: gx.ExpectationSuite, frame: pd.DataFrame) -> list[str]:
    """Check a frame against a suite, in memory.

    Taught in lesson 2.5.

    Parameters
    ----------
    suite : great_expectations.ExpectationSuite
    frame : DataFrame of shape (n_rows, n_columns)
        Columns of pandas' and Arrow's own types, categories and dates with a zone are checked as the plain
        NumPy columns that they stand for.

    Returns
    -------
    list of str
        Each failed expectation as `column: name of the expectation`; empty if the frame passes.
    """
    require_unique_columns(frame, suite.name)
    result = _batch_definition().get_batch({"dataframe": _plain(frame)}).validate(suite)
    configurations = [part.expectation_config for part in result.results if not part.success]
    return sorted(f"{part.kwargs.get('column', 'table')}: {part.type}" for part in configurations)


def _expectations(column: str, rule: ColumnRule) -> Iterator[Any]:
    expect = _great_expectations().expectations
    yield expect.ExpectColumnValuesToBeInTypeList(column=column, type_list=_DTYPES[rule.type])
    low, high = _bounds(rule)
    if rule.type == "date":  # in UTC without a zone, as `validate_suite` gives the dates
        low, high = (at if at is None or at.tz is None else at.tz_convert(None) for at in (low, high))
    if rule.type == "integer" and low is not None and high is not None:
        yield expect.ExpectColumnValuesToBeInSet(
            column=column, value_set=list(range(math.ceil(low), math.floor(high) + 1))
        )
    elif low is not None or high is not None:
        yield expect.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)
    if rule.choices is not None:
        yield expect.ExpectColumnValuesToBeInSet(column=column, value_set=list(rule.choices))
    if rule.pattern is not None:
        yield expect.ExpectColumnValuesToMatchRegex(column=column, regex=f"^(?:{rule.pattern})$")
    # Every other expectation skips gaps.
    if not rule.nullable:
        yield expect.ExpectColumnValuesToNotBeNull(column=column)
    if rule.unique:
        yield expect.ExpectColumnValuesToBeUnique(column=column)


def _allowed(rule: ColumnRule) -> str:
    if rule.choices is not None:
        return ", ".join(map(str, rule.choices))
    if rule.pattern is not None:
        return rule.pattern
    if rule.minimum is None and rule.maximum is None:
        return ""
    return " ".join(
        f"{word} {value}"
        for word, value in (("from", rule.minimum), ("to", rule.maximum))
        if value is not None
    )


def _bounds(rule: ColumnRule) -> tuple[Any, Any]:
    if rule.type != "date":
        return rule.minimum, rule.maximum
    low, high = (None if value is None else pd.Timestamp(value) for value in (rule.minimum, rule.maximum))
    return low, high


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame in NumPy's types, which are those that Great Expectations knows by name."""
    return pd.DataFrame({name: _plain_column(frame[name]) for name in frame.columns}, index=frame.index)


def _plain_column(column: pd.Series) -> pd.Series:
    types, dtype = pd.api.types, column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(dtype.categories.dtype)
        dtype = column.dtype
    if types.is_datetime64_any_dtype(dtype):
        zoned = getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
        moments = pd.to_datetime(column, utc=bool(zoned))
        moments = moments.dt.tz_localize(None) if zoned else moments
        return pd.Series(moments.to_numpy("datetime64[ns]", na_value=None), index=column.index)
    if types.is_bool_dtype(dtype) or not types.is_numeric_dtype(dtype):
        return column if isinstance(dtype, np.dtype) else column.astype(object).where(column.notna(), None)
    if types.is_integer_dtype(dtype) and not column.hasnans:
        return column.astype("int64")
    return pd.Series(column.to_numpy("float64", na_value=np.nan), index=column.index)


@cache
def _great_expectations() -> Any:
    # The library reports its use over the network unless this is set before the import.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return great_expectations


@cache
def _batch_definition() -> Any:
    gx = _great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all")
