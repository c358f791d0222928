"""When to retrain: never, by the calendar, by an alarm, a little each week, or by calendar and alarm.

Taught in lesson 9.3 (retraining). `mlhelpers.monitoring.compare_policies` runs them on a stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlhelpers.monitoring.alerts import Alarm
from mlhelpers.monitoring.retraining.decision import decide


@dataclass(frozen=True)
class Known:
    """What a policy may look at in one week, after that week was scored.

    Attributes
    ----------
    week : int
        The present week.
    weeks_since_fit : int
        Weeks since the model that is in place was fitted; for the first one, since the stream began.
    new_labels : int
        Rows whose labels arrived since that fit.
    drift : tuple of Alarm
        Alarms of inputs that became known since that fit, this week's included.
    performance : tuple of Alarm
        Alarms of the labels that became known since that fit.
    all_alarms : tuple of Alarm
        Every alarm known by now.
    """

    week: int
    weeks_since_fit: int
    new_labels: int
    drift: tuple[Alarm, ...] = ()
    performance: tuple[Alarm, ...] = ()
    all_alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True)
class RetrainingPolicy:
    """Base of all policies; by itself it never retrains.

    Attributes
    ----------
    name : str
    watches : tuple of str
        Of "drift" and "performance": which alarms it needs, so that others cost nothing.
    incremental : bool
        Whether the model learns from each week's labels by ``partial_fit``.
    """

    name: str = "never"
    watches: tuple[str, ...] = ()
    incremental: bool = False

    def reason(self, known: Known) -> str | None:
        """Why the model is to be fitted anew now, or None."""
        return None


@dataclass(frozen=True)
class Never(RetrainingPolicy):
    """The first model stays.

    Taught in lesson 9.3.
    """


@dataclass(frozen=True)
class Scheduled(RetrainingPolicy):
    """A new model every `every` weeks, whatever happens.

    Taught in lesson 9.3.
    """

    name: str = "scheduled"
    every: int = 8

    def __post_init__(self):
        _at_least_one(self.every, "every")

    def reason(self, known: Known) -> str | None:
        """Due by the calendar, and there are new labels."""
        due = known.weeks_since_fit >= self.every and known.new_labels > 0
        return f"{known.weeks_since_fit} weeks old" if due else None


@dataclass(frozen=True)
class OnDrift(RetrainingPolicy):
    """A new model `wait` weeks after the inputs were found to have moved, with the labels known by then.

    Taught in lesson 9.3.
    """

    name: str = "drift alarm"
    watches: tuple[str, ...] = ("drift",)
    wait: int = 0

    def reason(self, known: Known) -> str | None:
        """Drift is known for `wait` weeks, and there are new labels."""
        return _alarmed(known.drift, known, self.wait)


@dataclass(frozen=True)
class OnPerformance(RetrainingPolicy):
    """A new model `wait` weeks after labels showed a loss: the more, the more of them are of the new time.

    Taught in lesson 9.3.
    """

    name: str = "performance alarm"
    watches: tuple[str, ...] = ("performance",)
    wait: int = 3

    def reason(self, known: Known) -> str | None:
        """A loss is known for `wait` weeks."""
        return _alarmed(known.performance, known, self.wait)


@dataclass(frozen=True)
class Incremental(RetrainingPolicy):
    """Each week's labels are learned by ``partial_fit`` as they arrive; nothing is fitted anew.

    Taught in lesson 9.3.
    """

    name: str = "incremental"
    incremental: bool = True


@dataclass(frozen=True)
class Hybrid(RetrainingPolicy):
    """By the calendar, sooner if labels show a loss, and not at all while the inputs are broken.

    Taught in lesson 9.3. What is broken is what `decide` says of the alarms known by then; after `patience`
    weeks without another alarm the data count as repaired.
    """

    name: str = "hybrid"
    watches: tuple[str, ...] = ("drift", "performance")
    every: int = 13
    wait: int = 3
    patience: int = 8

    def __post_init__(self):
        _at_least_one(self.every, "every")

    def reason(self, known: Known) -> str | None:
        """The first of the two reasons, unless the latest alarms say that data must be repaired."""
        recent = [a for a in known.all_alarms if known.week - a.detected_in_week < self.patience]
        if decide(recent).action == "repair":
            return None
        due = known.weeks_since_fit >= self.every and known.new_labels > 0
        return _alarmed(known.performance, known, self.wait) or (
            f"{known.weeks_since_fit} weeks old" if due else None
        )


def default_policies() -> tuple[RetrainingPolicy, ...]:
    """One of each, with its default settings.

    Taught in lesson 9.3.
    """
    return (Never(), Scheduled(), OnDrift(), OnPerformance(), Incremental(), Hybrid())


def _alarmed(alarms: tuple[Alarm, ...], known: Known, wait: int) -> str | None:
    ready = [alarm for alarm in alarms if known.week - alarm.detected_in_week >= wait]
    if not ready or not known.new_labels:
        return None
    first = min(ready, key=lambda alarm: (alarm.detected_in_week, alarm.week, alarm.column))
    return f"{first.kind} alarm of week {first.detected_in_week}: {first.column}"


def _at_least_one(value: int, name: str) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1 week, got {value}")
