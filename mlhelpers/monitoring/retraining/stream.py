"""Retraining policies on one stream: what each would have cost, and how well its models would have done.

Taught in lesson 9.3 (retraining).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlhelpers.data.frames import require_unique_columns
from mlhelpers.monitoring.alerts import Alarm, AlarmRule, Watch
from mlhelpers.monitoring.retraining.decision import gain_of_retraining
from mlhelpers.monitoring.retraining.performance import (
    PerformanceBaseline,
    learn_performance_baseline,
)
from mlhelpers.monitoring.retraining.policies import Known, RetrainingPolicy, default_policies
from mlhelpers.monitoring.retraining.result import PolicyComparison, weekly_losses
from mlhelpers.monitoring.retraining.weeks import replay_weeks
from mlhelpers.training.crossval import one_thread


def compare_policies(
    reference: pd.DataFrame,
    stream: pd.DataFrame,
    make_model: Callable[[], Any],
    *,
    policies: Sequence[RetrainingPolicy] | None = None,
    numeric: Sequence[str],
    categorical: Sequence[str],
    label: str,
    week: str = "week",
    label_delay: int = 5,
    half_life: float = 8.0,
    make_incremental: Callable[[], Any] | None = None,
    segments: Sequence[str] = (),
    rule: AlarmRule | None = None,
    false_alarm_rate: float = 1 / 200,
    n_draws: int = 1000,
    n_resamples: int = 500,
    random_state: int = 0,
) -> PolicyComparison:
    """Run each policy over a stream of weekly batches whose labels come late.

    Taught in lesson 9.3. In each week the batch is scored by the model in place; then the labels of
    `label_delay` weeks ago arrive; then the policy decides; a model fitted now scores from the next week on.
    All policies fit on the same rows, the reference and every labelled week, where a row counts half after
    each `half_life` weeks, so that they differ in *when* they fit only.

    Parameters
    ----------
    reference : DataFrame of shape (n_rows, n_columns)
        Training rows of the first model, with labels; their age counts from the week before the stream.
    stream : DataFrame of shape (n_stream_rows, n_columns)
        Later rows with labels and the number of their week.
    make_model : callable
        Makes a scikit-learn classifier, not fitted, whose ``fit`` (of a pipeline: of its last step) takes
        ``sample_weight``. It is given the columns of `numeric` and `categorical`.
    policies : sequence of RetrainingPolicy, optional
        `default_policies` without it. Names must differ. The first is what gains are compared with.
    numeric, categorical : sequence of str
        Inputs, watched for drift if a policy asks for it.
    label, week : str
        Columns.
    label_delay : int, default=5
        Weeks until the labels of a week are known; at least 1.
    half_life : float, default=8.0
        Weeks.
    make_incremental : callable, optional
        The same for policies that are incremental; its last step must have ``partial_fit``. The steps before
        it are fitted once, on the reference.
    segments : sequence of str, optional
        Of the performance monitor, as in `replay_weeks`.
    rule : AlarmRule, optional
        2 of 3 weeks without it.
    false_alarm_rate, n_draws : float, int
        As in `learn_baseline`.
    n_resamples : int, default=500
        Of the intervals of the gains.
    random_state : int, default=0
        Of the baselines, the held-out rows and the intervals.

    Returns
    -------
    PolicyComparison

    Raises
    ------
    ValueError
        If a column is missing, a label is unknown, two policies share a name, or `make_incremental` is
        needed.
    """
    policies = tuple(policies or default_policies())
    columns = [*numeric, *categorical]
    _check(reference, stream, policies, [*columns, *segments, label], week, label_delay, half_life)
    if make_incremental is None and any(policy.incremental for policy in policies):
        raise ValueError("an incremental policy needs make_incremental, a model with partial_fit")
    batches = {int(number): batch for number, batch in stream.groupby(week)}
    monitor = {"false_alarm_rate": false_alarm_rate, "n_draws": n_draws, "random_state": random_state}
    drift: list[Alarm] = []
    if any("drift" in policy.watches for policy in policies):
        drift = replay_weeks(
            reference, stream, numeric=numeric, categorical=categorical, week=week, rule=rule, **monitor
        ).alarms
    runs = {}
    for policy in policies:
        runs[policy.name] = _Run(
            policy, reference, batches, make_incremental if policy.incremental else make_model,
            columns=columns, label=label, delay=label_delay, half_life=half_life, segments=list(segments),
            rule=rule or AlarmRule(), drift=drift, monitor=monitor,
        ).go()  # fmt: skip
    y = np.concatenate([batch[label].to_numpy() for batch in batches.values()])
    weeks = np.repeat(list(batches), [len(batch) for batch in batches.values()])
    given = pd.DataFrame({name: np.concatenate(run.given) for name, run in runs.items()})
    first, rows, costs = policies[0].name, [], []
    for name, run in runs.items():
        gain = gain_of_retraining(
            y, given[first], given[name], n_resamples=n_resamples, random_state=random_state
        )
        loss = weekly_losses(y, given[name], np.zeros(len(y)))["log_loss"].iloc[0]
        gains = {f"gain_{key}": value for key, value in gain.items()}
        rows.append({"policy": name, "log_loss": loss, **gains, **run.cost})
        costs += [{"policy": name, **event} for event in run.events]
    weekly = pd.concat(
        [weekly_losses(y, given[name], weeks).assign(policy=name) for name in runs], ignore_index=True
    )
    events = pd.DataFrame(costs, columns=["policy", "week", "reason"])
    given.insert(0, "week", weeks)
    given.insert(1, "label", y)
    return PolicyComparison(pd.DataFrame(rows).set_index("policy"), weekly, events, given)


@dataclass
class _Run:
    """One policy on its way through the stream; holds only what is known by the present week."""

    policy: RetrainingPolicy
    reference: pd.DataFrame
    batches: dict[int, pd.DataFrame]
    make_model: Callable[[], Any]
    columns: list[str]
    label: str
    delay: int
    half_life: float
    segments: list[str]
    rule: AlarmRule
    drift: list[Alarm]
    monitor: dict[str, Any]
    given: list[np.ndarray] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def go(self) -> _Run:
        self.cost = {"fits": 0, "partial_fits": 0, "rows": 0, "seconds": 0.0}
        self.start = min(self.batches)
        self.fitted = self.start - 1
        self.labelled: list[int] = []
        self.losses: list[Alarm] = []
        self.watch, self.by_week = Watch(self.rule, "performance"), {}
        self._fit(self.start - 1)
        for number, batch in self.batches.items():
            self.given.append(self._score(number, batch))
            self.by_week[number] = self.given[-1]
            arrived = number - self.delay
            if arrived in self.batches:
                self._learn(arrived, number)
            reason = self.policy.reason(self._known(number))
            if reason is not None:
                self._fit(number)
                self.fitted = number
                self.watch.clear()
                self.events.append({"week": number, "reason": reason})
        return self

    def _score(self, number: int, batch: pd.DataFrame) -> np.ndarray:
        """Probabilities by the model in place.

        A model that stays as it is scores all weeks to come in one go, of which only those count that it is
        still in place for: the probability of a row does not depend on other rows.
        """
        if self.policy.incremental:
            return self.model.predict_proba(batch[self.columns])[:, 1]
        if number not in self.ahead:
            later = {n: rows[self.columns] for n, rows in self.batches.items() if n >= number}
            p = self.model.predict_proba(pd.concat(later.values()))[:, 1]
            ends = np.cumsum([len(rows) for rows in later.values()])
            self.ahead = dict(zip(later, np.split(p, ends[:-1]), strict=True))
        return self.ahead[number]

    def _learn(self, arrived: int, now: int) -> None:
        self.labelled.append(arrived)
        batch = self.batches[arrived]
        if self.policy.incremental:
            began = time.perf_counter()
            with one_thread():
                self.model[-1].partial_fit(self.model[:-1].transform(batch[self.columns]), batch[self.label])
            self._count(len(batch), began, partial_fits=1)
        if "performance" in self.policy.watches and arrived > self.fitted:  # scored by the present model
            usual: PerformanceBaseline = self.usual
            values = usual.measure(batch[self.label], self.by_week[arrived], batch)
            alarm = self.watch.update(arrived, values.to_dict(), usual.thresholds, known_in=now)
            if alarm is not None:
                self.losses.append(alarm)

    def _known(self, now: int) -> Known:
        drift = [alarm for alarm in self.drift if alarm.detected_in_week <= now]
        drift = drift if "drift" in self.policy.watches else []
        return Known(
            week=now,
            weeks_since_fit=now - self.fitted,
            new_labels=sum(len(self.batches[n]) for n in self.labelled if n + self.delay > self.fitted),
            drift=tuple(alarm for alarm in drift if alarm.detected_in_week > self.fitted),
            performance=tuple(alarm for alarm in self.losses if alarm.detected_in_week > self.fitted),
            all_alarms=tuple(drift + self.losses),
        )

    def _fit(self, now: int) -> None:
        frames = [self.reference, *(self.batches[number] for number in self.labelled)]
        ages = [now - (self.start - 1), *(now - number for number in self.labelled)]
        rows = pd.concat(frames, ignore_index=True)
        weight = np.repeat(0.5 ** (np.array(ages) / self.half_life), [len(frame) for frame in frames])
        weight /= weight.mean()
        if "performance" in self.policy.watches:
            self._learn_usual(rows, weight)
        self.model, self.ahead = self._fitted(rows, weight), {}

    def _learn_usual(self, rows: pd.DataFrame, weight: np.ndarray) -> None:
        """What gaps are usual, from a quarter of the rows and a model that did not see them.

        Of that quarter, rows are drawn by their weight, as many as they are worth: what is usual now is not
        what was usual before the world changed.
        """
        rng = np.random.default_rng(self.monitor["random_state"])
        held = rng.random(len(rows)) < 0.25
        watched = self._fitted(rows[~held], weight[~held])
        size = len(self.batches[self.start])
        chance = weight[held] / weight[held].sum()
        worth = min(int(held.sum()), max(int(1 / (chance**2).sum()), 2 * size))
        rows = rows.iloc[np.sort(rng.choice(np.flatnonzero(held), worth, replace=False, p=chance))]
        p = watched.predict_proba(rows[self.columns])[:, 1]
        size = min(size, worth // 2)  # z is in standard errors, so a smaller batch has much the same limit
        self.usual = learn_performance_baseline(
            rows[self.label], p, rows[self.segments], batch_size=size, **self.monitor
        )

    def _fitted(self, rows: pd.DataFrame, weight: np.ndarray) -> Any:
        model, X, y = self.make_model(), rows[self.columns], rows[self.label]
        last = f"{model.steps[-1][0]}__sample_weight" if hasattr(model, "steps") else "sample_weight"
        began = time.perf_counter()
        with one_thread():
            model.fit(X, y, **{last: weight})
        self._count(len(rows), began, fits=1)
        return model

    def _count(self, n_rows: int, began: float, **kind: int) -> None:
        for name, number in kind.items():
            self.cost[name] += number
        self.cost["rows"] += n_rows
        self.cost["seconds"] += time.perf_counter() - began


def _check(
    reference: pd.DataFrame,
    stream: pd.DataFrame,
    policies: Sequence[RetrainingPolicy],
    columns: list[str],
    week: str,
    label_delay: int,
    half_life: float,
) -> None:
    names = [policy.name for policy in policies]
    if {"week", "label"} & set(names):
        raise ValueError("no policy may be named week or label")
    if len(set(names)) < len(names):
        raise ValueError(f"policies must have different names, got {', '.join(names)}")
    if label_delay < 1 or half_life <= 0:
        raise ValueError(
            f"label_delay must be at least 1 and half_life above 0, got {label_delay}, {half_life}"
        )
    for name, frame, needed in (("reference", reference, columns), ("stream", stream, [week, *columns])):
        require_unique_columns(frame, name)
        absent = [column for column in dict.fromkeys(needed) if column not in frame]
        if absent:
            raise ValueError(f"columns missing from {name}: {', '.join(absent)}")
        if frame.empty or frame[columns[-1]].isna().any():
            raise ValueError(f"{name} is empty or has rows without {columns[-1]}")
