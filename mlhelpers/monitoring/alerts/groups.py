"""Which alarms are one incident, what caused them by their names, and since when all is quiet.

Taught in lesson 9.2 (alerts and incidents).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from mlhelpers.monitoring.alerts.incidents import Incident
from mlhelpers.monitoring.alerts.rules import Alarm

_BY = ("kind", "cause")


def group_alarms(
    alarms: Sequence[Alarm],
    *,
    window: int = 2,
    by: Sequence[str] = (),
    causes: Mapping[str, str] | None = None,
    severities: Mapping[str, str] | None = None,
    week: int | None = None,
) -> list[Incident]:
    """Put alarms that belong together into one incident, in the order in which they became known.

    Taught in lesson 9.2. An alarm joins the incident whose first week is nearest to its own, if that is at
    most `window` weeks away and they agree in what `by` names; otherwise it opens an incident. So each alarm
    is in exactly one, an incident keeps its key, and the order of `alarms` does not matter.

    Parameters
    ----------
    alarms : sequence of Alarm
    window : int, default=2
        Weeks between the beginnings.
    by : sequence of "kind" and "cause", optional
        What must agree besides the week. Without it, a data alarm and the performance alarm that follows when
        the labels arrive are one incident.
    causes : mapping of str to str, optional
        Root cause of a column or of a whole monitor, such as ``{"data_gb": "usage feed"}``. A column that is
        not in it is its own cause.
    severities : mapping of str to str, optional
        By kind of alarm; "ticket" for what is not in it. An incident has that of the alarm that opened it.
    week : int, optional
        The present week: alarms that became known later are left out.

    Returns
    -------
    list of Incident
        In the order of their detection.

    Raises
    ------
    ValueError
        If `window` is negative or `by` has another name.
    """
    unknown = [name for name in by if name not in _BY]
    if window < 0 or unknown:
        raise ValueError(
            f"window must not be negative and by of {', '.join(_BY)}, got {window} and {list(by)}"
        )
    known = [alarm for alarm in alarms if week is None or alarm.detected_in_week <= week]
    groups: list[tuple[dict[str, str], list[Alarm]]] = []
    for alarm in sorted(known, key=_order):
        own = {"kind": alarm.kind, "cause": root_cause(alarm.column, causes)}
        near = [
            (abs(alarm.week - members[0].week), place)
            for place, (other, members) in enumerate(groups)
            if abs(alarm.week - members[0].week) <= window and all(own[name] == other[name] for name in by)
        ]
        if near:
            groups[min(near)[1]][1].append(alarm)
        else:
            groups.append((own, [alarm]))
    incidents: list[Incident] = []
    for own, members in groups:
        first = members[0]
        plain = f"w{first.week:03d}-{_slug(own['kind'])}-{_slug(own['cause'])}"
        taken = sum(bool(re.fullmatch(re.escape(plain) + r"(-\d+)?", other.key)) for other in incidents)
        incidents.append(
            Incident(
                key=f"{plain}-{taken + 1}" if taken else plain,
                week=first.week,
                detected_in_week=first.detected_in_week,
                cause=own["cause"],
                severity=(severities or {}).get(first.kind, "ticket"),
                alarms=tuple(members),
            )
        )
    return incidents


def root_cause(monitor: str, causes: Mapping[str, str] | None = None) -> str:
    """Cause that a monitor such as ``range:data_gb`` or ``gap:internet=fiber`` points to: its column.

    Taught in lesson 9.2. An entry of `causes` for the whole monitor goes before one for its column.
    """
    causes = causes or {}
    column = monitor.partition(":")[2].partition("=")[0] or monitor
    return causes.get(monitor, causes.get(column, column))


def quiet_since(states: pd.DataFrame, incident: Incident) -> int | None:
    """First week since which no monitor of the incident is active; None if one still is.

    Taught in lesson 9.2.

    Parameters
    ----------
    states : DataFrame of bool
        Of `mlhelpers.monitoring.alarm_states`, indexed by week. Monitors that it lacks are left out.
    incident : Incident
    """
    names = sorted({name for alarm in incident.alarms for name in alarm.evidence} & set(states.columns))
    later = states.loc[states.index >= incident.detected_in_week, names]
    if not names or later.empty:
        return None
    loud = later.any(axis=1)
    last = loud[::-1].idxmax() if loud.any() else None
    quiet = later.index if last is None else later.index[later.index > last]
    return int(quiet[0]) if len(quiet) else None


def _order(alarm: Alarm) -> tuple:
    return (
        alarm.detected_in_week, alarm.week, alarm.kind, alarm.column, alarm.value, alarm.threshold,
        sorted(alarm.evidence.items()),
    )  # fmt: skip


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "x"
