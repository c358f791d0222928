"""What to do after an alarm, and whether retraining was worth it.

Taught in lesson 9.3 (retraining).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlhelpers.monitoring.alerts import Alarm
from mlhelpers.validation.metrics import paired_difference

_LOSSES = ("log_loss", "brier")


@dataclass(frozen=True)
class Decision:
    """What to do.

    Attributes
    ----------
    action : str
        "none", "repair" or "retrain".
    reason : str
        Why, with the figures.
    columns : tuple of str
        Columns to repair; empty otherwise.
    since_week : int or None
        First week whose rows to retrain on; None otherwise.
    """

    action: str
    reason: str
    columns: tuple[str, ...] = ()
    since_week: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping, for JSON."""
        return asdict(self)


def decide(
    alarms: Sequence[Alarm], *, week: int | None = None, broken_share: float = 0.2, window: int = 2
) -> Decision:
    """Decide on the latest alarms: repair the data, retrain, or neither.

    Taught in lesson 9.3. A model must not be retrained on broken data, so repair comes first. Retraining
    needs labels that show a loss; inputs that have only moved, with the model still right, are no reason.

    Parameters
    ----------
    alarms : sequence of Alarm
        For example of `mlhelpers.monitoring.replay_weeks`.
    week : int, optional
        The present week; alarms that became known later are left out. All count without it.
    broken_share : float, default=0.2
        A column is broken if so many more of its values are missing or outside the range ever seen.
    window : int, default=2
        Alarms whose weeks are at most this far from the latest one's belong to the same incident.

    Returns
    -------
    Decision
    """
    known = [alarm for alarm in alarms if week is None or alarm.detected_in_week <= week]
    if not known:
        return Decision("none", "no alarm")
    latest = max(alarm.week for alarm in known)
    incident = [alarm for alarm in known if alarm.week >= latest - window]
    onset = min(alarm.week for alarm in incident)
    broken = {
        name.partition(":")[2]: value
        for alarm in incident
        if alarm.kind == "data"
        for name, value in alarm.evidence.items()
        if name.startswith(("range:", "missing:")) and value >= broken_share
    }
    if broken:
        shares = ", ".join(f"{name} ({value:.0%})" for name, value in sorted(broken.items()))
        reason = f"since week {onset} values are missing or outside the range ever seen: {shares}"
        return Decision("repair", reason, columns=tuple(sorted(broken)))
    losses = [alarm for alarm in incident if alarm.kind == "performance"]
    if losses:
        worst = max(losses, key=lambda alarm: abs(alarm.value))
        reason = (
            f"since week {worst.week} the labels disagree with the model: {worst.column} is "
            f"{worst.value:+.1f} standard errors off, {worst.threshold:.1f} are usual"
        )
        return Decision("retrain", reason, since_week=min(alarm.week for alarm in losses))
    moved = sorted({name.partition(":")[2] for alarm in incident for name in alarm.evidence})
    return Decision(
        "none", f"inputs have moved since week {onset} ({', '.join(moved)}), no loss seen in the labels"
    )


def gain_of_retraining(
    y: Any,
    p_old: Any,
    p_new: Any,
    *,
    metric: str = "log_loss",
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.Generator | None = 0,
) -> dict[str, float]:
    """How much better the new model is on the same rows, with an interval; above 0 is better.

    Taught in lesson 9.3.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels of rows that neither model was trained on.
    p_old, p_new : array-like of shape (n_rows,)
        Probabilities of the two models.
    metric : str, default="log_loss"
        As in `mlhelpers.validation.classification_metrics`; of a loss, the drop is the gain.
    n_resamples, level, random_state
        As in `mlhelpers.validation.bootstrap_intervals`.

    Returns
    -------
    dict of str to float
        value, low, high.
    """
    sides = (p_new, p_old) if metric in _LOSSES else (p_old, p_new)
    return paired_difference(
        y, *sides, metric, n_resamples=n_resamples, level=level, random_state=random_state
    )
