"""From weekly figures to few alarms: several weeks in agreement, two limits, then silence.

Taught in lesson 9.2 (alerts and incidents).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes
    ----------
    week : int
        First week of those that led to it: when, by the alarm, the change began.
    detected_in_week : int
        Week in which it became known; later than `week`, by the labels' delay too if it rests on labels.
    kind : str
        "data" or "performance".
    column : str
        Monitor that exceeded its threshold most.
    value, threshold : float
        Of that monitor in the last week of those that led to the alarm.
    evidence : dict of str to float
        Every monitor that met the rule, with its value in that week.
    """

    week: int
    detected_in_week: int
    kind: str
    column: str
    value: float
    threshold: float
    evidence: dict[str, float] = field(default_factory=dict, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping, for JSON; numbers rounded to 6 digits."""
        plain = asdict(self)
        plain |= {"value": round(self.value, 6), "threshold": round(self.threshold, 6)}
        plain["evidence"] = {name: round(value, 6) for name, value in self.evidence.items()}
        return plain


@dataclass(frozen=True)
class AlarmRule:
    """When to raise an alarm and how long to be silent afterwards.

    Attributes
    ----------
    k, n : int
        A monitor must exceed its threshold in `k` of the last `n` weeks.
    cooldown : int
        Weeks after an alarm in which none of the same kind is raised.
    clear : float, default=1.0
        The lower limit, as a share of the threshold. A monitor that led to an alarm stays active until it is
        at or below it in all of the last `n` weeks, and raises no other alarm before.
    """

    k: int = 2
    n: int = 3
    cooldown: int = 4
    clear: float = 1.0

    def __post_init__(self):
        if not 1 <= self.k <= self.n:
            raise ValueError(f"k must be from 1 to n, got k={self.k} and n={self.n}")
        if self.cooldown < 0:
            raise ValueError(f"cooldown must not be negative, got {self.cooldown}")
        if not 0 < self.clear <= 1:
            raise ValueError(f"clear must be above 0 and at most 1 (of the threshold), got {self.clear}")


class Watch:
    """Applies a rule week by week; after an alarm, a monitor must be quiet for `n` weeks to raise another.

    Quiet is at or below the rule's lower limit. A week whose value is unknown (NaN) neither raises nor
    clears.
    """

    def __init__(self, rule: AlarmRule, kind: str):
        self.rule, self.kind = rule, kind
        self.clear()

    def clear(self, *, silent_until: int | None = None) -> None:
        """Forget past weeks, such as after the reference was changed."""
        self._above: dict[str, list[int]] = {}
        self._loud: dict[str, list[int]] = {}
        self._active: set[str] = set()
        self._silent_until = silent_until

    @property
    def active(self) -> frozenset[str]:
        """Monitors that led to an alarm and have not been quiet since."""
        return frozenset(self._active)

    def update(
        self, week: int, values: Mapping[str, float], thresholds: Mapping[str, float], *, known_in: int
    ) -> Alarm | None:
        """Take in one week's figures."""
        met: dict[str, int] = {}
        for name, value in values.items():
            recent = [past for past in self._above.get(name, []) if past > week - self.rule.n]
            if abs(value) > thresholds[name]:
                recent.append(week)
            self._above[name] = recent
            loud = [past for past in self._loud.get(name, []) if past > week - self.rule.n]
            if not abs(value) <= self.rule.clear * thresholds[name]:
                loud.append(week)
            self._loud[name] = loud
            if not loud:
                self._active.discard(name)
            if len(recent) >= self.rule.k and recent[-1] == week and name not in self._active:
                met[name] = recent[0]
        if not met or (self._silent_until is not None and week <= self._silent_until):
            return None
        self._active.update(met)
        self._silent_until = week + self.rule.cooldown
        evidence = {name: float(values[name]) for name in met}
        worst = min(met, key=lambda name: (-abs(values[name]) / max(thresholds[name], 1e-12), name))
        return Alarm(
            week=min(met.values()),
            detected_in_week=known_in,
            kind=self.kind,
            column=worst,
            value=float(values[worst]),
            threshold=float(thresholds[worst]),
            evidence=evidence,
        )


def replay(
    figures: pd.DataFrame,
    thresholds: Mapping[str, float] | float,
    *,
    rule: AlarmRule | None = None,
    kind: str = "data",
    delay: int = 0,
) -> list[Alarm]:
    """Run a rule over weekly figures with fixed thresholds.

    Taught in lesson 9.2.

    Parameters
    ----------
    figures : DataFrame of shape (n_weeks, n_monitors)
        Indexed by week number, in order. NaN never exceeds.
    thresholds : float or mapping of str to float
        One for all monitors, or one for each. A figure exceeds it if its absolute value is above.
    rule : AlarmRule, optional
        2 of 3 weeks and a cool-down of 4 without it. ``AlarmRule(1, 1, 0)`` is the naive rule.
    kind : str, default="data"
        Given to the alarms.
    delay : int, default=0
        Weeks until a week's figures are known, such as the labels' delay.

    Returns
    -------
    list of Alarm
        In the order of the weeks.

    Raises
    ------
    ValueError
        If the weeks are not in order or a monitor has no threshold.
    """
    watch = Watch(rule or AlarmRule(), kind)
    alarms = []
    for week, values, limits in _weeks(figures, thresholds):
        alarm = watch.update(week, values, limits, known_in=week + delay)
        if alarm is not None:
            alarms.append(alarm)
    return alarms


def alarm_states(
    figures: pd.DataFrame, thresholds: Mapping[str, float] | float, *, rule: AlarmRule | None = None
) -> pd.DataFrame:
    """Whether each monitor is active in each week: raised, and not yet quiet again.

    Taught in lesson 9.2. Between the two limits of the rule a state does not change.

    Parameters
    ----------
    figures, thresholds, rule
        As in `replay`.

    Returns
    -------
    DataFrame of bool, of the shape of `figures`

    Raises
    ------
    ValueError
        As `replay`.
    """
    watch, rows = Watch(rule or AlarmRule(), "data"), []
    for week, values, limits in _weeks(figures, thresholds):
        watch.update(week, values, limits, known_in=week)
        rows.append([name in watch.active for name in figures.columns])
    return pd.DataFrame(rows, index=figures.index, columns=figures.columns, dtype=bool)


def _weeks(figures: pd.DataFrame, thresholds: Mapping[str, float] | float) -> Iterator[tuple]:
    if not figures.index.is_monotonic_increasing or not figures.index.is_unique:
        raise ValueError("figures must be indexed by week, in order and each once")
    if not isinstance(thresholds, Mapping | pd.Series):
        thresholds = dict.fromkeys(figures.columns, float(thresholds))
    absent = [str(name) for name in figures.columns if name not in thresholds]
    if absent:
        raise ValueError(f"no threshold for {', '.join(absent)}")
    for week, row in figures.iterrows():
        yield int(week), row.to_dict(), thresholds
