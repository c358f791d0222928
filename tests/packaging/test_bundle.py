import json
import shutil

import numpy as np
import pandas as pd
import pytest

from mlhelpers.packaging import BundleError, build_bundle, load_bundle
from mlhelpers.packaging.manifest import GRAPH, MANIFEST, fingerprint


@pytest.fixture
def bundle(built, tmp_path):
    return shutil.copytree(built, tmp_path / "bundle")


def rewrite(bundle, change):
    manifest = json.loads((bundle / MANIFEST).read_text())
    change(manifest)
    (bundle / MANIFEST).write_text(json.dumps(manifest))


def refused(bundle, message):
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_bundle_predicts_what_the_model_does(built, customers, model):
    loaded = load_bundle(built)
    expected = model.predict_proba(customers)[:, 1]
    np.testing.assert_allclose(loaded.predict(customers), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(loaded.model.predict_proba(customers)[:, 1], expected)
    assert (loaded.name, loaded.version, loaded.data_hash) == ("churn", "1.0.0", "abc")
    assert loaded.columns == ["charge", "late", "contract", "region"]
    assert (loaded.output["name"], loaded.output["min"], loaded.output["max"]) == ("probability", 0.0, 1.0)
    assert loaded.metrics == {"n": 400, "roc_auc": 0.812346}
    assert loaded.sha256[:12] in loaded._repr_html_()


def reseal(bundle, file, text):
    import hashlib

    (bundle / file).write_text(text)
    seal = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "size": len(text.encode())}
    rewrite(bundle, lambda manifest: manifest["files"].update({file: seal}))


def test_model_that_no_longer_gives_the_stored_answer_is_refused(bundle):
    example = json.loads((bundle / "example.json").read_text())
    example["answer"]["probabilities"][1] += 0.01
    reseal(bundle, "example.json", json.dumps(example))
    refused(bundle, "no longer gives the stored answer")


def test_stored_request_must_fit_the_signature(bundle):
    example = json.loads((bundle / "example.json").read_text())
    example["request"]["rows"][0]["late"] = -1
    reseal(bundle, "example.json", json.dumps(example))
    refused(bundle, "example.json: row 0, column late")


def test_model_with_untrusted_types_is_refused(bundle):
    with pytest.raises(BundleError, match="TreePredictor"):
        load_bundle(bundle, trusted=[])


def test_prediction_needs_every_column(built, customers):
    with pytest.raises(ValueError, match="missing from the frame: late"):
        load_bundle(built).predict(customers.drop(columns="late"))


def test_validation_goes_through_the_signature(built):
    frame, problems = load_bundle(built).validate([{"charge": -1}])
    assert isinstance(frame, pd.DataFrame)
    assert [problem.column for problem in problems] == ["charge", "late", "contract", "region"]


def test_bundle_without_a_graph_predicts_by_the_model(parts, customers, tmp_path):
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline

    from mlhelpers.training import make_logistic

    steps = make_logistic(["charge", "late"], ["contract", "region"]).steps[:2]
    model = Pipeline([*steps, ("bayes", GaussianNB())])
    model.fit(customers, customers["churned"])
    built = load_bundle(build_bundle(tmp_path / "bayes", **parts | {"model": model}))
    assert "OneHotEncoder" in built.manifest["onnx"]["reason"]
    np.testing.assert_allclose(built.predict(customers), model.predict_proba(customers)[:, 1], atol=1e-12)
    assert load_bundle(built.folder, runtime="onnx").session is None
    with pytest.raises(BundleError, match="the model has no ONNX form: a OneHotEncoder"):
        build_bundle(tmp_path / "asked", **parts | {"model": model}, onnx=True)


def test_graph_that_answers_otherwise_is_not_built(parts, tmp_path, monkeypatch):
    from mlhelpers.packaging import build

    monkeypatch.setattr(build, "predict_with_graph", lambda session, codes: np.zeros((len(codes), 2)))
    with pytest.raises(BundleError, match=r"graph is .* off the model's answer, 1e-06 is allowed"):
        build_bundle(tmp_path / "new", **parts)
    assert list(tmp_path.iterdir()) == []


def test_onnx_runtime_alone_leaves_the_model_alone(built, customers):
    loaded = load_bundle(built, runtime="onnx", trusted=[])
    assert len(loaded.predict(customers)) == len(customers)
    with pytest.raises(BundleError, match="TreePredictor"):
        _ = loaded.model
    with pytest.raises(ValueError, match="runtime must be 'both' or 'onnx', got 'tf'"):
        load_bundle(built, runtime="tf")


def test_graph_that_does_not_give_the_stored_answer_is_refused(bundle, parts, customers, tmp_path):
    from mlhelpers.training import fit, make_boosting

    other = fit(
        make_boosting(["charge", "late"], ["contract", "region"], max_iter=3),
        customers,
        customers["late"] > 0,
    )
    graph = (build_bundle(tmp_path / "other", **parts | {"model": other}) / GRAPH).read_bytes()
    (bundle / GRAPH).write_bytes(graph)
    seal = fingerprint(graph)
    rewrite(bundle, lambda manifest: manifest["files"].update({GRAPH: seal}))
    refused(bundle, "model.onnx no longer gives the stored answer")
    (bundle / GRAPH).write_bytes(b"broken")
    rewrite(bundle, lambda manifest: manifest["files"].update({GRAPH: fingerprint(b"broken")}))
    refused(bundle, "model.onnx: not an ONNX model")


@pytest.mark.parametrize("package", ["scikit-learn", "mlhelpers"])
def test_another_major_version_is_refused(bundle, package):
    rewrite(bundle, lambda manifest: manifest["libraries"].update({package: "99.0"}))
    refused(bundle, f"made with {package} 99.0, here is .*: another major version")


def test_graph_must_be_listed(bundle):
    rewrite(bundle, lambda manifest: manifest["files"].pop(GRAPH))
    refused(bundle, "does not list model.onnx")


def test_a_name_with_html_is_text_in_a_notebook(bundle):
    from dataclasses import replace

    page = replace(load_bundle(bundle), name="<b>bold</b>")._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("signature.json", "[]"),
        ("signature.json", '{"columns": 3, "output": {}}'),
        ("signature.json", '{"columns": [{}], "output": {}}'),
        ("example.json", '{"request": {"rows": null}, "answer": {"probabilities": [0.5]}}'),
        ("example.json", '{"request": {"rows": []}, "answer": {"probabilities": ["x"]}}'),
        ("example.json", "{}"),
        ("metrics.json", "[" * 100_000),
        ("metrics.json", "not json"),
    ],
)
def test_files_of_another_form_are_refused_whatever_their_hashes_say(bundle, file, text):
    reseal(bundle, file, text)
    refused(bundle, "is not what a bundle holds|no longer gives the stored answer")
