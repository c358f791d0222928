"""What the service refuses and how: problems, keys, limits, slow and broken clients, logs."""

import io
import json
import time

import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app, hash_key
from mlhelpers.serving.logs import RequestLog

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}
BODY = json.dumps({"rows": ROW}).encode()


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def test_paths_and_methods_that_are_not_there(client):
    answer = client.get("/v1/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for path in ("/v2/predict", "/v1/predict/"):
        answer = client.post(path, json={})
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"there is no {path}"
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/openapi.json").status_code == 405


def test_documentation_is_there(client):
    assert client.get("/docs").status_code == 200
    assert client.get("/ping").json()["status"] == "ready"


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


def test_service_counts_by_client(bundle):
    client = TestClient(create_app(bundle, rate=0.001, burst=2))
    answers = [client.post("/v1/predict", content=BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 900
    assert client.get("/health/live").status_code == 200


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


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
