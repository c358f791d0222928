import io
import json
import threading

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app
from mlhelpers.serving.logs import RequestLog

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


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_log_has_a_line_a_request_and_no_value_of_it(bundle):
    stream = io.BytesIO()
    with TestClient(create_app(bundle, log=RequestLog(stream))) as client:
        client.post(
            "/v1/predict", json={"rows": ROW | {"contract": "secret-text"}}, headers={"X-Request-ID": "r1"}
        )
        client.post("/v1/predict", json={"rows": ROW | {"charge": 12345.678}})
        client.post("/v1/predict", content=b"secret-text")
        client.get("/health/live")
    written = lines(stream)
    assert [(line["path"], line["status"]) for line in written] == [
        ("/v1/predict", 422), ("/v1/predict", 422), ("/v1/predict", 400), ("/health/live", 200),
    ]  # fmt: skip
    assert written[0]["request"] == "r1"
    assert b"secret-text" not in stream.getvalue()
    assert b"12345" not in stream.getvalue()


def test_line_of_an_answer_names_the_bundle_that_gave_it(bundle, other):
    stream = io.BytesIO()
    app = create_app(bundle, log=RequestLog(stream))
    with TestClient(app) as client:
        for path, body in (
            ("/v1/predict", {"rows": ROW}),
            ("/v1/explain", {"rows": ROW}),
            ("/invocations", {"instances": [ROW]}),
        ):
            assert client.post(path, json=body).status_code == 200
        client.post("/v1/predict", json={"rows": {}})
        app.slots.swap("champion", other)
        client.post("/v1/predict", json={"rows": ROW})
    assert [line.get("bundle") for line in lines(stream)] == [*3 * [bundle.sha256], None, other.sha256]


def test_log_can_hold_refusals_only_or_nothing(bundle):
    for requests, expected in (("refused", 1), ("none", 0)):
        stream = io.BytesIO()
        with TestClient(create_app(bundle, log=RequestLog(stream, requests=requests))) as client:
            client.post("/v1/predict", content=BODY)
            client.post("/v1/predict", content=b"{")
        assert len(stream.getvalue().splitlines()) == expected
    with pytest.raises(ValueError, match="must be 'all', 'refused' or 'none'"):
        RequestLog(None, requests="some")


def test_log_writes_when_many_lines_wait(bundle):
    stream = io.BytesIO()
    log = RequestLog(stream)
    for number in range(500):
        log.request(str(number), "GET", "/", 200, 0.001, "")
    assert len(stream.getvalue().splitlines()) == 500


def test_fault_is_logged_by_type_and_place(bundle):
    stream = io.BytesIO()

    class Broken(Slow):
        def predict_codes(self, codes):
            raise RuntimeError("secret 55.5")

    with TestClient(
        create_app(Broken(bundle), log=RequestLog(stream)), raise_server_exceptions=False
    ) as client:
        answer = client.post("/v1/predict", content=BODY, headers={"X-Request-ID": "r9"})
    assert answer.json()["detail"] == "the service failed; its log says why under this request's id"
    fault = lines(stream)[0]
    assert (fault["request"], fault["error"]) == ("r9", "RuntimeError")
    assert any("predict_codes" in place for place in fault["at"])
    assert b"secret" not in stream.getvalue()
