import json
import threading
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}
BODY = json.dumps({"rows": ROW}).encode()


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


class Slow:
    """Bundle whose predictions wait until they may go on."""

    session = None

    def __init__(self, bundle):
        self._bundle, self.go = bundle, threading.Event()

    def __getattr__(self, name):
        return getattr(self._bundle, name)

    def predict_codes(self, codes):
        self.go.wait(10)
        return np.full(len(codes), 0.5)


def test_more_requests_than_the_limit_are_refused_and_the_service_recovers(bundle):
    slow = Slow(bundle)
    app = create_app(slow, max_in_flight=2)
    with TestClient(app) as client:
        ask = {"target": client.post, "args": ("/v1/predict",), "kwargs": {"content": BODY}}
        waiting = [threading.Thread(**ask) for _ in range(2)]
        for thread in waiting:
            thread.start()
        deadline = time.monotonic() + 10
        while app.in_flight.count < 2:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        answer = client.post("/v1/predict", content=BODY)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert client.get("/health/live").status_code == 200
        slow.go.set()
        for thread in waiting:
            thread.join()
        assert client.post("/v1/predict", content=BODY).json()["probabilities"] == [0.5]


def test_draining_service_is_not_ready_and_closes_connections(bundle):
    app = create_app(bundle)
    client = TestClient(app)
    app.draining = True
    assert client.get("/health/ready").status_code == 503
    assert client.get("/ping").status_code == 503
    answer = client.post("/v1/predict", content=BODY)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
