"""Data contracts: declared once, checked as pandera, rows split into good and quarantined.

Taught in lesson 2.5; the validate stage of the churn pipeline keeps its tables to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.data.contracts.values import as_numbers, date_limit, kind_of_values, of_type, plain_values
from mlhelpers.data.frames import require_unique_columns
from mlhelpers.data.iso_dates import is_date_word, read_iso_dates

if TYPE_CHECKING:
    import pandera.pandas as pa

TYPES = {"integer", "number", "text", "date", "boolean"}

__all__ = ["ColumnRule", "Contract", "ContractError", "infer_contract", "load_contracts"]


class ContractError(ValueError):
    """A frame breaks its contract; the message lists column, rule, number of rows and first rows."""


@dataclass(frozen=True)
class ColumnRule:
    """What one column may hold.

    Attributes
    ----------
    type : {"integer", "number", "text", "date", "boolean"}
        Integers may be stored as floats where the column has gaps.
    minimum, maximum : number or ISO date, optional
        Smallest and largest value allowed, in the unit of the column.
    choices : tuple of str, optional
        The only values allowed.
    pattern : str, optional
        Regular expression that a text must match in full.
    nullable : bool, default=False
        Whether values may be missing.
    unique : bool, default=False
        Whether every value may occur once only.
    unit : str, optional
        Unit, for people and for the data dictionary.
    description : str, optional
        Meaning, for people and for the data dictionary.
    """

    type: str
    minimum: Any = None
    maximum: Any = None
    choices: tuple[str, ...] | None = None
    pattern: str | None = None
    nullable: bool = False
    unique: bool = False
    unit: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"type {self.type!r} is none of {', '.join(sorted(TYPES))}")
        if self.choices is not None:
            if isinstance(self.choices, str):
                raise TypeError(f"choices: give a list of values, [{self.choices!r}]")
            object.__setattr__(self, "choices", tuple(self.choices))
            other = [choice for choice in self.choices if not isinstance(choice, str)]
            if self.type == "text" and other:
                raise ValueError(f"choice {other[0]!r} is no text; put it in quotes")
        for name in ("minimum", "maximum"):
            _check_limit(self.type, name, getattr(self, name))
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except (re.error, TypeError) as error:
                raise ValueError(f"pattern {self.pattern!r} is no regular expression ({error})") from error


@dataclass(frozen=True)
class Contract:
    """Rules for the columns of one table.

    Taught in lesson 2.5.

    Attributes
    ----------
    name : str
        Name of the table, used in every message.
    columns : dict of str to ColumnRule
        One rule a column. Columns that the contract does not name are not allowed.
    """

    name: str
    columns: dict[str, ColumnRule] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, name: str, columns: Mapping[str, Mapping[str, Any]]) -> Contract:
        """Contract from plain dictionaries, such as a YAML file holds.

        Raises
        ------
        ValueError
            If a rule has a key that does not exist (the nearest right one is named) or a wrong type.
        """
        known = {item.name for item in fields(ColumnRule)}
        rules = {}
        for column, rule in columns.items():
            for key in rule:
                if key not in known:
                    near = get_close_matches(key, known, n=1)
                    hint = f"; did you mean {near[0]!r}?" if near else ""
                    raise ValueError(f"contract {name}: column {column!r}: unknown rule {key!r}{hint}")
            try:
                rules[column] = ColumnRule(**rule)
            except (TypeError, ValueError) as error:
                raise ValueError(f"contract {name}: column {column!r}: {error}") from error
        return cls(name, rules)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Rules as plain dictionaries, without those left at their default."""
        plain = {}
        for column, rule in self.columns.items():
            default = asdict(ColumnRule(rule.type))
            entries = {k: v for k, v in asdict(rule).items() if k == "type" or v != default[k]}
            if rule.choices is not None:
                entries["choices"] = list(rule.choices)
            plain[column] = entries
        return plain

    def to_pandera(self) -> pa.DataFrameSchema:
        """Give the same contract as a pandera schema."""
        import pandera.pandas as pa

        columns = {}
        for column, rule in self.columns.items():
            checks = [pa.Check(_type_check(rule.type), element_wise=False, error=f"no {rule.type}")]
            if rule.minimum is not None:
                checks.append(pa.Check(_ordered(rule, rule.minimum, "ge"), error=f"below {rule.minimum}"))
            if rule.maximum is not None:
                checks.append(pa.Check(_ordered(rule, rule.maximum, "le"), error=f"above {rule.maximum}"))
            if rule.choices is not None:
                checks.append(pa.Check.isin(rule.choices, error="not one of the choices"))
            if rule.pattern is not None:
                pattern = f"(?:{rule.pattern})"
                checks.append(
                    pa.Check(
                        lambda s, p=pattern: plain_values(s).astype(str).str.fullmatch(p),
                        error="of another form",
                    )
                )
            columns[column] = pa.Column(
                checks=checks, nullable=rule.nullable, unique=rule.unique, report_duplicates="all"
            )
        return pa.DataFrameSchema(columns, strict=True, name=self.name)

    def check_columns(self, frame: pd.DataFrame) -> None:
        """Raise ContractError if columns are missing, unknown or there twice."""
        require_unique_columns(frame, self.name, error=ContractError)
        missing = [column for column in self.columns if column not in frame.columns]
        unknown = [column for column in frame.columns if column not in self.columns]
        if missing or unknown:
            parts = [f"column {name!r} is missing" for name in missing]
            for name in unknown:
                near = get_close_matches(str(name), list(map(str, missing)), n=1)
                parts.append(
                    f"column {name!r} is not in the contract"
                    + (f" (is it {near[0]!r} renamed?)" if near else "")
                )
            raise ContractError(f"{self.name}: " + "; ".join(parts))

    def failures(self, frame: pd.DataFrame) -> pd.DataFrame:
        """List every broken rule.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)

        Returns
        -------
        DataFrame with columns row, column, rule, value
            One line a broken rule; `row` is the position in `frame`, from 0.

        Raises
        ------
        ContractError
            If columns are missing or unknown, or a rule cannot be applied to the values of a column: then
            no row can be judged.
        """
        import pandera.pandas as pa

        self.check_columns(frame)
        plain = frame.reset_index(drop=True)
        for column in self.columns:
            with rules_applied(self.name, column):
                values = plain[column]
                if not isinstance(values.dtype, np.dtype):
                    plain = plain.astype({column: object})
                    plain[column] = plain_values(values)
                if self.columns[column].unique:
                    values.is_unique  # noqa: B018  (raises for lists, which pandera does not name)
        try:
            self.to_pandera().validate(plain, lazy=True)
        except pa.errors.SchemaErrors as error:
            cases = error.failure_cases
            stopped = cases["index"].isna()
            if stopped.any():
                case = cases.loc[stopped.idxmax()]
                raise _not_applied(self.name, case["column"], case["failure_case"]) from error
            rules = cases["check"].replace({"not_nullable": "missing", "field_uniqueness": "not unique"})
            listed = pd.DataFrame(
                {
                    "row": cases["index"].astype("int64"),
                    "column": cases["column"],
                    "rule": rules,
                    "value": cases["failure_case"],
                }
            )
            order = {column: position for position, column in enumerate(self.columns)}
            listed = listed.assign(order=listed["column"].map(order))
            listed = listed.sort_values(["row", "order"], kind="stable").drop(columns="order")
            return listed.drop_duplicates(["row", "column", "rule"]).reset_index(drop=True)
        empty = pd.DataFrame(columns=["row", "column", "rule", "value"], dtype=object)
        return empty.astype({"row": "int64"})

    def split(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Split rows into those that keep the contract and those that break it.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)

        Returns
        -------
        good : DataFrame of shape (n_good, n_columns)
            Unchanged rows, in their order, with a new index.
        quarantined : DataFrame of shape (n_rows - n_good, n_columns + 1)
            The others with a column `reason`, such as `age above 110`; reasons are joined by `; `. If the
            frame has a column of that name, it stays and the new one is `contract_reason`.

        Raises
        ------
        ContractError
            If columns are missing or unknown.
        """
        failures = self.failures(frame)
        frame = frame.reset_index(drop=True)
        reasons = (
            (failures["column"].map(str) + " " + failures["rule"]).groupby(failures["row"]).agg("; ".join)
        )
        bad = frame.index.isin(reasons.index)
        name = "reason"
        while name in frame.columns:
            name = f"contract_{name}"
        quarantined = frame.loc[bad].copy()
        quarantined[name] = reasons.reindex(frame.index[bad]).to_numpy(dtype=object)
        return frame.loc[~bad].reset_index(drop=True), quarantined.reset_index(drop=True)

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame unchanged, or raise ContractError that lists what is broken."""
        failures = self.failures(frame)
        if failures.empty:
            return frame
        lines = []
        for (column, rule), cases in failures.groupby(["column", "rule"], sort=False):
            rows = ", ".join(map(str, cases["row"].head(3)))
            lines.append(f"column {column!r}: {rule}: {len(cases)} of {len(frame)} rows (rows {rows}, ...)")
        raise ContractError(f"{self.name}: " + "; ".join(lines))


def infer_contract(frame: pd.DataFrame, name: str, *, max_choices: int = 20) -> Contract:
    """Propose a contract from a frame that is known to be good.

    The proposal is a start for a person to edit: ranges are those seen, which the next month may
    rightly leave.

    Taught in lesson 2.5.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    name : str
        Name of the table.
    max_choices : int, default=20
        Text columns with at most so many different values get them as choices.

    Returns
    -------
    Contract

    Raises
    ------
    ValueError
        If the frame has no rows, a name twice, or a column whose values have no type in common; the message
        names it.
    """
    if frame.empty:
        raise ValueError(f"{name}: a contract cannot be inferred from a frame without rows")
    require_unique_columns(frame, name)
    rules = {}
    for column, stored in frame.items():
        with rules_applied(name, column):
            values = plain_values(stored)
            rules[column] = _inferred(values, max_choices)
    return Contract(name, rules)


def load_contracts(path: str | Path) -> dict[str, Contract]:
    """Read a YAML file of contracts: table, then column, then rules.

    Only `true` and `false` are truth values, as in YAML 1.2; the choices `yes` and `no` are texts.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a mapping of tables, or a rule is unknown; the message names file and column.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.name}: no such contract file in {path.parent}")
    try:
        tables = yaml.load(path.read_text(encoding="utf-8"), Loader=_yaml_loader())
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: not YAML ({error})") from error
    if not isinstance(tables, dict) or not all(isinstance(rules, dict) for rules in tables.values()):
        raise ValueError(f"{path.name}: a mapping of tables to columns is wanted")
    try:
        return {name: Contract.from_dict(name, columns) for name, columns in tables.items()}
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


@contextmanager
def rules_applied(table: str, column: Any) -> Iterator[None]:
    """Turn an error while rules are applied to a column into one that names table and column."""
    try:
        yield
    except ContractError:
        raise
    except (TypeError, ValueError) as error:
        raise _not_applied(table, column, error) from error


def _not_applied(table: str, column: Any, reason: Any) -> ContractError:
    return ContractError(
        f"{table}: column {column!r}: its rules cannot be applied to its values ({reason}); "
        "repair the values or the rule"
    )


def _check_limit(kind: str, name: str, limit: Any) -> None:
    if limit is None:
        return
    if kind in ("integer", "number") and (not isinstance(limit, Number) or isinstance(limit, bool)):
        raise ValueError(f"{name} {limit!r} is no number")
    if kind == "date":
        try:
            readable = not is_date_word(limit) and pd.Timestamp(limit) is not pd.NaT
        except (TypeError, ValueError):
            readable = False
        if not readable or isinstance(limit, Number):
            raise ValueError(f"{name} {limit!r} is no date; write it as 2024-03-31")


def _inferred(values: pd.Series, max_choices: int) -> ColumnRule:
    present = values.dropna()
    nullable = len(present) < len(values)
    kind = kind_of_values(values)
    if kind is None:
        held = ", ".join(sorted({type(value).__name__ for value in present})[:3])
        raise TypeError(f"it holds {held}, which is no type of a contract or several")
    if kind == "date":
        dates = read_iso_dates(present)
        if not len(dates):
            return ColumnRule("date", nullable=nullable)
        limits = dates.min(), dates.max()
        whole = dates.dt.tz is None and all(limit == limit.normalize() for limit in limits)
        low, high = (str(limit.date()) if whole else limit.isoformat() for limit in limits)
        return ColumnRule("date", minimum=low, maximum=high, nullable=nullable)
    if kind == "number":
        numbers = as_numbers(values).dropna()
        if not len(numbers):
            return ColumnRule("number", nullable=nullable)
        kind = "integer" if bool((numbers % 1 == 0).all()) else "number"
        return ColumnRule(kind, minimum=numbers.min().item(), maximum=numbers.max().item(), nullable=nullable)
    rule: dict[str, Any] = {}
    if kind == "text" and 0 < present.nunique() <= max_choices:
        rule["choices"] = tuple(sorted(present.unique()))
    elif kind == "text" and len(present) and not nullable and present.is_unique:
        rule["unique"] = True
    return ColumnRule(kind, nullable=nullable, **rule)


@cache
def _yaml_loader() -> type:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML in which only true and false are truth values."""

    tag = "tag:yaml.org,2002:bool"
    Loader.yaml_implicit_resolvers = {
        first: [(name, form) for name, form in resolvers if name != tag]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(tag, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))
    return Loader


def _type_check(kind: str):
    return lambda values: pd.Series(of_type(values, kind), index=values.index)


def _ordered(rule: ColumnRule, limit: Any, how: str):
    def passes(values: pd.Series) -> pd.Series:
        if rule.type == "date":
            comparable = read_iso_dates(values)
            bound = date_limit(limit, comparable)
        else:
            comparable, bound = as_numbers(values), limit
        # A value of another type is reported once, by the type check.
        return comparable.isna() | getattr(comparable, how)(bound)

    return passes
