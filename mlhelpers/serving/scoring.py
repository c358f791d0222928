"""From the rows of a request to probabilities and explanations, with what is counted on the way.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mlhelpers.packaging.outputs import most_probable
from mlhelpers.packaging.rows import Problem
from mlhelpers.serving.answers import Refusal, refuse_rows
from mlhelpers.serving.explain import shapley_to_reference, typical_codes
from mlhelpers.serving.jobs import Jobs
from mlhelpers.serving.logs import RequestLog
from mlhelpers.serving.metrics import ServiceMetrics
from mlhelpers.serving.predictions import answered, named
from mlhelpers.serving.slots import Slot, Slots

_INLINE_ROWS = 32  # so many rows take less time than handing them to a thread and back
_INLINE_BYTES = 64_000


class Scorer:
    """Scores rows, here or in the thread, and lets the shadow score them too.

    Taught in lesson 7.2.

    Parameters
    ----------
    slots : Slots
    metrics : ServiceMetrics
    jobs : Jobs
    log : RequestLog
    max_rows : int
        Most rows of a request.
    """

    def __init__(self, slots: Slots, metrics: ServiceMetrics, jobs: Jobs, log: RequestLog, *, max_rows: int):
        self._slots, self._metrics, self._jobs, self._log = slots, metrics, jobs, log
        self.max_rows = max_rows

    async def score(
        self, slot: Slot, body: bytes, parse: Callable[[], list[Any]]
    ) -> tuple[np.ndarray, list[Problem]]:
        """Probabilities of a body's rows, as `Bundle.predict`'s, and the cells that a policy changed.

        Raises
        ------
        Refusal
            400, 413 or 422, or 503 of `Jobs.run`.
        """
        if len(body) > _INLINE_BYTES:
            codes, probabilities, changed = await self._jobs.run(lambda: self._computed(slot, parse()))
        else:
            rows = parse()
            if slot.fast and len(rows) <= _INLINE_ROWS:
                codes, probabilities, changed = self._computed(slot, rows)
            else:
                codes, probabilities, changed = await self._jobs.run(lambda: self._computed(slot, rows))
        self.count(changed, self._metrics.changed)
        self._metrics.observe_predictions(slot.version, answered(probabilities, slot.classes))
        if slot.classes is not None:
            self._metrics.observe_classes(slot.version, named(probabilities, slot.classes))
        shadow = self._slots["shadow"]
        if shadow is not None and not self._jobs.full:
            self._jobs.start(lambda: self._shadow(shadow, slot, codes, probabilities))
        return probabilities, changed

    async def explain(self, slot: Slot, rows: list[Any]) -> list[dict[str, Any]]:
        """Explanation of each row."""
        codes, problems, _ = slot.reader.read(rows)
        if problems:
            raise refuse_rows(problems)
        return await self._jobs.run(lambda: _explained(slot, codes))

    def count(self, problems: Sequence[Problem], counter: Any) -> None:
        """Count cells by column."""
        if not problems:
            return
        names = frozenset(self._slots["champion"].reader.names)
        # a client's own names would make a metric of any size; counted first: there may be 100,000 problems
        found = Counter(problem.column if problem.column in names else "other" for problem in problems)
        for name, number in found.items():
            counter.labels(name).inc(number)

    def _computed(self, slot: Slot, rows: list[Any]) -> tuple[np.ndarray, np.ndarray, list[Problem]]:
        if len(rows) > self.max_rows:
            raise Refusal(413, f"{len(rows)} rows, at most {self.max_rows} in one request")
        codes, problems, changed = slot.reader.read(rows)
        if problems:
            raise refuse_rows(problems)
        return codes, slot.bundle.predict_codes(codes), changed

    def _shadow(self, shadow: Slot, slot: Slot, codes: np.ndarray, given: np.ndarray) -> None:
        # decoded and coded again: the shadow's signature may order columns and categories otherwise
        try:
            found = shadow.bundle.predict(slot.reader.decode(codes))
        except Exception as error:  # noqa: BLE001  (a shadow may fail; nobody waits for it)
            self._log.error("shadow", shadow.version, error)
            return
        apart = np.abs(found - given)[:1000]
        for difference in (apart if apart.ndim == 1 else apart.max(axis=1)).tolist():
            self._metrics.shadow.labels(shadow.version).observe(difference)


def _explained(slot: Slot, codes: np.ndarray) -> list[dict[str, Any]]:
    typical = typical_codes(slot.bundle.signature)
    answers = slot.bundle.predict_codes(np.vstack([typical, codes]))
    classes = slot.classes
    explanations = []
    for at, row in enumerate(codes, start=1):
        if classes is None:
            predict, (base, probability) = slot.bundle.predict_codes, answers[[0, at]].tolist()
            name = {}
        else:  # of the class that is answered
            place = int(most_probable(answers[at : at + 1])[0])
            predict = partial(_one_class, slot.bundle.predict_codes, place)
            base, probability = answers[[0, at], place].tolist()
            name = {"class": classes[place]}
        parts = shapley_to_reference(predict, row, typical).tolist()
        explanations.append(
            name
            | {
                "probability": round(probability, 9),
                "typical_probability": round(base, 9),
                "contributions": {
                    name: round(part, 9) for name, part in zip(slot.reader.names, parts, strict=True)
                },
            }
        )
    return explanations


def _one_class(predict: Callable[[np.ndarray], np.ndarray], place: int, codes: np.ndarray) -> np.ndarray:
    return predict(codes)[:, place]
