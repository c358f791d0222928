import sqlite3
import warnings
from datetime import UTC, datetime, timedelta

import mlflow
import pandas as pd
import pytest

from mlhelpers.packaging import (
    BundleError,
    alias_manifest,
    alias_source,
    build_bundle,
    history,
    load_bundle,
    load_registered,
    promote,
    register_bundle,
    resolve_alias,
    rollback,
    set_alias,
)
from mlhelpers.training import start_store, track_run
from mlhelpers.training.tracking import client
from mlhelpers.validation import check_gates


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


@pytest.fixture
def three(parts, tmp_path):
    store = start_store(tmp_path / "store")
    bundles = [
        load_bundle(build_bundle(tmp_path / f"b{at}", **parts | {"version": f"1.{at}.0"})) for at in range(3)
    ]
    return store, [register_bundle(bundle, store=store) for bundle in bundles]


PASSED = {"passed": True, "roc_auc": 0.8}


def test_history_says_who_moved_the_alias_when_and_why(three):
    store, _ = three
    at = datetime(2027, 3, 1, 12, tzinfo=UTC)
    promote("churn", 1, store=store, reason="first model", by="ada", evidence=PASSED, at=at)
    promote("churn", 3, store=store, reason="new data", by="bo", evidence=PASSED, at=at + timedelta(days=1))
    assert resolve_alias("churn", "champion", store=store) == 3
    moves = history("churn", store=store)
    assert moves["action"].tolist() == ["promote", "promote"]
    assert moves["from"].tolist() == [pd.NA, 1] and moves["to"].tolist() == [1, 3]
    assert moves["by"].tolist() == ["ada", "bo"] and moves["reason"].tolist() == ["first model", "new data"]
    assert moves["bundle_version"].tolist() == ["1.0.0", "1.2.0"]
    assert moves["at"].iloc[1] == pd.Timestamp("2027-03-02T12:00Z")
    assert moves["manifest"].str.len().eq(12).all()


def test_rollback_goes_to_the_version_that_served_and_not_to_the_number_before(three):
    store, _ = three
    for version in (1, 3):
        promote("churn", version, store=store, reason="r", by="b", evidence=PASSED)
    assert rollback("churn", store=store, reason="complaints", by="ada") == 1
    assert resolve_alias("churn", "champion", store=store) == 1
    with pytest.raises(LookupError, match="knows no version that was 'champion' before"):
        rollback("churn", store=store, reason="again", by="ada")
    assert resolve_alias("churn", "champion", store=store) == 1


def test_promoting_what_serves_already_is_no_step_for_a_rollback(three):
    store, _ = three
    for version in (1, 2, 2):
        promote("churn", version, store=store, reason="r", by="b", evidence=PASSED)
    assert rollback("churn", store=store, reason="r", by="b") == 1


def test_rollback_refuses_an_alias_that_something_else_has_moved(three):
    store, _ = three
    for version in (1, 2):
        promote("churn", version, store=store, reason="r", by="b", evidence=PASSED)
    set_alias("churn", "champion", 3, store=store)
    with pytest.raises(ValueError, match="points at 3, and its history ends at 2"):
        rollback("churn", store=store, reason="r", by="b")
    assert resolve_alias("churn", "champion", store=store) == 3


def test_move_before_the_last_one_is_refused(three):
    store, _ = three
    days = [datetime(2026, month, 1, tzinfo=UTC) for month in (3, 2)]
    promote("churn", 1, store=store, reason="r", by="b", evidence=PASSED, at=days[0])
    with pytest.raises(ValueError, match=r"2026-02-01.* before the last move of 'champion' at 2026-03-01"):
        promote("churn", 2, store=store, reason="r", by="b", evidence=PASSED, at=days[1])
    assert resolve_alias("churn", "champion", store=store) == 1


def test_second_rollback_goes_one_step_further(three):
    store, _ = three
    for version in (2, 1, 3):
        promote("churn", version, store=store, reason="r", by="b", evidence=PASSED)
    assert [rollback("churn", store=store, reason="r", by="b") for _ in range(2)] == [1, 2]
    promote("churn", 3, store=store, reason="mended", by="b", evidence=PASSED)
    assert rollback("churn", store=store, reason="r", by="b") == 2
    assert len(history("churn", store=store)) == 7


def test_aliases_have_histories_of_their_own(three):
    store, _ = three
    promote("churn", 1, store=store, reason="r", by="b", evidence=PASSED)
    promote("churn", 2, store=store, reason="r", by="b", evidence=PASSED, alias="challenger")
    with pytest.raises(LookupError):
        rollback("churn", store=store, reason="r", by="b")
    assert resolve_alias("churn", "challenger", store=store) == 2


def test_result_of_gates_is_evidence(three):
    store, _ = three
    rules = {"roc_auc": {"min": 0.7}}
    good, bad = check_gates({"roc_auc": 0.8}, rules), check_gates({"roc_auc": 0.6}, rules)
    promote("churn", 1, store=store, reason="r", by="b", evidence=good)
    with pytest.raises(ValueError, match="version 2 of 'churn' is not promoted"):
        promote("churn", 2, store=store, reason="r", by="b", evidence=bad)
    assert resolve_alias("churn", "champion", store=store) == 1
    assert len(history("churn", store=store)) == 1


@pytest.mark.parametrize(
    ("version", "change", "told"),
    [
        (2, {"evidence": {}}, "does not say passed=True"),
        (2, {"evidence": {"passed": "yes"}}, "does not say passed=True"),
        (9, {}, "there is no version 9 of model 'churn'"),
        (2, {"reason": " "}, "reason is empty; say why"),
        (2, {"by": ""}, "by is empty; say who"),
        (2, {"at": datetime(2027, 1, 1)}, "at must have a time zone"),
    ],
)
def test_promotion_without_ground_moves_nothing(three, version, change, told):
    store, _ = three
    given = {"reason": "r", "by": "b", "evidence": PASSED} | change
    with pytest.raises(ValueError, match=told):
        promote("churn", version, store=store, **given)
    assert resolve_alias("churn", "champion", store=store) is None
    assert history("churn", store=store).empty


def test_history_of_no_model_is_refused(three):
    with pytest.raises(ValueError, match="there is no model 'fraud' in the store"):
        history("fraud", store=three[0])
