"""What the service accepts: formats, explanations, several models, policies."""

import json

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.packaging import build_bundle, load_bundle
from mlhelpers.serving import create_app, shapley_to_reference
from mlhelpers.serving.explain import typical_codes

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def bundle(built):
    return load_bundle(built)


@pytest.fixture(scope="module")
def other(parts, customers, tmp_path_factory):
    from mlhelpers.training import fit, make_boosting

    model = fit(
        make_boosting(["charge", "late"], ["contract", "region"], max_iter=3), customers, customers["churned"]
    )
    folder = tmp_path_factory.mktemp("other") / "bundle"
    return load_bundle(build_bundle(folder, **parts | {"model": model, "version": "2.0.0"}))


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def expected(bundle, *rows):
    return pytest.approx(list(bundle.predict(bundle.validate(list(rows))[0])), abs=1e-8)


INVOCATIONS = {
    "dataframe_records": [ROW],
    "instances": [ROW],
    "dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]},
    "inputs": {name: [value] for name, value in ROW.items()},
    "rows": ROW,
}


@pytest.mark.parametrize("shape", INVOCATIONS)
def test_mlflows_and_sagemakers_formats_are_answered(client, bundle, shape):
    answer = client.post("/invocations", json={shape: INVOCATIONS[shape]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == expected(bundle, ROW)


def test_rows_that_are_lists_are_in_the_models_order(client, bundle):
    values = [[ROW[name] for name in bundle.columns]]
    assert client.post("/invocations", json={"instances": values}).json()["predictions"] == expected(
        bundle, ROW
    )


@pytest.mark.parametrize("head", ["charge,late,contract,region\r\n", ""])
def test_csv_with_and_without_names_is_answered(client, bundle, head):
    body = f"{head}55.5,1,monthly,north\r\n,2,,coast\r\n"
    headers = {"content-type": "text/csv; charset=utf-8", "accept": "text/csv"}
    answer = client.post("/invocations", content=body, headers=headers)
    assert answer.headers["content-type"] == "text/csv"
    second = {"charge": None, "late": 2, "contract": None, "region": "coast"}
    assert [float(line) for line in answer.text.split()] == expected(bundle, ROW, second)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ([1], 422, "expected an object with dataframe_split"),
        ({}, 422, "expected exactly one of .* got none"),
        ({"instances": [ROW], "rows": [ROW]}, 422, "expected exactly one of"),
        ({"instances": [ROW], "other": 1}, 422, "expected exactly one of"),
        ({"instances": []}, 422, '"instances" must be a list of at least one row'),
        ({"instances": [[1, 2]]}, 422, "a row has 2 values, there are 4 columns"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, 422, "a column is named twice"),
        ({"dataframe_split": [1]}, 422, '"dataframe_split" must hold "columns"'),
        ({"inputs": {"charge": [1], "late": [1, 2]}}, 422, '"inputs" must give each column a list'),
        ({"inputs": {"charge": 1}}, 422, '"inputs" must give each column a list'),
        ({"instances": [{"charge": 1}]}, 422, "3 problems in the rows"),
        ({"instances": [7]}, 422, "1 problem in the rows"),
    ],
)
def test_invocation_of_another_shape_is_refused(client, body, status, message):
    answer = client.post("/invocations", json=body)
    assert answer.status_code == status
    assert pytest.importorskip("re").search(message, answer.json()["detail"])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"\xff\xfe", 400, "the body is not CSV in UTF-8"),
        (b'"open', 400, "the body is not CSV"),
        (b"charge,late,contract,region\n", 422, "the CSV holds no row"),
        (b"1,2\n", 422, "a row has 2 values"),
        (b"nan,1,monthly,north\n", 422, "1 problem in the rows"),
    ],
)
def test_csv_that_cannot_be_read_is_refused(client, body, status, message):
    answer = client.post("/invocations", content=body, headers={"content-type": "text/csv"})
    assert (answer.status_code, message in answer.json()["detail"]) == (status, True)


def test_contributions_add_up_to_the_distance_from_the_typical_row(client, bundle):
    answer = client.post("/v1/explain", json={"rows": [ROW, ROW | {"contract": None}]}).json()
    assert answer["model"]["version"] == "1.0.0"
    for found in answer["explanations"]:
        assert sum(found["contributions"].values()) == pytest.approx(
            found["probability"] - found["typical_probability"], abs=1e-6
        )
        assert list(found["contributions"]) == bundle.columns
    assert [answer["explanations"][0]["probability"]] == expected(bundle, ROW)


def test_too_many_or_wrong_rows_are_not_explained(client):
    assert client.post("/v1/explain", json={"rows": [ROW] * 11}).status_code == 413
    assert client.post("/v1/explain", json={"rows": ROW | {"late": -1}}).status_code == 422


def test_shapley_values_of_a_sum_are_its_terms():
    weights = np.array([2.0, -1.0, 0.5, 3.0])
    row, reference = np.array([1.0, 2.0, np.nan, 5.0]), np.array([0.0, 0.0, np.nan, 5.0])
    found = shapley_to_reference(lambda codes: np.nan_to_num(codes) @ weights, row, reference)
    np.testing.assert_allclose(found, [2.0, -2.0, 0.0, 0.0], atol=1e-12)


def test_shapley_values_share_an_interaction_evenly():
    found = shapley_to_reference(
        lambda codes: codes[:, 0] * codes[:, 1], np.ones(2), np.zeros(2), n_permutations=2
    )
    np.testing.assert_allclose(found, [0.5, 0.5])
    assert shapley_to_reference(lambda codes: codes[:, 0], np.ones(2), np.ones(2)).tolist() == [0.0, 0.0]


def test_shapley_arguments_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"must be of one shape \(n_columns,\), got \(2,\) and \(3,\)"):
        shapley_to_reference(np.sum, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="must be even and at least 2, got 3"):
        shapley_to_reference(np.sum, np.ones(2), np.ones(2), n_permutations=3)


def test_typical_row_is_median_and_most_frequent(bundle, customers):
    typical = typical_codes(bundle.signature)
    assert typical[0] == pytest.approx(customers["charge"].median())
    assert bundle.signature[2]["typical"] == customers["contract"].value_counts().index[0]


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
    written = json.loads(capfd.readouterr().err.splitlines()[-1])
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
