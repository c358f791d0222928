import numpy as np
import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving import create_app, shapley_to_reference
from mlhelpers.serving.explain import typical_codes

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle))


def expected(bundle, *rows):
    return pytest.approx(list(bundle.predict(bundle.validate(list(rows))[0])), abs=1e-8)


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
