"""A stream of weekly batches watched from the first week to the last, as it would have been at the time.

Taught in lesson 9.2 (alerts and incidents); the monitor stage of the pipeline runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.monitoring.alerts import Alarm, AlarmRule, Watch
from mlhelpers.monitoring.drift import learn_baseline
from mlhelpers.monitoring.retraining.performance import batch_performance, learn_performance_baseline


@dataclass(frozen=True)
class Replay:
    """What was seen in a stream.

    Attributes
    ----------
    figures : DataFrame
        Columns week, known_in_week, kind, monitor, value, threshold, exceeded, watched (False while a new
        reference is being collected).
    performance : DataFrame indexed by week
        `batch_performance` of the weeks whose labels arrived; empty without labels.
    alarms : list of Alarm
        In the order in which they became known.
    """

    figures: pd.DataFrame
    performance: pd.DataFrame
    alarms: list[Alarm]

    def alarm_table(self) -> pd.DataFrame:
        """One row per alarm: week, detected_in_week, kind, column, value, threshold."""
        columns = ["week", "detected_in_week", "kind", "column", "value", "threshold"]
        return pd.DataFrame([alarm.as_dict() for alarm in self.alarms], columns=columns)

    def _repr_html_(self) -> str:
        return self.alarm_table().round(3).to_html(index=False)


def replay_weeks(
    reference: pd.DataFrame,
    stream: pd.DataFrame,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    week: str = "week",
    prediction: str | None = None,
    label: str | None = None,
    label_delay: int = 0,
    segments: Sequence[str] = (),
    rule: AlarmRule | None = None,
    false_alarm_rate: float = 1 / 200,
    rebase_weeks: int = 4,
    n_draws: int = 2000,
    random_state: int | None = 0,
) -> Replay:
    """Watch inputs, predictions and, when they arrive, labels; learn a new reference after each alarm.

    Taught in lesson 9.2. Nothing is used before it is known: thresholds come from the reference, and after an
    alarm from the batches since the week that it names. While those are being collected, no alarm of the same
    kind is raised.

    Parameters
    ----------
    reference : DataFrame of shape (n_rows, n_columns)
        The training rows. If `prediction` is given, it must hold probabilities by a model that did not see
        the row (out of fold), or the model seems worse in production than it is.
    stream : DataFrame of shape (n_stream_rows, n_columns)
        Later rows with the number of their week.
    numeric, categorical : sequence of str
        Inputs to watch.
    week : str, default="week"
        Column of `stream` with the week number.
    prediction, label : str, optional
        Columns of both frames with probabilities and labels. Without `label`, only inputs and predictions
        are watched.
    label_delay : int, default=0
        Weeks until the labels of a week are known.
    segments : sequence of str, optional
        Categorical columns whose values are each watched for a gap between labels and predictions.
    rule : AlarmRule, optional
        2 of 3 weeks without it. Its cool-down is replaced by the collection of the new reference.
    false_alarm_rate : float, default=1/200
        Share of ordinary weeks in which any monitor of a kind may exceed its threshold.
    rebase_weeks : int, default=4
        Batches that make up the new reference after an alarm; at least 2.
    n_draws, random_state
        As in `mlhelpers.monitoring.learn_baseline`.

    Returns
    -------
    Replay

    Raises
    ------
    ValueError
        If a column is missing, or `label` is given without `prediction`.
    """
    if label is not None and prediction is None:
        raise ValueError("label needs prediction, the column with the probabilities that were given")
    if rebase_weeks < 2:
        raise ValueError(f"rebase_weeks must be at least 2, got {rebase_weeks}")
    outcome = [name for name in (prediction, label) if name is not None]
    inputs = [*numeric, *categorical, *segments, *outcome]
    for name, frame, columns in (("reference", reference, inputs), ("stream", stream, [week, *inputs])):
        require_unique_columns(frame, name)
        absent = [column for column in dict.fromkeys(columns) if column not in frame]
        if absent:
            raise ValueError(f"columns missing from {name}: {', '.join(absent)}")
    batches = {int(number): batch for number, batch in stream.groupby(week)}
    options = {
        "batch_size": int(np.median([len(batch) for batch in batches.values()])),
        "false_alarm_rate": false_alarm_rate,
        "n_draws": n_draws,
        "random_state": random_state,
    }
    rule = rule or AlarmRule()

    def watch_inputs(rows: pd.DataFrame) -> tuple[Callable, pd.Series]:
        watched = [*numeric, *([prediction] if prediction else [])]
        usual = learn_baseline(rows, numeric=watched, categorical=categorical, **options)
        return usual.measure, usual.thresholds

    def watch_labels(rows: pd.DataFrame) -> tuple[Callable, pd.Series]:
        usual = learn_performance_baseline(rows[label], rows[prediction], rows[list(segments)], **options)
        return (lambda batch: usual.measure(batch[label], batch[prediction], batch)), usual.thresholds

    figures, alarms = _watch(reference, batches, watch_inputs, rule, "data", 0, rebase_weeks)
    performance = pd.DataFrame()
    if label is not None:
        last = max(batches)
        arrived = {number: batch for number, batch in batches.items() if number + label_delay <= last}
        more, losses = _watch(
            reference, arrived, watch_labels, rule, "performance", label_delay, rebase_weeks
        )
        figures, alarms = figures + more, alarms + losses
        rows = {number: batch_performance(b[label], b[prediction]) for number, b in arrived.items()}
        performance = pd.DataFrame.from_dict(rows, orient="index").rename_axis("week")
    alarms.sort(key=lambda alarm: (alarm.detected_in_week, alarm.week, alarm.kind))
    columns = ["week", "known_in_week", "kind", "monitor", "value", "threshold", "exceeded", "watched"]
    return Replay(pd.DataFrame(figures, columns=columns), performance, alarms)


def _watch(
    reference: pd.DataFrame,
    batches: dict[int, pd.DataFrame],
    learn: Callable[[pd.DataFrame], tuple[Callable, pd.Series]],
    rule: AlarmRule,
    kind: str,
    delay: int,
    rebase_weeks: int,
) -> tuple[list[dict[str, Any]], list[Alarm]]:
    measure, thresholds = learn(reference)
    watch, since = Watch(rule, kind), None
    figures: list[dict[str, Any]] = []
    alarms: list[Alarm] = []
    for number in sorted(batches):
        values = measure(batches[number])
        for monitor, value in values.items():
            limit = float(thresholds[monitor])
            figures.append(
                {
                    "week": number,
                    "known_in_week": number + delay,
                    "kind": kind,
                    "monitor": monitor,
                    "value": float(value),
                    "threshold": limit,
                    "exceeded": bool(abs(value) > limit),
                    "watched": since is None,
                }
            )
        if since is None:
            alarm = watch.update(number, values.to_dict(), thresholds, known_in=number + delay)
            if alarm is not None:
                alarms.append(alarm)
                since = alarm.week
        if since is not None:
            collected = [batches[past] for past in sorted(batches) if since <= past <= number]
            if len(collected) >= rebase_weeks:
                measure, thresholds = learn(pd.concat(collected))
                watch.clear()
                since = None
    return figures, alarms
