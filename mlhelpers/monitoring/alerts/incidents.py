"""From alarms to incidents: what belongs together, from the first detection to the postmortem.

Taught in lesson 9.2 (alerts and incidents).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from mlhelpers.data.artifacts import read_json, write_json, write_text
from mlhelpers.monitoring.alerts.route_kinds import Message
from mlhelpers.monitoring.alerts.routes import Delivery
from mlhelpers.monitoring.alerts.rules import Alarm

_PARTS = ("impact", "root_cause", "repair", "follow_up")


@dataclass(frozen=True)
class Event:
    """One line of a timeline: in which week, and what."""

    week: int
    what: str


@dataclass(frozen=True)
class Incident:
    """What happened, from detection to resolution.

    Attributes
    ----------
    key : str
        Name that stays the same while alarms are added; also the name of its files.
    week : int
        Week in which it began, as the alarm that opened it says.
    detected_in_week : int
        Week in which it was opened.
    cause : str
        Column or system that the first alarm names.
    severity : str
    alarms : tuple of Alarm
        In the order in which they became known.
    events : tuple of Event
        What people noted, in order.
    resolved_in_week : int or None
    postmortem : mapping of str to str
        impact, root_cause, repair, follow_up; what is not written yet is not in it.
    """

    key: str
    week: int
    detected_in_week: int
    cause: str
    severity: str
    alarms: tuple[Alarm, ...]
    events: tuple[Event, ...] = ()
    resolved_in_week: int | None = None
    postmortem: Mapping[str, str] | None = None

    @property
    def status(self) -> str:
        """Either "open" or "resolved"."""
        return "open" if self.resolved_in_week is None else "resolved"

    @property
    def title(self) -> str:
        """One line."""
        kinds = " and ".join(sorted({alarm.kind for alarm in self.alarms}))
        return f"{self.cause}: {kinds} alarm since week {self.week}"

    @property
    def timeline(self) -> pd.DataFrame:
        """Beginning, alarms, notes and the end; columns week and what."""
        lines = [Event(self.week, "began, by what the alarms say")]
        lines += [
            Event(
                alarm.detected_in_week,
                f"{alarm.kind} alarm: {alarm.column} is {alarm.value:.3g}, limit {alarm.threshold:.3g} "
                f"(since week {alarm.week})",
            )
            for alarm in self.alarms
        ]
        lines += self.events
        if self.resolved_in_week is not None:
            lines.append(Event(self.resolved_in_week, "resolved"))
        lines.sort(key=lambda line: line.week)
        return pd.DataFrame([asdict(line) for line in lines])

    def note(self, week: int, what: str) -> Incident:
        """Copy with a line more; raises a ValueError before the detection or after the resolution."""
        if week < self.detected_in_week:
            raise ValueError(f"{self.key} was detected in week {self.detected_in_week}, not by week {week}")
        if self.resolved_in_week is not None and week > self.resolved_in_week:
            raise ValueError(f"{self.key} was resolved in week {self.resolved_in_week}; reopen it first")
        events = sorted([*self.events, Event(int(week), what)], key=lambda event: event.week)
        return replace(self, events=tuple(events))

    def told(self, week: int, deliveries: Sequence[Delivery]) -> Incident:
        """Copy with a line that says on which routes the message went out, and where it failed and why."""
        sent = [delivery.route for delivery in deliveries if delivery.delivered]
        failed = [f"{delivery.route} failed ({delivery.error})" for delivery in deliveries if delivery.error]
        told = f"told by {', '.join(sent)}" if sent else "told nobody"
        return self.note(week, "; ".join([told, *failed]))

    def resolve(self, week: int, **postmortem: str) -> Incident:
        """Copy that is resolved.

        Parameters
        ----------
        week : int
            Not before the last alarm or note.
        **postmortem : str
            impact, root_cause, repair, follow_up.
        """
        last = max([a.detected_in_week for a in self.alarms] + [event.week for event in self.events])
        if week < last:
            raise ValueError(f"{self.key} cannot be resolved in week {week}: week {last} is in its timeline")
        unknown = sorted(set(postmortem) - set(_PARTS))
        if unknown:
            raise ValueError(f"a postmortem has {', '.join(_PARTS)}, not {', '.join(unknown)}")
        return replace(
            self, resolved_in_week=int(week), postmortem={**(self.postmortem or {}), **postmortem} or None
        )

    def message(self) -> Message:
        """What the routes send."""
        return Message(self.key, self.severity, self.title, self.to_markdown(), self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Plain nested mapping, for JSON."""
        plain: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("key", "status", "week", "detected_in_week", "resolved_in_week", "cause", "severity")
        }
        plain["alarms"] = [alarm.as_dict() for alarm in self.alarms]
        plain["events"] = [asdict(event) for event in self.events]
        plain["postmortem"] = dict(self.postmortem or {})
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Incident:
        """The incident that `as_dict` was made of."""
        values = {name: plain[name] for name in ("key", "week", "detected_in_week", "cause", "severity")}
        return cls(
            **values,
            alarms=tuple(Alarm(**alarm) for alarm in plain["alarms"]),
            events=tuple(Event(**event) for event in plain["events"]),
            resolved_in_week=plain["resolved_in_week"],
            postmortem=plain["postmortem"] or None,
        )

    def to_markdown(self) -> str:
        """Record of the incident, with a heading for each part of the postmortem."""
        resolved = "not yet" if self.resolved_in_week is None else f"week {self.resolved_in_week}"
        blocks = [
            f"# Incident {self.key}",
            _line(self.title),
            f"- status: {self.status}\n- severity: {self.severity}\n- began: week {self.week}\n"
            f"- detected: week {self.detected_in_week}\n- resolved: {resolved}",
            "## Timeline",
            "\n".join(f"- week {row.week}: {_line(row.what)}" for row in self.timeline.itertuples()),
        ]
        for part in _PARTS:
            blocks += [
                f"## {part.replace('_', ' ').capitalize()}",
                (self.postmortem or {}).get(part, "To be written."),
            ]
        return "\n\n".join(blocks) + "\n"

    def save(self, folder: str | Path) -> Path:
        """Write ``<key>.json`` and ``<key>.md``, each atomically; return the path of the JSON file."""
        folder = Path(folder)
        path = write_json(self.as_dict(), folder / f"{self.key}.json")  # first: it refuses what is no number
        write_text(self.to_markdown(), folder / f"{self.key}.md")
        return path

    def _repr_html_(self) -> str:
        head = f"<p><b>{escape(self.title)}</b> ({self.status}, {escape(self.severity)})</p>"
        return head + self.timeline.to_html(index=False)


def load_incident(path: str | Path) -> Incident:
    """Read an incident that `Incident.save` wrote.

    Taught in lesson 9.2.
    """
    return Incident.from_dict(read_json(path))


def _line(text: str) -> str:
    return " ".join(text.split())
