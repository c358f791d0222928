import os
import subprocess
import sys

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app
from mlhelpers.serving.metrics import _forget_dead


def test_gauges_of_a_killed_worker_are_forgotten(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    kinds = ["gauge_livesum", "gauge_livemax", "counter"]
    for number in (ended.pid, os.getpid()):
        for kind in kinds:
            (tmp_path / f"{kind}_{number}.db").touch()
    _forget_dead(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"counter_{ended.pid}.db", *(f"{kind}_{os.getpid()}.db" for kind in kinds)}


ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def test_metrics_count_requests_rows_and_refused_cells(bundle):
    client = TestClient(create_app(bundle))
    client.post("/v1/predict", json={"rows": [ROW, ROW]})
    client.post("/v1/predict", json={"rows": [ROW | {"late": -1}, ROW | {"mine": 1}]})
    client.post("/v1/predict", json={"rows": [7]})
    text = client.get("/metrics").text
    for line in (
        'mle_requests_total{path="/v1/predict",status="200"} 1.0',
        'mle_requests_total{path="/v1/predict",status="422"} 2.0',
        'mle_request_seconds_count{path="/v1/predict"} 3.0',
        'mle_rows_total{version="1.0.0"} 2.0',
        'mle_predictions_count{version="1.0.0"} 2.0',
        'mle_validation_errors_total{column="late"} 1.0',
        'mle_validation_errors_total{column="other"} 2.0',
    ):
        assert line in text
    assert "mine" not in text


def test_many_values_fill_a_histogram_as_one_by_one():
    from prometheus_client import CollectorRegistry, Histogram

    from mlhelpers.serving.metrics import SHARES, observe_many

    values = np.concatenate([np.random.default_rng(0).random(500), [0.0, 0.1, 0.3, 1.0]])
    samples = []
    for step in (len(values), 1):
        registry = CollectorRegistry()
        histogram = Histogram("p", "p", buckets=SHARES, registry=registry)
        for at in range(0, len(values), step):
            observe_many(histogram, values[at : at + step])
        samples.append({(s.name, s.labels.get("le")): s.value for s in next(iter(registry.collect())).samples
                        if "created" not in s.name})  # fmt: skip
    assert samples[0] == pytest.approx(samples[1])
