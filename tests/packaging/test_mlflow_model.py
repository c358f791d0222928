import json

import mlflow
import numpy as np
import pandas as pd
import pytest

from mlhelpers.packaging import (
    BundleError,
    load_bundle,
    load_registered,
    pack_bundle,
    register_bundle,
    set_alias,
    write_mlflow_model,
)
from mlhelpers.training import start_store

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


@pytest.fixture(scope="module")
def folder(built, tmp_path_factory):
    return write_mlflow_model(load_bundle(built), tmp_path_factory.mktemp("mlflow") / "model")


@pytest.fixture(scope="module")
def store(folder, built):
    address = start_store(folder.parent)
    number = register_bundle(load_bundle(built), store=address, source=folder)
    set_alias("churn", "champion", number, store=address)
    return address


def test_mlflow_loads_the_registered_version_and_predicts(store, built, customers):
    mlflow.set_registry_uri(store)
    try:
        model = mlflow.pyfunc.load_model("models:/churn@champion")
    finally:
        mlflow.set_registry_uri(None)
    bundle = load_bundle(built)
    rows = customers[bundle.columns]
    np.testing.assert_array_equal(model.predict(rows), bundle.predict(rows))
    assert model.metadata.metadata["bundle_sha256"] == bundle.sha256
    assert [column.name for column in model.metadata.signature.inputs.inputs] == bundle.columns


def test_registered_mlflow_model_is_the_bundle_again(store, built):
    assert load_registered("churn", "champion", store=store).sha256 == load_bundle(built).sha256


def test_changed_bundle_inside_is_refused(folder, built, tmp_path):
    other = write_mlflow_model(load_bundle(built), tmp_path / "model")
    changed = next(other.glob("data/*/metrics.json"))
    changed.write_text("{}")
    with pytest.raises(BundleError, match=r"metrics\.json was changed"):
        mlflow.pyfunc.load_model(str(other))


def test_row_that_does_not_fit_is_refused_by_name(folder):
    model = mlflow.pyfunc.load_model(str(folder))
    with pytest.raises(ValueError, match="row 0, column region: unseen"):
        model.predict(pd.DataFrame([ROW | {"region": "moon"}]))


def test_no_pickle_is_written(folder):
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")]
    assert "loader_module: mlhelpers.packaging.mlflow_model" in (folder / "MLmodel").read_text()


def test_folder_that_is_there_and_a_zip_are_refused(folder, built, tmp_path):
    with pytest.raises(FileExistsError, match="is there already"):
        write_mlflow_model(load_bundle(built), folder)
    packed = load_bundle(pack_bundle(built, tmp_path / "bundle.zip"))
    with pytest.raises(BundleError, match=r"bundle\.zip is a zip"):
        write_mlflow_model(packed, tmp_path / "model")


def test_nothing_is_said(built, tmp_path, capfd):
    write_mlflow_model(load_bundle(built), tmp_path / "model")
    assert capfd.readouterr() == ("", "")
    assert json.loads((tmp_path / "model" / "data" / "bundle" / "MANIFEST.json").read_text())
