"""The release checklist: every point can fail, and what could not run is not met."""

import json
from contextlib import contextmanager

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mlhelpers.course.files import find_root
from mlhelpers.packaging import build_bundle, load_bundle, release
from mlhelpers.packaging.image import write_context
from mlhelpers.packaging.registry import promote, register_bundle, rollback
from mlhelpers.serving import running_service
from mlhelpers.training import fit, make_boosting
from mlhelpers.training.tracking import start_store

POINTS = 15
NUMERIC, CATEGORICAL = ["charge", "late"], ["contract", "region"]
PASSED = {"passed": True, "accuracy": 0.97}


@pytest.fixture(scope="module")
def made(class_parts, tmp_path_factory):
    """A release with all that its checklist asks for."""
    folder = tmp_path_factory.mktemp("release")
    key = Ed25519PrivateKey.generate()
    first = load_bundle(build_bundle(folder / "first", **class_parts, key=key))
    parts = class_parts | {"version": "1.1.0", "data_hash": "def"}
    bundle = load_bundle(build_bundle(folder / "second", **parts, key=key))
    store = start_store(folder / "store")
    for at, one in enumerate((first, bundle), start=1):
        register_bundle(one, store=store)
        promote("iris", at, store=store, reason="trial", by="Ada", evidence=PASSED)
    rollback("iris", store=store, reason="rehearsal", by="Ada")
    lines = bundle.read_files()["environment.txt"].decode().split()
    parts_listed = [dict(zip(("name", "version"), line.split("=="), strict=True)) for line in lines]
    sbom = folder / "sbom.json"
    sbom.write_text(json.dumps({"bomFormat": "CycloneDX", "components": parts_listed}))
    return bundle, {
        "model": class_parts["model"],
        "rows": class_parts["example"],
        "labels": class_parts["classes"],
        "data_hash": "def",
        "rebuild": lambda where: build_bundle(where, **parts, key=key),
        "trusted_keys": [key.public_key()],
        "sbom": sbom,
        "previous": first,
        "store": store,
        "context": write_context(
            bundle,
            folder / "image",
            lock=find_root() / "requirements.lock",
            base=f"python:3.11-slim-bookworm@sha256:{64 * '0'}",
        ),
        "serve": lambda: running_service(bundle.folder, options=["--drain-seconds", "1"]),
        "p99_seconds": 2.0,
    }


def point(table, start):
    rows = table[table["point"].str.startswith(start)]
    assert len(rows) == 1
    return bool(rows["met"].iloc[0]), rows["evidence"].iloc[0]


def without_service(made, **other):
    bundle, given = made
    return release.checklist(bundle, **given | {"serve": None, "context": None} | other)


def test_all_points_are_met_by_a_release_that_has_everything(made):
    bundle, given = made
    table = release.checklist(bundle, **given)
    assert len(table) == POINTS
    assert table[~table["met"]].to_dict("records") == []


def test_without_evidence_hardly_a_point_is_met(made):
    table = release.checklist(made[0])
    assert table.loc[table["met"], "point"].tolist() == [
        "a fresh process answers the same",
        "ten bad rows are refused",
    ]
    assert point(table, "bill of materials") == (False, "not given: sbom")


def test_each_point_fails_for_its_own_fault(made, class_parts, tmp_path):
    bundle, _ = made
    other = (
        class_parts["model"].__class__(max_iter=1000, C=0.01).fit(class_parts["example"], np.array([0, 1, 2]))
    )
    table = without_service(
        made,
        model=other,
        rebuild=lambda where: build_bundle(where, **class_parts),
        trusted_keys=[Ed25519PrivateKey.generate().public_key()],
        data_hash="other",
        previous=bundle,
    )
    for start in (
        "a second build",
        "answers are those",
        "signed by",
        "leads back",
        "version follows",
        "rollback",
        "Dockerfile",
        "health",
    ):
        assert not point(table, start)[0], start


def test_decisions_need_rows_of_every_class(made, class_parts):
    two = {"rows": class_parts["example"].head(2), "labels": class_parts["classes"][:2]}
    met, told = point(without_service(made, **two), "decisions")
    assert (met, told) == (False, "0 of 2 change; no row of virginica: give one of each class")
    met, told = point(without_service(made, labels=["setosa"]), "decisions")
    assert (met, told) == (False, "could not run: ValueError: 1 labels for 3 rows")


def test_names_of_two_classes_exchanged_are_found_by_the_labels_alone(made, class_parts, tmp_path):
    names = ["setosa", "virginica", "versicolor"]
    bundle = load_bundle(build_bundle(tmp_path / "bundle", **class_parts | {"classes": names}))
    _, given = made
    shown = {name: given[name] for name in ("model", "rows", "labels")}
    table = release.checklist(bundle, **shown)
    assert point(table, "answers are those")[0]
    assert point(table, "a fresh process")[0]
    met, told = point(table, "decisions")
    assert (met, told) == (False, "0 of 3 change; 0 of 1 virginica are called so")


def test_decisions_of_one_probability_are_made_at_the_threshold(parts, built, customers):
    bundle = load_bundle(built)
    shown = {"model": parts["model"], "rows": customers}
    assert point(release.checklist(bundle, **shown), "decisions")[1] == "0 of 400 change"
    met, told = point(release.checklist(bundle, **shown, threshold=0.0), "decisions")
    assert (met, told) == (False, "all 400 rows are decided alike: give other rows")
    turned = customers.assign(churned=1 - customers["churned"])
    other = fit(make_boosting(NUMERIC, CATEGORICAL, max_iter=15), turned, turned["churned"])
    met, told = point(release.checklist(bundle, model=other, rows=customers), "decisions")
    assert not met
    assert told.endswith("of 400 change")


def test_a_point_that_raises_is_not_met_and_says_why(made):
    def broken(where):
        raise OSError("disk full")

    met, told = point(without_service(made, rebuild=broken), "a second build")
    assert (met, told) == (False, "could not run: OSError: disk full")


def test_a_bill_of_materials_that_lacks_a_requirement(made, tmp_path):
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps({"bomFormat": "CycloneDX", "components": []}))
    met, told = point(without_service(made, sbom=path), "bill of materials")
    assert not met
    assert told.startswith("0 of ")
    path.write_text("{}")
    assert "is no CycloneDX document" in point(without_service(made, sbom=path), "bill of materials")[1]


@pytest.mark.parametrize("user", ["", "USER root\n", "USER 0\n", "USER 1000\nUSER 0:0\n", "USER svc\n"])
def test_root_or_an_unknown_user_is_found(made, tmp_path, user):
    (tmp_path / "Dockerfile").write_text(f'FROM python:3.11-slim\n{user}CMD ["mle"]\n')
    assert not point(without_service(made, context=tmp_path), "image does not run as root")[0]


def test_a_service_that_drops_its_requests_is_found(made):
    bundle, given = made

    @contextmanager
    def killed():
        with running_service(bundle.folder) as service:
            service.stop = lambda: (service.process.kill(), service.process.wait())[1]
            yield service

    met, told = point(
        release.checklist(bundle, **given | {"serve": killed, "context": None}), "stop under load"
    )
    assert not met
    assert "it ended with -9" in told


def test_a_slow_answer_and_another_bundle_are_found(made, built):
    bundle, given = made
    table = release.checklist(bundle, **given | {"context": None, "p99_seconds": 1e-6})
    assert point(table, "stop under load")[0]
    assert not point(table, "99% of requests")[0]
    table = release.checklist(bundle, **given | {"context": None, "serve": lambda: running_service(built)})
    assert not point(table, "health")[0]
    assert "was answered with 422" in point(table, "99% of requests")[1]


def test_a_service_that_does_not_start_meets_none_of_its_points(made, tmp_path):
    bundle, given = made
    table = release.checklist(bundle, **given | {"serve": lambda: running_service(tmp_path / "nothing")})
    for start in ("health", "99%", "stop"):
        met, told = point(table, start)
        assert not met
        assert told.startswith("could not run: ServiceError: the service ended with code")


def test_bad_rows_are_ten_and_each_is_refused(made, built):
    for bundle in (made[0], load_bundle(built)):
        row = bundle.example["request"]["rows"][0]
        bad = list(release.bad_rows(bundle, row))
        assert len(bad) == 10
        for what, wrong in bad:
            _, problems, _ = bundle.reader.read([wrong])
            assert problems, what


def test_bad_rows_of_categories_alone_are_ten(made, class_parts, tmp_path):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from mlhelpers.packaging import infer_signature

    rows = class_parts["example"].assign(colour=["red", "blue", "red"])[["colour"]]
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), type(class_parts["model"])())
    parts = class_parts | {
        "model": model.fit(rows, [0, 1, 2]),
        "signature": infer_signature(rows),
        "example": rows,
    }
    bundle = load_bundle(build_bundle(tmp_path / "bundle", **parts, onnx=False))
    bad = list(release.bad_rows(bundle, {"colour": "red"}))
    assert len(bad) == 10
    assert all(bundle.reader.read([wrong])[1] for _, wrong in bad)
