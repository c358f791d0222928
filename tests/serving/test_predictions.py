"""How classes leave the service: JSON, CSV, the page, the metrics and a score table."""

import time

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from mlhelpers.serving.app import create_app
from mlhelpers.serving.batch import score_file, score_frames
from mlhelpers.serving.predictions import invocation_csv, invocation_predictions, predict_fields
from mlhelpers.serving.slots import Slots
from mlhelpers.serving.tables import score_table

NAMES = ["setosa", "versicolor", "virginica"]


@pytest.fixture(scope="module")
def client(flowers):
    with TestClient(create_app(flowers, log=False)) as client:
        yield client


@pytest.fixture(scope="module")
def rows(flowers):
    return flowers.example["request"]["rows"]


def test_a_row_is_answered_with_its_class_and_the_probability_of_each(client, flowers, rows):
    answer = client.post("/v1/predict", json={"rows": rows}).json()
    assert answer["classes"] == NAMES
    expected = flowers.predict(pd.DataFrame(rows))
    for found, values in zip(answer["probabilities"], expected, strict=True):
        assert list(found) == NAMES
        np.testing.assert_allclose(list(found.values()), values, atol=1e-9)


def test_invocations_give_classes_as_json_and_csv(client, rows):
    body = {"dataframe_records": rows}
    predictions = client.post("/invocations", json=body).json()["predictions"]
    assert [one["class"] for one in predictions] == NAMES
    assert all(sum(one["probabilities"].values()) == pytest.approx(1) for one in predictions)
    lines = client.post("/invocations", json=body, headers={"accept": "text/csv"}).text.splitlines()
    assert [line.split(",")[0] for line in lines] == NAMES
    assert {len(line.split(",")) for line in lines} == {4}


def test_explanation_is_of_the_class_that_is_answered(client, rows):
    explanations = client.post("/v1/explain", json={"rows": rows}).json()["explanations"]
    assert [one["class"] for one in explanations] == NAMES
    for one in explanations:
        moved = sum(one["contributions"].values())
        assert moved == pytest.approx(one["probability"] - one["typical_probability"], abs=1e-6)


def test_page_shows_the_class_and_its_probability(client, rows):
    assert "a class" in client.get("/").text
    assert "setosa, versicolor, virginica" in client.get("/").text
    form = {f"row.{name}": str(value) for name, value in rows[2].items()}
    text = client.post("/", data=form).text
    assert '<div class="number">virginica ' in text
    assert "probability of this class" in text


def test_answers_are_those_of_the_openapi_document(client, rows):
    from jsonschema import validate

    document = client.get("/openapi.json").json()
    for path, body in (
        ("/v1/predict", {"rows": rows}),
        ("/v1/explain", {"rows": rows}),
        ("/invocations", {"dataframe_records": rows}),
    ):
        answers = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
        validate(client.post(path, json=body).json(), answers["schema"])


def test_metrics_count_the_classes_and_the_probability_of_the_one_named(flowers, rows):
    with TestClient(create_app(flowers, log=False)) as client:
        client.post("/v1/predict", json={"rows": [*rows, rows[0]]})
        lines = client.get("/metrics").text.splitlines()
    assert 'mle_predicted_class_total{class="setosa",version="1.0.0"} 2.0' in lines
    assert 'mle_predicted_class_total{class="virginica",version="1.0.0"} 1.0' in lines
    assert 'mle_predictions_count{version="1.0.0"} 4.0' in lines
    assert (
        'mle_predictions_bucket{le="0.3",version="1.0.0"} 0.0' in lines
    )  # of three classes the best has a third


def test_a_shadow_of_the_same_classes_is_compared_by_its_largest_difference(flowers, rows):
    with TestClient(create_app(flowers, shadow=flowers, log=False)) as client:
        client.post("/v1/predict", json={"rows": rows})
        deadline = time.monotonic() + 10
        while 'mle_shadow_difference_count{version="1.0.0"} 3.0' not in (text := client.get("/metrics").text):
            assert time.monotonic() < deadline
        assert 'mle_shadow_difference_bucket{le="1e-06",version="1.0.0"} 3.0' in text


def test_a_canary_that_answers_otherwise_is_refused(flowers, built):
    from mlhelpers.packaging import load_bundle

    with pytest.raises(ValueError, match="canary answers with one probability, the champion with setosa"):
        Slots(flowers, canary=load_bundle(built))
    slots = Slots(flowers)
    slots.swap("champion", load_bundle(built))  # alone it may become another model
    assert slots["champion"].classes is None


def test_score_table_holds_the_class_and_each_probability(flowers, rows, tmp_path):
    source = tmp_path / "flowers.csv"
    pd.DataFrame([*rows, rows[0] | {"petal_width": -99.0}]).to_csv(source, index=False)
    report = score_file(flowers, source, tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert (report.scored, report.quarantined) == (3, 1)
    assert scores["class"].tolist() == NAMES
    assert scores[[f"probability_{name}" for name in NAMES]].sum(axis=1).tolist() == pytest.approx([1, 1, 1])
    assert "probability" not in scores


def test_frames_of_spark_hold_no_class_where_the_row_is_refused(flowers, rows):
    frame = pd.DataFrame([rows[0], rows[1] | {"petal_width": -99.0}])
    (found,) = score_frames(flowers, [frame])
    assert found["class"].tolist() == ["setosa", None]
    assert found["probability_setosa"].isna().tolist() == [False, True]
    assert found["problem"].notna().tolist() == [False, True]


def test_one_probability_leaves_as_before():
    values = np.array([0.25, 1 / 3])
    assert predict_fields(values, None) == b"[0.25,0.333333333]"
    assert invocation_predictions(values, None) == b"[0.25,0.333333333]"
    assert invocation_csv(values, None) == b"0.25\n0.333333333\n"
    assert list(score_table(values, None)) == ["probability"]


def test_names_with_a_comma_are_quoted_in_csv():
    assert invocation_csv(np.array([[0.75, 0.25]]), ["red, dark", "red"]) == b'"red, dark",0.75,0.25\n'
