"""What the service says of itself to Prometheus.

Taught in lesson 7.5 (monitoring a service).
"""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

LATENCY = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SHARES = tuple(round(0.1 * k, 1) for k in range(1, 11))
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class ServiceMetrics:
    """Counters and histograms of one service.

    Taught in lesson 7.5. ``mle_requests_total`` by path and status, ``mle_request_seconds``,
    ``mle_predictions`` (histogram by model version of the probabilities, of classes that of the class named),
    ``mle_predicted_class_total`` by version and class, ``mle_rows_total``,
    ``mle_validation_errors_total`` and ``mle_values_changed_total`` by column, ``mle_shadow_difference``,
    ``mle_in_flight`` and ``mle_model_info``. With several worker processes, the variable
    ``PROMETHEUS_MULTIPROC_DIR`` names a folder in which they add up.
    """

    def __init__(self):
        self.registry = CollectorRegistry()
        several = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        mode = {"multiprocess_mode": "livesum"} if several else {}
        here = {"registry": self.registry}
        self.requests = Counter("mle_requests", "Requests answered", ["path", "status"], **here)
        self.seconds = Histogram(
            "mle_request_seconds", "Time to answer, in seconds", ["path"], buckets=LATENCY, **here
        )
        self.rows = Counter("mle_rows", "Rows scored", ["version"], **here)
        self.predictions = Histogram(
            "mle_predictions", "Probabilities given", ["version"], buckets=SHARES, **here
        )
        self.classes = Counter(
            "mle_predicted_class", "Rows answered with a class", ["version", "class"], **here
        )
        self.errors = Counter("mle_validation_errors", "Cells refused", ["column"], **here)
        self.changed = Counter("mle_values_changed", "Cells that a policy changed", ["column"], **here)
        self.shadow = Histogram(
            "mle_shadow_difference",
            "Absolute difference of the shadow's probability",
            ["version"],
            buckets=(1e-6, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
            **here,
        )
        self.in_flight = Gauge("mle_in_flight", "Requests being answered", **here, **mode)
        mode = {"multiprocess_mode": "livemax"} if several else {}
        labels = ["role", "version", "bundle"]
        self.model = Gauge("mle_model_info", "Model that serves", labels, **here, **mode)
        self._children: dict[tuple, tuple] = {}

    def observe(self, path: str, status: int, seconds: float) -> None:
        """Count one answer."""
        found = self._children.get((path, status))
        if found is None:
            found = (self.requests.labels(path, str(status)), self.seconds.labels(path))
            self._children[path, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def observe_predictions(self, version: str, probabilities: np.ndarray) -> None:
        """Count scored rows."""
        found = self._children.get((version,))
        if found is None:
            found = (self.rows.labels(version), self.predictions.labels(version))
            self._children[version,] = found
        found[0].inc(len(probabilities))
        observe_many(found[1], probabilities)

    def observe_classes(self, version: str, names: Sequence[str]) -> None:
        """Count the classes answered."""
        for name, number in Tally(names).items():
            self.classes.labels(version, name).inc(number)

    def set_model(self, role: str, version: str, bundle: str) -> None:
        """Say which model serves in a role; the one before it is gone from the metric."""
        for sample in next(iter(self.model.collect())).samples:
            if sample.labels["role"] == role:
                self.model.remove(*(sample.labels[name] for name in ("role", "version", "bundle")))
        self.model.labels(role, version, bundle[:12]).set(1)

    def render(self) -> bytes:
        """Text for Prometheus."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            _forget_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
            together = CollectorRegistry()
            multiprocess.MultiProcessCollector(together)
            return generate_latest(together)
        return generate_latest(self.registry)


def _forget_dead(folder: Path) -> None:
    """Take what a killed process had in flight out of the gauges; its counters stay."""
    import psutil

    for path in folder.glob("gauge_live*_*.db"):
        number = int(path.stem.rpartition("_")[2])
        if not psutil.pid_exists(number):
            with suppress(FileNotFoundError):  # another worker was quicker
                multiprocess.mark_process_dead(number, str(folder))


def observe_many(histogram: Histogram, values: np.ndarray) -> None:
    """Add many values to a histogram's child, in one step each bucket beyond a few values."""
    if len(values) <= 16:
        for value in values.tolist():
            histogram.observe(value)
        return
    bounds = np.array(histogram._upper_bounds)  # no public way to add more than one value at once
    counts = np.bincount(np.searchsorted(bounds, values, side="left"), minlength=len(bounds))
    histogram._sum.inc(float(values.sum()))
    for bucket, count in zip(histogram._buckets, counts.tolist(), strict=True):
        if count:
            bucket.inc(count)
