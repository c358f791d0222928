import sqlite3
import warnings

import mlflow
import pytest

from mlhelpers.packaging import (
    BundleError,
    alias_manifest,
    alias_source,
    build_bundle,
    load_bundle,
    load_registered,
    register_bundle,
    resolve_alias,
    set_alias,
)
from mlhelpers.training import start_store, track_run
from mlhelpers.training.tracking import client


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return start_store(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def versions(built, parts, store, tmp_path_factory):
    first = load_bundle(built)
    folder = tmp_path_factory.mktemp("second") / "bundle"
    second = load_bundle(build_bundle(folder, **parts | {"version": "1.1.0"}))
    run_id = track_run("churn", store=store)
    return (
        first,
        second,
        register_bundle(first, store=store, run_id=run_id),
        register_bundle(second, store=store),
    )


def test_each_bundle_gets_a_version_and_keeps_it(versions, store):
    first, second, number_of_first, number_of_second = versions
    assert (number_of_first, number_of_second) == (1, 2)
    assert register_bundle(first, store=store) == 1
    assert register_bundle(second, store=store) == 2


def test_version_leads_back_to_the_bundle_and_the_data(versions, store):
    found = client(store).get_model_version("churn", "2")
    assert found.tags["manifest_sha256"] == versions[1].sha256
    assert found.tags["data_hash"] == "abc"
    assert found.tags["bundle_version"] == "1.1.0"
    assert found.source == versions[1].folder.as_uri()
    assert client(store).get_model_version("churn", "1").run_id


def test_same_bundle_under_another_name_is_another_model(versions, store):
    assert register_bundle(versions[1], store=store, name="churn-eu") == 1


def test_alias_points_at_a_version_and_moves(versions, store):
    set_alias("churn", "champion", 1, store=store)
    assert resolve_alias("churn", "champion", store=store) == 1
    set_alias("churn", "champion", 2, store=store)
    assert resolve_alias("churn", "champion", store=store) == 2
    assert alias_manifest("churn", "champion", store=store) == versions[1].sha256


def test_alias_that_is_not_set_is_none(versions, store):
    assert resolve_alias("churn", "challenger", store=store) is None
    assert resolve_alias("unknown", "champion", store=store) is None
    assert alias_manifest("churn", "challenger", store=store) is None


def test_alias_of_what_does_not_exist_is_an_error(versions, store):
    with pytest.raises(ValueError, match=r"cannot set alias 'champion' of model 'churn': .*not found"):
        set_alias("churn", "champion", 9, store=store)


def test_broken_store_is_not_taken_for_a_missing_alias(tmp_path):
    broken = start_store(tmp_path)
    client(broken).create_registered_model("churn")
    assert resolve_alias("churn", "champion", store=broken) is None
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("drop table registered_model_aliases")
    connection.close()
    with pytest.raises(mlflow.MlflowException, match="no such table"):
        resolve_alias("churn", "champion", store=broken)


def test_invalid_names_are_refused(versions, store):
    with pytest.raises(ValueError, match="use letters, digits"):
        register_bundle(versions[0], store=store, name="x' or name='y")
    with pytest.raises(mlflow.MlflowException):
        register_bundle(versions[0], store=store, name=" ")


def test_nothing_is_said_and_nothing_set(versions, store, capfd):
    before = mlflow.get_registry_uri()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register_bundle(versions[0], store=store, name="quiet")
        set_alias("quiet", "champion", 1, store=store)
    assert mlflow.get_registry_uri() == before
    assert capfd.readouterr() == ("", "")


def test_alias_leads_to_the_bundle(versions, store):
    set_alias("churn", "champion", 1, store=store)
    assert alias_source("churn", "champion", store=store) == versions[0].folder
    assert load_registered("churn", "champion", store=store).sha256 == versions[0].sha256
    with pytest.raises(LookupError, match="no alias 'absent' of a model 'churn'"):
        load_registered("churn", "absent", store=store)


def test_another_bundle_in_its_place_is_refused(versions, store, parts, tmp_path):
    folder = build_bundle(tmp_path / "bundle", **parts | {"version": "2.0.0"})
    number = register_bundle(load_bundle(folder), store=store, name="swapped")
    set_alias("swapped", "champion", number, store=store)
    build_bundle(folder, **parts | {"version": "2.0.1"})
    with pytest.raises(BundleError, match="another bundle than the one registered as swapped@champion"):
        load_registered("swapped", "champion", store=store)


def test_model_that_lies_elsewhere_has_no_path(store):
    mlflow_client = client(store)
    mlflow_client.create_registered_model("far")
    mlflow_client.create_model_version("far", "s3://bucket/model")
    set_alias("far", "champion", 1, store=store)
    with pytest.raises(LookupError, match="s3://bucket/model, which is no path of this machine"):
        alias_source("far", "champion", store=store)
    assert alias_manifest("far", "champion", store=store) is None
