import asyncio
import json

import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}
BODY = json.dumps({"rows": ROW}).encode()


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


def test_head_is_get_without_a_body(client):
    answer = client.head("/health/live")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "18")


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
