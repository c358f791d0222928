"""Change detectors for a stream of values, one at a time: ADWIN and Page-Hinkley.

Taught in lessons 9.1 (data drift and model drift) and 9.5 (fraud in production).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["StreamChanges", "StreamDetector", "detect_changes"]

_METHODS = ("adwin", "page_hinkley")


@dataclass(frozen=True)
class StreamChanges:
    """Where a stream changed.

    Attributes
    ----------
    positions : ndarray of int64, shape (n_changes,)
        Number, from 0, of the value at which each change was noticed; the change itself came before it.
    n : int
        Values seen.
    table : DataFrame
        One row for each stretch between alarms: start, stop (one past the last value), n, mean.
    """

    positions: np.ndarray
    n: int
    table: pd.DataFrame

    def _repr_html_(self) -> str:
        return f"<p>{len(self.positions)} changes in {self.n:,} values</p>" + self.table.round(4).to_html()


class StreamDetector:
    """Watches a stream value by value, and keeps its state between calls.

    Taught in lesson 9.1.

    Parameters
    ----------
    method : {"adwin", "page_hinkley"}, default="adwin"
        ADWIN compares the two parts of a window for every cut of it and drops the older part when they
        differ. Page-Hinkley adds up how far values exceed their mean so far.
    delta : float, optional
        For ADWIN the confidence, by default 0.002 (smaller: fewer alarms); for Page-Hinkley the drift of the
        mean that is tolerated, by default 0.005 in the unit of the values. Half of the smallest change of
        interest is a good choice: with 0.005, noise with spread 1 alone raises alarms.
    threshold : float, default=50
        Of Page-Hinkley, in the unit of the values: larger means fewer and later alarms.
    min_values : int, default=30
        Values before the first alarm.

    Raises
    ------
    ValueError
        If the method is not known, or an option is not positive.
    """

    def __init__(
        self,
        method: str = "adwin",
        *,
        delta: float | None = None,
        threshold: float = 50.0,
        min_values: int = 30,
    ) -> None:
        from river import drift

        if method not in _METHODS:
            raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
        if (delta is not None and delta <= 0) or threshold <= 0 or min_values < 1:
            raise ValueError(
                f"delta, threshold and min_values must be positive, got {delta}, {threshold}, {min_values}"
            )
        if method == "adwin":
            self._watch: Any = drift.ADWIN(delta=delta or 0.002, grace_period=min_values)
        else:
            options = {"delta": delta or 0.005, "threshold": threshold, "min_instances": min_values}
            self._watch = drift.PageHinkley(**options)
        self.n, self.missing = 0, 0

    def update(self, value: float) -> bool:
        """Take the next value; True if a change is noticed. A missing value counts but is not judged."""
        self.n += 1
        if not np.isfinite(value):
            self.missing += 1
            return False
        self._watch.update(float(value))
        return bool(self._watch.drift_detected)


def detect_changes(values: Iterable[float], *, method: str = "adwin", **options: Any) -> StreamChanges:
    """Run a detector over a stream and list the changes.

    Taught in lesson 9.1. The values can be a feature, a score, or 0 and 1 for right and wrong predictions.

    Parameters
    ----------
    values : iterable of float
        In the order of time; missing or infinite ones are skipped but keep their position.
    method : {"adwin", "page_hinkley"}, default="adwin"
        As in `StreamDetector`.
    **options
        delta, threshold and min_values, as in `StreamDetector`.

    Returns
    -------
    StreamChanges

    Raises
    ------
    ValueError
        If there is no value, or an option is not usable.

    References
    ----------
    .. [1] A. Bifet, R. Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007.
    .. [2] E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954.
    """
    detector = StreamDetector(method, **options)
    found, sums = [], [[0.0, 0]]
    for value in values:
        if np.isfinite(value):
            sums[-1][0] += float(value)
            sums[-1][1] += 1
        if detector.update(value):
            found.append(detector.n - 1)
            sums.append([0.0, 0])
    if not detector.n:
        raise ValueError("values must not be empty")
    stops = [*(position + 1 for position in found), detector.n]
    starts = [0, *stops[:-1]]
    means = [total / n if n else np.nan for total, n in sums]
    table = pd.DataFrame({"start": starts, "stop": stops, "n": [n for _, n in sums], "mean": means})
    return StreamChanges(np.array(found, dtype=np.int64), detector.n, table[table["start"] < table["stop"]])
