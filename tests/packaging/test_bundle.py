import json
import shutil

import numpy as np
import pandas as pd
import pytest

from mlhelpers.packaging import BundleError, build_bundle, load_bundle
from mlhelpers.packaging.build import _swap
from mlhelpers.packaging.manifest import FILES, GRAPH, MANIFEST, fingerprint


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


def test_bundle_holds_these_files_and_no_others(built):
    assert sorted(path.name for path in built.iterdir()) == sorted([MANIFEST, GRAPH, *FILES])
    assert [path.name for path in built.parent.iterdir()] == ["bundle"]
    assert "scikit-learn==" in (built / "environment.txt").read_text()


def test_built_twice_it_is_the_same_bytes(built, parts, tmp_path):
    again = build_bundle(tmp_path / "other", **parts)
    for file in [MANIFEST, GRAPH, *FILES]:
        assert (again / file).read_bytes() == (built / file).read_bytes()


def test_rebuilding_replaces_the_whole_bundle(bundle, parts):
    before = load_bundle(bundle).sha256
    build_bundle(bundle, **parts | {"version": "1.1.0", "requirements": ["b==2", "a==1"]})
    loaded = load_bundle(bundle)
    assert loaded.version == "1.1.0"
    assert loaded.sha256 != before
    assert (bundle / "environment.txt").read_text() == "a==1\nb==2\n"
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_failed_build_leaves_the_old_bundle(bundle, parts):
    before = load_bundle(bundle).sha256
    with pytest.raises(TypeError):
        build_bundle(bundle, **parts | {"metrics": {"auc": object()}})
    assert load_bundle(bundle).sha256 == before
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_failed_swap_brings_the_old_bundle_back(bundle):
    with pytest.raises(FileNotFoundError):
        _swap(bundle.parent / "absent", bundle)
    assert load_bundle(bundle)
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_folder_with_other_files_is_not_replaced(tmp_path, parts):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="is not a bundle; give a new folder"):
        build_bundle(tmp_path, **parts)
    assert (tmp_path / "thesis.txt").exists()


def test_example_that_the_signature_refuses_is_refused(tmp_path, parts):
    wrong = parts["example"].assign(late=99)
    with pytest.raises(BundleError, match="example: row 0, column late: out of range"):
        build_bundle(tmp_path / "new", **parts | {"example": wrong})
    with pytest.raises(BundleError, match="at least one row"):
        build_bundle(tmp_path / "new", **parts | {"example": wrong.head(0)})


def test_figures_without_a_number_become_null(tmp_path, parts):
    metrics = {"auc": np.float64("nan"), "folds": np.array([0.12345678, 1.0]), "n": np.int64(3)}
    found = load_bundle(build_bundle(tmp_path / "new", **parts | {"metrics": metrics})).metrics
    assert found == {"auc": None, "folds": [0.123457, 1.0], "n": 3}


@pytest.mark.parametrize("file", [*FILES, GRAPH])
def test_changed_file_is_refused_and_named(bundle, file):
    (bundle / file).write_bytes((bundle / file).read_bytes() + b" ")
    refused(bundle, f"{file} was changed")


@pytest.mark.parametrize("file", [*FILES, GRAPH])
def test_missing_file_is_refused_and_named(bundle, file):
    (bundle / file).unlink()
    refused(bundle, f"{file} is missing")


def test_link_in_place_of_a_file_is_refused(bundle, tmp_path):
    shutil.move(bundle / "metrics.json", tmp_path / "metrics.json")
    (bundle / "metrics.json").symlink_to(tmp_path / "metrics.json")
    refused(bundle, "metrics.json is missing or is not a plain file")


def test_extra_file_is_refused_and_named(bundle):
    (bundle / "notes.txt").write_text("x")
    refused(bundle, "notes.txt is not in the manifest")


def test_missing_manifest_and_missing_folder_are_refused(bundle, tmp_path):
    (bundle / MANIFEST).unlink()
    refused(bundle, "MANIFEST.json is missing")
    refused(tmp_path / "absent", "there is no absent")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema_version": 1}', "[" * 100_000])
def test_unreadable_manifest_is_refused(bundle, text):
    (bundle / MANIFEST).write_text(text)
    refused(bundle, "MANIFEST.json (is not JSON|has schema version)")


@pytest.mark.parametrize("key", ["name", "version", "data_hash", "files", "libraries"])
def test_incomplete_manifest_is_refused(bundle, key):
    rewrite(bundle, lambda manifest: manifest.pop(key))
    refused(bundle, f"MANIFEST.json lacks {key}")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/model.skops", "extra.json"])
def test_manifest_cannot_lead_out_of_the_bundle(bundle, name):
    rewrite(bundle, lambda manifest: manifest["files"].update({name: {"sha256": "", "size": 0}}))
    refused(bundle, "which is no file of a bundle")


def test_manifest_must_list_every_file(bundle):
    rewrite(bundle, lambda manifest: manifest["files"].pop("metrics.json"))
    refused(bundle, "does not list metrics.json")


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


def test_graph_is_said_in_the_manifest(built, parts, tmp_path):
    assert load_bundle(built).manifest["onnx"] == {
        "converted": True,
        "rows_compared": 2003,
        "tolerance": 1e-6,
    }
    without = load_bundle(build_bundle(tmp_path / "without", **parts, onnx=False))
    assert without.manifest["onnx"] == {"converted": False, "reason": "not asked for"}
    assert without.session is None


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

    monkeypatch.setattr(build, "predict_with_graph", lambda session, codes: np.zeros(len(codes)))
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
