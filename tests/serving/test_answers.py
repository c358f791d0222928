import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


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


def test_request_id_of_another_form_is_replaced(client):
    given = client.get("/health/live", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]
    assert given != "a b\tc"
    assert client.get("/health/live").headers["x-request-id"] != given
