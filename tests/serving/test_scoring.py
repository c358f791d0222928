import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def expected(bundle, *rows):
    return pytest.approx(list(bundle.predict(bundle.validate(list(rows))[0])), abs=1e-8)


def test_policies_change_values_and_say_so(bundle):
    client = TestClient(
        create_app(bundle, policies={"charge": "clip", "contract": "missing"}, unknown_columns="ignore")
    )
    row = ROW | {"charge": 1e9, "contract": "weekly", "colour": "red"}
    answer = client.post("/v1/predict", json={"rows": row}).json()
    limits = {column["name"]: column["max"] for column in bundle.signature}
    assert answer["probabilities"] == expected(bundle, ROW | {"charge": limits["charge"], "contract": None})
    assert [found["column"] for found in answer["changed"]] == ["charge", "contract"]
    assert "changed" in client.post("/invocations", json={"instances": [row]}).json()
    assert 'mle_values_changed_total{column="charge"} 2.0' in client.get("/metrics").text


def test_many_rows_give_the_same_answers_as_few(client, bundle, customers):
    rows = customers[bundle.columns].astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records") * 3
    many = client.post("/v1/predict", json={"rows": rows}).json()["probabilities"]
    few = []
    for at in range(0, 60, 20):
        few += client.post("/v1/predict", json={"rows": rows[at : at + 20]}).json()["probabilities"]
    assert many[:60] == few
    assert many == expected(bundle, *rows)
