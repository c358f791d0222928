"""What the service accepts: formats, explanations, several models, policies."""

import json
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def expected(bundle, *rows):
    return pytest.approx(list(bundle.predict(bundle.validate(list(rows))[0])), abs=1e-8)


def test_canary_answers_its_share_and_a_request_always_goes_the_same_way(bundle, other):
    client = TestClient(create_app(bundle, canary=other, canary_share=0.3))
    ids = [f"request-{number}" for number in range(400)]

    def versions():
        answers = [client.post("/v1/predict", json={"rows": ROW}, headers={"X-Request-ID": i}) for i in ids]
        assert {answer.headers["x-request-id"] for answer in answers} == set(ids)
        return [answer.json()["model"]["version"] for answer in answers]

    first = versions()
    assert 0.22 < np.mean([version == "2.0.0" for version in first]) < 0.38
    assert versions() == first
    roles = {model["role"]: model["share"] for model in client.get("/v1/models").json()["models"]}
    assert roles == {"champion": 0.7, "canary": 0.3}


def test_shadow_computes_and_does_not_answer(bundle, other):
    with TestClient(create_app(bundle, shadow=other)) as client:
        assert client.post("/v1/predict", json={"rows": ROW}).json()["model"]["version"] == "1.0.0"
        apart = abs(other.predict(other.validate([ROW])[0]) - bundle.predict(bundle.validate([ROW])[0]))[0]
        for _ in range(100):
            text = client.get("/metrics").text
            if 'mle_shadow_difference_count{version="2.0.0"} 1.0' in text:
                break
        line = next(line for line in text.splitlines() if line.startswith("mle_shadow_difference_sum"))
        assert float(line.split()[-1]) == pytest.approx(apart, abs=1e-6)


def test_shadow_that_fails_disturbs_nobody(bundle, other, capfd):
    class Broken:
        session = None
        model = None

        def __getattr__(self, name):
            return getattr(other, name)

        def predict(self, frame):
            raise RuntimeError("secret")

    app = create_app(bundle, shadow=Broken())
    with TestClient(app) as client:
        assert client.post("/v1/predict", json={"rows": ROW}).status_code == 200
    said, until = "", time.monotonic() + 10  # the shadow answers in a thread of its own
    while "shadow" not in said and time.monotonic() < until:
        time.sleep(0.02)
        said += capfd.readouterr().err
    written = json.loads(said.splitlines()[-1])
    assert (written["request"], written["error"]) == ("shadow", "RuntimeError")
    assert "secret" not in json.dumps(written)


def test_models_are_exchanged_while_serving(bundle, other):
    app = create_app(bundle)
    client = TestClient(app)
    app.slots.swap("champion", other)
    answer = client.post("/v1/predict", json={"rows": ROW}).json()
    assert answer["model"]["bundle"] == other.sha256
    assert answer["probabilities"] == expected(other, ROW)
    assert client.get("/health/ready").json()["model"]["version"] == "2.0.0"
    metrics = client.get("/metrics").text
    assert f'bundle="{other.sha256[:12]}",role="champion",version="2.0.0"' in metrics
    assert f'bundle="{bundle.sha256[:12]}",role="champion"' not in metrics
    app.slots.swap("canary", bundle)
    app.slots.set_share(1.0)
    assert client.post("/v1/predict", json={"rows": ROW}).json()["model"]["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"canary_share": 0.1}, "canary_share is above 0 and there is no canary"),
        ({"canary_share": 1.5}, "must be from 0 to 1"),
        ({"policies": {"charg": "clip"}}, "which is no column"),
        ({"api_keys": {}}, "no API keys"),
        ({"api_keys": {"shop": "secret"}}, "API key of 'shop' is not a SHA-256"),
        ({"rate": 0}, "rate must be above 0"),
        ({"rate": 5, "burst": 0}, "burst must be at least 1"),
        ({"max_in_flight": 0}, "limit must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(bundle, options, message):
    with pytest.raises(ValueError, match=message):
        create_app(bundle, **options)


def test_roles_that_cannot_be_are_refused(bundle):
    slots = create_app(bundle).slots
    with pytest.raises(ValueError, match="role must be one of champion, canary, shadow, got 'best'"):
        slots.swap("best", bundle)
    with pytest.raises(ValueError, match="a service needs a champion"):
        slots.swap("champion", None)
