"""What the service refuses and how: problems, keys, limits, slow and broken clients, logs."""

import asyncio
import io
import json
import threading
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.packaging import load_bundle
from mlhelpers.serving import create_app, hash_key
from mlhelpers.serving.answers import Refusal
from mlhelpers.serving.guard import RateLimit
from mlhelpers.serving.logs import RequestLog

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}
BODY = json.dumps({"rows": ROW}).encode()


@pytest.fixture(scope="module")
def bundle(built):
    return load_bundle(built)


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def call(app, messages, *, headers=(), path="/v1/predict", method="POST", root=""):
    """Speak ASGI with the application: each message comes when it is asked for, None never does."""
    sent, queue = [], list(messages)

    async def receive():
        if not queue or queue[0] is None:
            await asyncio.sleep(3600)
        return queue.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": root + path, "root_path": root}
    scope |= {"headers": list(headers), "query_string": b"", "client": ("10.0.0.1", 5)}
    asyncio.run(app(scope, receive, send))
    return sent


def chunk(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_problem_is_a_document_of_rfc_9457(client):
    answer = client.post(
        "/v1/predict", json={"rows": [ROW, ROW | {"late": -1}]}, headers={"X-Request-ID": "r1"}
    )
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Rows do not fit the signature",
        "status": 422,
        "detail": "1 problem in the rows",
        "instance": "urn:request:r1",
        "problems": [
            {"row": 1, "column": "late", "problem": "out of range; expected an integer from 0 to 5"}
        ],
    }


def test_paths_and_methods_that_are_not_there(client):
    answer = client.get("/v1/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for path in ("/v2/predict", "/v1/predict/"):
        answer = client.post(path, json={})
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"there is no {path}"
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/openapi.json").status_code == 405


def test_head_is_get_without_a_body(client):
    answer = client.head("/health/live")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "18")


def test_documentation_is_there(client):
    assert client.get("/docs").status_code == 200
    assert client.get("/ping").json()["status"] == "ready"


def test_request_id_of_another_form_is_replaced(client):
    given = client.get("/health/live", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]
    assert given != "a b\tc"
    assert client.get("/health/live").headers["x-request-id"] != given


@pytest.mark.parametrize("kind", ["text/csv", "application/xml", "multipart/form-data; boundary=x"])
def test_other_media_types_are_refused(client, kind):
    answer = client.post("/v1/predict", content=BODY, headers={"content-type": kind})
    assert answer.status_code == 415
    assert kind.split(";")[0] in answer.json()["detail"]
    assert (
        client.post("/invocations", content=BODY, headers={"content-type": "text/plain"}).status_code == 415
    )


@pytest.mark.parametrize("kind", ["", "application/json; charset=utf-8", "application/vnd.shop+json"])
def test_json_under_its_names_is_accepted(client, kind):
    assert client.post("/v1/predict", content=BODY, headers={"content-type": kind}).status_code == 200


def test_keys_are_asked_for_where_there_is_something_to_protect(bundle):
    client = TestClient(create_app(bundle, api_keys={"shop": hash_key("k1"), "app": hash_key("k2")}))
    for headers in ({}, {"X-API-Key": "k3"}, {"Authorization": "Basic k1"}, {"Authorization": "Bearer"}):
        for path in ("/v1/predict", "/invocations", "/v1/explain"):
            answer = client.post(path, content=BODY, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/v1/models", headers=headers).status_code == 401
    for headers in ({"X-API-Key": "k1"}, {"Authorization": "Bearer k2"}, {"authorization": "bearer  k1"}):
        assert client.post("/v1/predict", content=BODY, headers=headers).status_code == 200
    assert client.get("/health/ready").status_code == 200
    assert client.get("/metrics").status_code == 200
    document = client.get("/openapi.json").json()
    assert document["paths"]["/v1/predict"]["post"]["security"] == [{"key": []}]


def test_rate_limit_lets_a_burst_through_and_then_the_rate():
    now = [0.0]
    limit = RateLimit(2.0, burst=3, clock=lambda: now[0])
    for _ in range(3):
        limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert refused.value.status == 429
    assert refused.value.headers == ((b"retry-after", b"1"),)
    limit.take("b")
    now[0] = 0.5
    limit.take("a")
    with pytest.raises(Refusal):
        limit.take("a")
    now[0] = 100.0
    for _ in range(3):
        limit.take("a")


def test_rate_limit_says_how_long_to_wait_and_forgets_old_clients():
    limit = RateLimit(0.1, clock=lambda: 0.0)
    limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert refused.value.headers == ((b"retry-after", b"10"),)
    for number in range(10_001):
        limit.take(f"client {number}")
    limit.take("a")
    assert len(limit._buckets) <= 10_001


def test_service_counts_by_client(bundle):
    client = TestClient(create_app(bundle, rate=0.001, burst=2))
    answers = [client.post("/v1/predict", content=BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 900
    assert client.get("/health/live").status_code == 200


def test_body_that_comes_in_pieces_is_read(bundle):
    app = create_app(bundle)
    sent = call(app, [chunk(BODY[:5], True), chunk(BODY[5:20], True), chunk(BODY[20:])])
    assert sent[0]["status"] == 200
    assert call(app, [chunk(BODY)], root="/models")[0]["status"] == 200


def test_body_larger_than_it_says_is_not_read_to_its_end(bundle):
    app = create_app(bundle, max_bytes=100)
    piece = chunk(b"x" * 60, True)
    sent = call(app, [piece, piece, None])
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    sent = call(app, [None], headers=[(b"content-length", b"101")])
    assert sent[0]["status"] == 413
    assert call(app, [chunk(b"x" * 101)])[0]["status"] == 413


def test_slow_bodies_take_no_place_from_others(bundle):
    app = create_app(bundle, max_in_flight=1, read_seconds=0.5)

    async def slow():
        await asyncio.sleep(3600)

    async def run():
        answered = []

        async def send(message):
            answered.append(message.get("status"))

        scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": []}
        held = [asyncio.create_task(app(dict(scope), slow, send)) for _ in range(5)]
        await asyncio.sleep(0.05)

        async def quick():
            return chunk(BODY)

        await app(dict(scope), quick, send)
        first = answered[0]
        await asyncio.gather(*held)
        return first, answered[2::2]

    first, rest = asyncio.run(run())
    assert first == 200
    assert set(rest) == {408}


def test_pieces_that_fill_the_memory_are_refused(bundle):
    app = create_app(bundle, max_bytes=1000)
    app.reader.buffered = 20_000  # as if others had sent so much
    sent = call(app, [chunk(b"x" * 10, True), chunk(b"x" * 10, True)])
    assert sent[0]["status"] == 503
    assert app.reader.buffered == 20_000
    assert call(app, [chunk(BODY)])[0]["status"] == 200


def test_compressed_body_is_refused(client):
    answer = client.post("/v1/predict", content=BODY, headers={"content-encoding": "gzip"})
    assert (answer.status_code, "compressed" in answer.json()["detail"]) == (415, True)
    assert (
        client.post("/v1/predict", content=BODY, headers={"content-encoding": "identity"}).status_code == 200
    )


def test_slow_client_is_told_and_closed(bundle):
    app = create_app(bundle, read_seconds=0.05)
    sent = call(app, [chunk(BODY[:5], True), None])
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_client_that_goes_away_is_counted_and_not_answered(bundle):
    app = create_app(bundle)
    assert call(app, [{"type": "http.disconnect"}]) == []
    assert call(app, [chunk(BODY[:5], True), {"type": "http.disconnect"}]) == []
    assert 'mle_requests_total{path="/v1/predict",status="499"} 2.0' in app.metrics.render().decode()
    assert "mle_in_flight 0.0" in app.metrics.render().decode()


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


def test_draining_service_is_not_ready_and_closes_connections(bundle):
    app = create_app(bundle)
    client = TestClient(app)
    app.draining = True
    assert client.get("/health/ready").status_code == 503
    assert client.get("/ping").status_code == 503
    answer = client.post("/v1/predict", content=BODY)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


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


def test_watch_takes_up_a_new_champion_and_survives_failures(bundle):
    found = iter([None, OSError("gone"), "new"])

    class New:
        version = "9.0.0"

        def __getattr__(self, name):
            return getattr(bundle, name)

    def watch():
        step = next(found, None)
        if isinstance(step, OSError):
            raise step
        return New() if step else None

    stream = io.BytesIO()
    with TestClient(create_app(bundle, watch=watch, watch_seconds=0.01, log=RequestLog(stream))) as client:
        deadline = time.monotonic() + 10
        while client.get("/health/ready").json()["model"]["version"] != "9.0.0":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    written = lines(stream)
    assert any(line.get("error") == "OSError" for line in written)
    assert any("champion is now" in line.get("event", "") for line in written)
