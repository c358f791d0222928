"""Data contracts: declared once, checked as pandera, rows split into good and quarantined.

Taught in lesson 2.5; the validate stage of the churn pipeline keeps its tables to them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns

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
            object.__setattr__(self, "choices", tuple(self.choices))


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
            low, high = _bound(rule, rule.minimum), _bound(rule, rule.maximum)
            if low is not None:
                checks.append(pa.Check(_ordered(rule, low, "ge"), error=f"below {rule.minimum}"))
            if high is not None:
                checks.append(pa.Check(_ordered(rule, high, "le"), error=f"above {rule.maximum}"))
            if rule.choices is not None:
                checks.append(pa.Check.isin(rule.choices, error="not one of the choices"))
            if rule.pattern is not None:
                pattern = f"(?:{rule.pattern})"
                checks.append(
                    pa.Check(lambda s, p=pattern: s.astype(str).str.fullmatch(p), error="of another form")
                )
            columns[column] = pa.Column(
                checks=checks, nullable=rule.nullable, unique=rule.unique, report_duplicates="all"
            )
        return pa.DataFrameSchema(columns, strict=True, name=self.name)

    def check_columns(self, frame: pd.DataFrame) -> None:
        """Raise ContractError if columns are missing, unknown or doubled."""
        require_unique_columns(frame, self.name, error=ContractError)
        missing = [column for column in self.columns if column not in frame.columns]
        unknown = [column for column in frame.columns if column not in self.columns]
        if missing or unknown:
            parts = [f"column {name!r} is missing" for name in missing]
            for name in unknown:
                near = get_close_matches(str(name), missing, n=1)
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
            If columns are missing or unknown: then no row can be judged.
        """
        import pandera.pandas as pa

        self.check_columns(frame)
        frame = _without_categories(frame.reset_index(drop=True))
        try:
            self.to_pandera().validate(frame, lazy=True)
        except (TypeError, AttributeError) as error:
            raise ContractError(self._cannot_be_applied(frame, error)) from error
        except pa.errors.SchemaErrors as error:
            cases = error.failure_cases
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

    def _cannot_be_applied(self, frame: pd.DataFrame, error: Exception) -> str:
        """Sentence that names the column whose rule stops."""
        import pandera.pandas as pa

        for column, rule in self.columns.items():
            try:
                Contract(self.name, {column: rule}).to_pandera().validate(frame[[column]], lazy=True)
            except pa.errors.SchemaErrors:
                continue
            except (TypeError, AttributeError) as own:
                return (
                    f"{self.name}: column {column!r}: the rule for {rule.type} cannot be applied to "
                    f"{frame[column].dtype} ({own})"
                )
        return f"{self.name}: a rule cannot be applied ({error})"

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
            The others with a column `reason`, such as `age above 110`; reasons are joined by `; `. Where the
            frame has a column of that name it is `contract_reason`.

        Raises
        ------
        ContractError
            If columns are missing or unknown.
        """
        failures = self.failures(frame)
        frame = frame.reset_index(drop=True)
        reasons = (
            (failures["column"].astype(str) + " " + failures["rule"]).groupby(failures["row"]).agg("; ".join)
        )
        bad = frame.index.isin(reasons.index)
        name = "reason"
        while name in frame.columns:
            name = f"contract_{name}"
        quarantined = frame.loc[bad].assign(
            **{name: reasons.reindex(frame.index[bad]).to_numpy(dtype=object)}
        )
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
        If the frame has no rows, a column name stands twice, or a column holds values of several kinds or of
        one that a contract has no type for; the message names the column.
    """
    require_unique_columns(frame, name)
    if frame.empty:
        raise ValueError(f"{name}: a contract cannot be inferred from a frame without rows")
    rules = {}
    for column, values in _without_categories(frame).items():
        try:
            rules[column] = _inferred(values, max_choices)
        except TypeError as error:
            raise ValueError(f"{name}: column {column!r}: {error}") from error
    return Contract(name, rules)


def _inferred(values: pd.Series, max_choices: int) -> ColumnRule:
    """Rule that the values keep; a TypeError for a kind of value that no contract has a type for."""
    present = values.dropna()
    rule: dict[str, Any] = {"nullable": bool(values.isna().any())}
    kind = _kind_of(present)
    if kind == "boolean":
        rule["type"] = "boolean"
    elif kind == "date":
        rule["type"] = "date"
        if len(present):
            rule.update(minimum=_day_or_moment(present.min()), maximum=_day_or_moment(present.max()))
    elif kind == "number":
        numbers = pd.to_numeric(present)
        whole = bool(len(numbers)) and bool((numbers % 1 == 0).all())
        rule["type"] = "integer" if whole else "number"
        if len(numbers):
            rule.update(minimum=numbers.min().item(), maximum=numbers.max().item())
    else:
        rule["type"] = "text"
        if 0 < present.nunique() <= max_choices:
            rule["choices"] = tuple(sorted(present.unique()))
        elif len(present) == len(values) and present.is_unique:
            rule["unique"] = True
    return ColumnRule(**rule)


def _kind_of(present: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(present):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(present):
        return "date"
    if pd.api.types.is_numeric_dtype(present) and not pd.api.types.is_complex_dtype(present):
        return "number"
    if present.dtype != object and not pd.api.types.is_string_dtype(present):
        if str(present.dtype).startswith(("date32", "date64", "timestamp")):
            return "date"
        raise TypeError(f"{present.dtype} has no type of contract; convert it to a number or a text first")
    kinds = {
        "boolean" if isinstance(value, bool | np.bool_)
        else "number" if isinstance(value, Number)
        else "date" if isinstance(value, dt.date)
        else "text" if isinstance(value, str)
        else type(value).__name__
        for value in present
    }  # fmt: skip
    strange = kinds - {"boolean", "number", "date", "text"}
    if strange or len(kinds) > 1:
        raise TypeError(f"holds {' and '.join(sorted(kinds))}; a contract wants values of one kind")
    return kinds.pop() if kinds else "text"


def _day_or_moment(value: Any) -> str:
    stamp = pd.Timestamp(value)
    return str(stamp.date()) if stamp == stamp.normalize() and stamp.tz is None else stamp.isoformat()


def _without_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as the values that they stand for."""
    plain = {
        column: values.astype(values.cat.categories.dtype if not values.isna().any() else object)
        for column, values in frame.items()
        if isinstance(values.dtype, pd.CategoricalDtype)
    }
    if plain:
        frame = frame.copy(deep=False)
        for column, values in plain.items():
            frame[column] = values
    return frame


def load_contracts(path: str | Path) -> dict[str, Contract]:
    """Read a YAML file of contracts: table, then column, then rules.

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
    tables = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())
    if not isinstance(tables, dict) or not all(isinstance(rules, dict) for rules in tables.values()):
        raise ValueError(f"{path.name}: a mapping of tables to columns is wanted")
    try:
        return {name: Contract.from_dict(name, columns) for name, columns in tables.items()}
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _loader():
    """YAML loader that takes only true and false for a switch, so that the choices yes and no stay texts."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:bool"]
            for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    switch = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", switch, list("tTfF"))
    return Loader


def _bound(rule: ColumnRule, value: Any) -> Any:
    if value is None:
        return None
    if rule.type != "date":
        return value
    bound = pd.Timestamp(value)
    return bound.tz_localize("UTC") if bound.tz is None else bound


def _numeric(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce")


def _moments(values: pd.Series) -> pd.Series:
    """Dates in UTC; NaT for what is none, such as the words `now` and `today`, which pandas takes."""
    if values.dtype == object or pd.api.types.is_string_dtype(values):
        words = values.map(lambda value: isinstance(value, str) and not value.strip()[:1].isdigit())
        values = values.astype(object).mask(words.astype(bool))
    return pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)


def _type_check(kind: str):
    def passes(values: pd.Series) -> pd.Series:
        if kind in ("integer", "number"):
            numbers = _numeric(values)
            good = numbers.notna()
            if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
                good &= values.map(lambda v: isinstance(v, Number) and not isinstance(v, bool)).astype(bool)
            return good & (numbers % 1 == 0) if kind == "integer" else good
        if kind == "date":
            return _moments(values).notna()
        wanted = (bool, np.bool_) if kind == "boolean" else (str,)
        return values.map(lambda value: isinstance(value, wanted)).astype(bool)

    return passes


def _ordered(rule: ColumnRule, bound: Any, how: str):
    def passes(values: pd.Series) -> pd.Series:
        comparable = _moments(values) if rule.type == "date" else _numeric(values)
        # A value of another type is reported once, by the type check.
        return comparable.isna() | getattr(comparable, how)(bound)

    return passes
