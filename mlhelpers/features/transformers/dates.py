"""Parts of dates and times: calendar, business hours with a stated end, distance to holidays.

Taught in lesson 3.3.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.iso_dates import MixedZonesError, is_date_word, read_iso_dates
from mlhelpers.features.base import ColumnTransform, positions

__all__ = ["PARTS", "DatePartsTransformer"]

_HOLIDAY = ("is_holiday", "days_to_holiday", "days_since_holiday")
_USUAL = ("year", "month", "day_of_week", "hour", "week_of_year", "is_weekend", "is_business_hours")
PARTS = (*_USUAL, "day", "day_of_year", *_HOLIDAY)
# First value and length of the cycle of each part that has one.
_CYCLES = {
    "month": (1, 12),
    "day_of_week": (0, 7),
    "hour": (0, 24),
    "week_of_year": (1, 365.2425 / 7),
    "day_of_year": (1, 365.2425),
}
_HOUR = 3_600_000_000_000  # in nanoseconds


class DatePartsTransformer(ColumnTransform):
    """Parts of the dates and times of each column, in the time zone that the column has.

    Taught in lesson 3.3. Columns hold dates, text in ISO form (2024-03-31, 2024-03-31 17:00) or numbers,
    which are counted from 1970 in `unit`. A missing date gives missing parts.

    Parameters
    ----------
    columns : sequence of str or int, or None, default=None
        By name or place; None for all.
    parts : sequence of str, or None, default=None
        Of "year", "month" (1 to 12), "day", "day_of_week" (0 is Monday), "day_of_year", "hour",
        "week_of_year" (ISO, 1 to 53), "is_weekend", "is_business_hours", "is_holiday", "days_to_holiday" and
        "days_since_holiday" (whole days; 0 on a holiday). None for the usual ones: without "day" and
        "day_of_year", and those of holidays only if `holidays` are given.
    cyclic : bool, default=False
        Give month, day_of_week, hour, week_of_year and day_of_year as ``{part}_sin`` and ``{part}_cos``, so
        that 23:00 is near 00:00.
    business_hours : (float, float), default=(9, 17)
        Half-open: from 09:00:00 to *before* 17:00:00. 17.5 is 17:30.
    business_days : sequence of int, default=(0, 1, 2, 3, 4)
        Days of the week that have business hours. Those that are not are the weekend.
    holidays : sequence of dates, mapping by date, pandas holiday calendar, or None, default=None
        Business hours leave them out. A list or mapping holds for the years from its first to its last date:
        outside of them "is_holiday" is NaN, as are the days to a holiday that the list does not have.
    unit : str, default="s"
        Unit of columns of numbers: "D", "h", "m", "s", "ms", "us" or "ns".

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had names.

    Raises
    ------
    ValueError
        If a part, column or parameter is not known or a value is no date; the message names column and row.

    Notes
    -----
    A model file of skops holds `holidays` only as a list or mapping: give ``calendar.holidays(first, last)``.
    """

    def __init__(
        self,
        columns: Sequence[str | int] | None = None,
        *,
        parts: Sequence[str] | None = None,
        cyclic: bool = False,
        business_hours: tuple[float, float] = (9, 17),
        business_days: Sequence[int] = (0, 1, 2, 3, 4),
        holidays: Any = None,
        unit: str = "s",
    ):
        self.columns = columns
        self.parts = parts
        self.cyclic = cyclic
        self.business_hours = business_hours
        self.business_days = business_days
        self.holidays = holidays
        self.unit = unit

    def fit(self, X: Any, y: Any = None) -> DatePartsTransformer:
        """Check the parameters and the columns; nothing is learned but their names.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
        y : None
            Not used.

        Returns
        -------
        DatePartsTransformer
        """
        frame = self._frame(X, fit=True)
        self._check_parameters()
        for place in positions(frame, self.columns, "columns"):
            _dates(frame, place, self.unit)
        self.holiday_days_ = (
            None if self.holidays is None or _is_calendar(self.holidays) else _days(self.holidays)
        )
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Parts, column after column: float64 of shape (n_rows, n_parts)."""
        frame = self._frame(X)
        out = []
        for place in positions(frame, self.columns, "columns"):
            dates = _dates(frame, place, self.unit)
            known = self._parts(dates)
            for part in self._chosen():
                values = np.asarray(known[part](), dtype=np.float64)
                out += self._cycle(part, np.where(dates.isna(), np.nan, values))
        return np.column_stack(out)

    def _parts(self, dates: pd.DatetimeIndex) -> dict[str, Any]:
        """How each part is made; a part that is not asked for is not made."""
        holiday = self._holiday_columns(dates) if set(_HOLIDAY) & {*self._chosen()} else {}
        return {
            "is_weekend": lambda: ~np.isin(dates.dayofweek, list(self.business_days)),
            "is_business_hours": lambda: self._is_open(dates),
            "week_of_year": lambda: dates.isocalendar()["week"].to_numpy(dtype=np.float64, na_value=np.nan),
            "day_of_week": lambda: dates.dayofweek,
            "day_of_year": lambda: dates.dayofyear,
            **{part: lambda part=part: getattr(dates, part) for part in ("year", "month", "day", "hour")},
            **{part: lambda part=part: holiday[part] for part in _HOLIDAY},
        }

    def _is_open(self, dates: pd.DatetimeIndex) -> np.ndarray:
        since_midnight = (dates - dates.normalize()).as_unit("ns").asi8
        opens, closes = (hour * _HOUR for hour in self.business_hours)
        is_open = np.isin(dates.dayofweek, list(self.business_days))
        is_open &= (since_midnight >= opens) & (since_midnight < closes)
        if self.holidays is not None:
            is_open &= ~np.isin(_whole_days(dates), self._known(dates))
        return is_open

    def _known(self, dates: pd.DatetimeIndex) -> np.ndarray:
        """Holidays as days since 1970, sorted; those of a calendar around the dates asked for."""
        if self.holiday_days_ is not None:
            return self.holiday_days_
        present = dates[~dates.isna()]
        if not len(present):
            return np.array([], dtype=np.int64)
        calendar = self.holidays() if isinstance(self.holidays, type) else self.holidays
        margin = pd.Timedelta(800, "D")
        first, last = (moment.tz_localize(None).normalize() for moment in (present.min(), present.max()))
        return _days(calendar.holidays(first - margin, last + margin))

    def _holiday_columns(self, dates: pd.DatetimeIndex) -> dict[str, np.ndarray]:
        known, day = self._known(dates), _whole_days(dates)
        after = np.searchsorted(known, day)
        padded = np.concatenate([[np.nan], known, [np.nan]])
        is_holiday = np.isin(day, known).astype(np.float64)
        before = np.searchsorted(known, day, side="right")
        if self.holiday_days_ is not None and len(known):
            years = known.astype("datetime64[D]").astype("datetime64[Y]")
            year = day.astype("datetime64[D]").astype("datetime64[Y]")
            is_holiday[(year < years[0]) | (year > years[-1])] = np.nan
        return {
            "is_holiday": is_holiday,
            "days_to_holiday": padded[after + 1] - day,
            "days_since_holiday": day - padded[before],
        }

    def _chosen(self) -> tuple[str, ...]:
        if self.parts is not None:
            return tuple(self.parts)
        return _USUAL if self.holidays is None else _USUAL + _HOLIDAY

    def _cycle(self, part: str, values: np.ndarray) -> list[np.ndarray]:
        if not self.cyclic or part not in _CYCLES:
            return [values]
        first, length = _CYCLES[part]
        angle = 2 * np.pi * (values - first) / length
        return [np.sin(angle), np.cos(angle)]

    def _names_out(self, names: Sequence[str]) -> Sequence[str]:
        frame = pd.DataFrame(columns=self._names_in())
        out = []
        for place in positions(frame, self.columns, "columns"):
            for part in self._chosen():
                ends = ("_sin", "_cos") if self.cyclic and part in _CYCLES else ("",)
                out += [f"{names[place]}_{part}{end}" for end in ends]
        return out

    def _check_parameters(self) -> None:
        if isinstance(self.parts, str):
            raise TypeError(f"parts: give a list, [{self.parts!r}], not the text {self.parts!r}")
        unknown = [part for part in self._chosen() if part not in PARTS]
        if unknown or not self._chosen():
            raise ValueError(f"parts: no part {unknown}; use {', '.join(PARTS)}")
        asked = set(_HOLIDAY) & {*self._chosen()}
        if asked and self.holidays is None:
            raise ValueError(f"parts: {', '.join(sorted(asked))} needs holidays")
        opens, closes = self.business_hours
        if not 0 <= opens < closes <= 24:
            raise ValueError(
                f"business_hours={self.business_hours!r} must be two rising hours between 0 and 24"
            )
        if not {*self.business_days} <= {*range(7)}:
            raise ValueError(f"business_days={self.business_days!r} must be of 0 (Monday) to 6 (Sunday)")


def _is_calendar(holidays: Any) -> bool:
    return callable(getattr(holidays, "holidays", None))


def _days(holidays: Mapping | Iterable) -> np.ndarray:
    """Dates as sorted days since 1970."""
    if isinstance(holidays, str):
        raise TypeError(f"holidays: give a list of dates, not the text {holidays!r}")
    holidays = list(holidays)  # a mapping gives its keys
    word = next((date for date in holidays if is_date_word(date)), None)
    if word is not None:
        raise ValueError(f"holidays: {word!r} is another date at every run; give dates such as '2024-12-25'")
    try:
        dates = pd.DatetimeIndex([pd.Timestamp(date) for date in holidays])
    except (ValueError, TypeError) as error:
        raise ValueError(f"holidays: {error}; give dates such as '2024-12-25'") from error
    return np.unique(_whole_days(dates[~dates.isna()]))


def _whole_days(dates: pd.DatetimeIndex) -> np.ndarray:
    """Days since 1970 on the calendar of the dates' own time zone."""
    return dates.tz_localize(None).to_numpy("datetime64[D]").astype(np.int64)


def _dates(frame: pd.DataFrame, place: int, unit: str) -> pd.DatetimeIndex:
    column, name = frame.iloc[:, place].infer_objects(), frame.columns[place]
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.DatetimeIndex(column)
    if pd.api.types.is_bool_dtype(column):
        raise ValueError(f"column {name!r} holds true and false, not dates")
    settings = {"unit": unit} if pd.api.types.is_numeric_dtype(column) else {"format": "ISO8601"}
    word = column.map(is_date_word).astype(bool).to_numpy() if column.dtype.kind == "O" else np.zeros(0, bool)
    if word.any():
        value, row = column.iloc[int(word.argmax())], frame.index[int(word.argmax())]
        raise ValueError(
            f"column {name!r} holds {value!r} in row {row!r}, which is another date at every run; "
            "write the date that is meant"
        )
    dates = _read(column, settings)
    if dates is not None:
        return dates
    dates = _far(column)
    if dates is not None:
        return dates
    first, last = 0, len(column)
    while last - first > 1:  # halve until the first value that cannot be read stands alone
        middle = (first + last) // 2
        broken = _read(column.iloc[first:middle], settings) is None
        first, last = (first, middle) if broken else (middle, last)
    value, row = column.iloc[first], frame.index[first]
    if _read(column.iloc[first:last], settings) is not None:
        raise ValueError(
            f"column {name!r} mixes time zones; read it with pd.to_datetime(..., utc=True) first"
        )
    if isinstance(value, dict | list | set | tuple):
        raise TypeError(
            f"column {name!r}, row {row!r}: argument must be a string, a number or a date, not {value!r}"
        )
    raise ValueError(
        f"column {name!r} holds {value!r} in row {row!r}, which is no date; "
        "write it as 2024-03-31 or read it with pd.to_datetime"
    )


def _far(column: pd.Series) -> pd.DatetimeIndex | None:
    """Dates that nanoseconds do not reach, such as 9999-12-31; None if a value is no date at all."""
    if pd.api.types.is_numeric_dtype(column) or column.map(lambda v: isinstance(v, dict | list)).any():
        return None
    try:
        dates = pd.DatetimeIndex(read_iso_dates(column))
    except MixedZonesError:
        return None
    return dates if dates.unit != "ns" and (dates.isna() == column.isna().to_numpy()).all() else None


def _read(column: pd.Series, settings: Mapping[str, str]) -> pd.DatetimeIndex | None:
    """Dates, or None if a value is none or the values are of different time zones."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # how pandas 2 tells of mixed time zones
        try:
            return pd.DatetimeIndex(pd.to_datetime(column, **settings))
        except (TypeError, ValueError, OverflowError, FutureWarning):
            return None
