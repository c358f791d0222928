import json

import pytest
from fastapi.testclient import TestClient

from mlhelpers.packaging import load_bundle
from mlhelpers.serving import create_app

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def bundle(built):
    return load_bundle(built)


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle, max_rows=5, max_bytes=5000))


def ask(client, rows):
    return client.post("/v1/predict", json={"rows": rows})


def test_answer_is_the_models(client, bundle, customers):
    rows = [ROW, ROW | {"charge": None, "contract": None}]
    answer = ask(client, rows)
    expected = bundle.predict(bundle.validate(rows)[0])
    assert answer.status_code == 200
    assert answer.json()["probabilities"] == pytest.approx(list(expected), abs=1e-9)
    assert answer.json()["model"] == {"name": "churn", "version": "1.0.0", "bundle": bundle.sha256}


def test_stored_example_gives_the_stored_answer(client, bundle):
    answer = client.post("/v1/predict", json=bundle.example["request"])
    assert answer.json()["probabilities"] == pytest.approx(
        bundle.example["answer"]["probabilities"], abs=1e-6
    )


def test_one_object_is_one_row(client):
    assert ask(client, ROW).json() == ask(client, [ROW]).json()


def test_model_and_health_are_told(client, bundle):
    described = client.get("/v1/models").json()["models"][0]
    assert [column["name"] for column in described["columns"]] == bundle.columns
    assert described["data_hash"] == "abc"
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json()["model"]["version"] == "1.0.0"


def test_problems_name_row_and_column(client):
    answer = ask(client, [ROW, ROW | {"late": -1, "colour": "red"}])
    assert answer.status_code == 422
    assert answer.json()["detail"] == "2 problems in the rows"
    assert [(found["row"], found["column"]) for found in answer.json()["problems"]] == [
        (1, "late"),
        (1, "colour"),
    ]


@pytest.mark.parametrize(
    "change", [{"charge": "55"}, {"late": 1.5}, {"contract": "weekly"}, {"region": None}]
)
def test_wrong_value_is_refused(client, change):
    answer = ask(client, ROW | change)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["column"] == next(iter(change))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_is_refused(client, number):
    body = json.dumps({"rows": ROW}).replace("55.5", number)
    answer = client.post("/v1/predict", content=body)
    assert answer.status_code == 400
    assert "NaN and Infinity are no JSON numbers: give null" in answer.json()["detail"]


@pytest.mark.parametrize("number", ["1e999", "9" * 400])
def test_number_too_large_for_a_float_is_refused(client, number):
    answer = client.post("/v1/predict", content=json.dumps({"rows": ROW}).replace("55.5", number))
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 3000, b'{"rows": ' + b"9" * 4500 + b"}"])
def test_body_that_is_no_json_is_refused(client, body):
    assert client.post("/v1/predict", content=body).status_code == 400


@pytest.mark.parametrize(
    "body", [[], {}, {"rows": []}, {"rows": 3}, {"rows": None}, {"rows": [], "more": 1}, 7]
)
def test_json_of_another_shape_is_refused(client, body):
    assert client.post("/v1/predict", json=body).status_code == 422


def test_too_many_rows_or_bytes_are_refused(client):
    many = ask(client, [ROW] * 6)
    assert (many.status_code, many.json()["detail"]) == (413, "6 rows, at most 5 in one request")
    large = ask(client, ROW | {"note": "x" * 6000})
    assert (large.status_code, "5000 bytes" in large.json()["detail"]) == (413, True)


def test_list_of_problems_is_cut(bundle):
    answer = ask(TestClient(create_app(bundle)), [{}] * 30)
    assert len(answer.json()["problems"]) == 100
    assert answer.json()["detail"] == "120 problems in the rows, the first 100 are shown"


def test_fault_of_the_service_tells_nothing(bundle, monkeypatch):
    class Broken:
        def __getattr__(self, name):
            return getattr(bundle, name)

        def predict_codes(self, codes):
            raise RuntimeError("secret path")

    answer = ask(TestClient(create_app(Broken()), raise_server_exceptions=False), ROW)
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_openapi_describes_the_row(client):
    described = client.get("/openapi.json").json()["paths"]["/v1/predict"]["post"]["requestBody"]
    row = described["content"]["application/json"]["schema"]["properties"]["rows"]["oneOf"][0]
    assert row["required"] == ["charge", "late", "contract", "region"]
    assert row["properties"]["charge"]["type"] == ["number", "null"]
    assert row["properties"]["charge"]["description"] == "USD per month"
    assert row["properties"]["region"]["enum"] == ["coast", "north"]
    assert None in row["properties"]["contract"]["enum"]
