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


def test_prediction_that_takes_too_long_is_given_up(bundle):
    slow = Slow(bundle)
    with TestClient(create_app(slow, predict_seconds=0.05)) as client:
        answer = client.post("/v1/predict", content=BODY)
        assert (answer.status_code, "no answer within 0.05 s" in answer.json()["detail"]) == (503, True)
        slow.go.set()


def test_jobs_that_pile_up_are_refused(bundle):
    slow = Slow(bundle)
    app = create_app(slow, max_in_flight=20)
    with TestClient(app) as client:
        ask = {"target": client.post, "args": ("/v1/predict",), "kwargs": {"content": BODY}}
        waiting = [threading.Thread(**ask) for _ in range(app.jobs.limit)]
        for thread in waiting:
            thread.start()
        deadline = time.monotonic() + 10
        while app.jobs.count < app.jobs.limit:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        answer = client.post("/v1/predict", content=BODY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "8 large requests are waiting" in answer.json()["detail"]
        slow.go.set()
        for thread in waiting:
            thread.join()
    assert app.jobs.count == 0


def test_job_that_was_given_up_leaves_the_queue(bundle):
    slow = Slow(bundle)
    app = create_app(slow, predict_seconds=0.01)
    with TestClient(app) as client:
        for _ in range(20):
            assert client.post("/v1/predict", content=BODY).status_code == 503
        assert app.jobs.count <= 1  # what the thread computes already
        slow.go.set()
