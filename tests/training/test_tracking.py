import os
import subprocess
import warnings
from pathlib import Path

import mlflow
import pytest
import skops.io

from mlhelpers.training import fit, git_commit, make_logistic, start_store, track_run
from mlhelpers.training.config import parse_config
from mlhelpers.training.reproducible import environment, rebuild
from mlhelpers.training.reproducible import run as train
from mlhelpers.training.tracking import client, load_record, log_run, quiet


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return start_store(tmp_path_factory.mktemp("store"))


def run_of(store, run_id):
    return client(store).get_run(run_id)


def files_of(store, run_id, path=None):
    return [item.path for item in client(store).list_artifacts(run_id, path)]


def test_store_is_made_in_its_folder_and_reopened(tmp_path):
    first = start_store(tmp_path / "new" / "store")
    assert first.startswith("sqlite:///")
    run_id = track_run("churn", store=first, metrics={"auc": 0.8})
    assert start_store(tmp_path / "new" / "store") == first
    assert run_of(first, run_id).data.metrics == {"auc": 0.8}


def test_store_has_every_table_and_index_that_mlflow_would_make(tmp_path):
    import sqlite3

    mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/theirs.db").search_experiments()
    start_store(tmp_path)

    def schema(name):
        with sqlite3.connect(tmp_path / name) as connection:
            rows = connection.execute("select type, name, sql from sqlite_master").fetchall()
            version = connection.execute("select version_num from alembic_version").fetchall()
        connection.close()
        # in words, as the migrations write the constraints of a table in any order
        return {
            (kind, name, *sorted((sql or "").replace(",", " ").split())) for kind, name, sql in rows
        }, version

    assert schema("mlflow.db") == schema("theirs.db")


def test_run_holds_what_was_passed(store, tmp_path):
    (tmp_path / "plot.txt").write_text("plot")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/inner.txt").write_text("inner")
    run_id = track_run(
        "churn",
        store=store,
        params={"depth": 3},
        metrics={"auc": 0.81},
        tags={"stage": "train"},
        data_hash="abc",
        artifacts=[tmp_path / "plot.txt", tmp_path / "folder"],
        name="first",
    )
    run = run_of(store, run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params == {"depth": "3"}
    assert run.data.tags["stage"] == "train"
    assert run.data.tags["data_hash"] == "abc"
    assert run.data.tags["version.scikit-learn"].startswith("1.")
    assert files_of(store, run_id) == ["folder", "plot.txt"]


def test_what_is_not_passed_is_not_logged(store):
    run = run_of(store, track_run("bare", store=store))
    assert run.data.params == {}
    assert run.data.metrics == {}
    assert "data_hash" not in run.data.tags
    assert files_of(store, run.info.run_id) == []


def test_model_can_be_loaded_from_the_run(store, customers):
    model = fit(make_logistic(["late"], ["contract"]), customers, customers["churned"])
    run_id = track_run("churn", store=store, model=model)
    assert files_of(store, run_id, "model") == ["model/model.skops"]
    path = client(store).download_artifacts(run_id, "model/model.skops")
    loaded = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    assert (loaded.predict_proba(customers) == model.predict_proba(customers)).all()


def test_artifacts_lie_beside_the_database(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    track_run("elsewhere", store=store, params={"a": 1})
    assert list(tmp_path.iterdir()) == []
    uri = client(store).get_experiment_by_name("elsewhere").artifact_location
    assert uri.startswith(Path(store.removeprefix("sqlite:///")).parent.as_uri())


def test_nothing_is_said_and_nothing_set(tmp_path, capfd):
    before = mlflow.get_tracking_uri()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        track_run("quiet", store=start_store(tmp_path), metrics={"a": 1})
    assert mlflow.get_tracking_uri() == before
    assert mlflow.active_run() is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_metric_that_is_no_number_is_named(store, value):
    with pytest.raises(ValueError, match="finite numbers: auc"):
        track_run("churn", store=store, metrics={"auc": value})


def test_absent_artifact_records_nothing(store, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        track_run("never", store=store, artifacts=[tmp_path / "absent"])
    assert client(store).get_experiment_by_name("never") is None


def test_run_that_cannot_be_completed_is_marked_as_failed(store):
    with pytest.raises(Exception, match="generator"):
        track_run("broken", store=store, model=(number for number in ()))
    found = client(store)
    experiment = found.get_experiment_by_name("broken").experiment_id
    assert [run.info.status for run in found.search_runs([experiment])] == ["FAILED"]


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_goes_with_the_run_only_inside_a_repository(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "git_commit" not in run_of(store, track_run("churn", store=store)).data.tags
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    assert run_of(store, track_run("churn", store=store)).data.tags["git_commit"] == git_commit()


@pytest.fixture(scope="module")
def trained(customers):
    features = {"numeric": ["charge", "late"], "categorical": ["contract"], "target": "churned"}
    settings = {"type": "forest", "n_estimators": 5}
    config = parse_config({"data": {"name": "churn"}, "features": features, "model": settings, "seed": 3})
    return train(config, data=customers)


@pytest.fixture(scope="module")
def logged(store, trained):
    return log_run(trained, "records", store=store, name="first")


def test_logged_run_holds_settings_hashes_and_files(store, trained, logged):
    data = run_of(store, logged).data
    assert data.params["model.type"] == "forest"
    assert data.params["seed"] == "3"
    assert data.metrics == pytest.approx(trained.record.metrics)
    for name in ("data_hash", "config_hash", "model_hash"):
        assert data.tags[name] == getattr(trained.record, name)
    assert files_of(store, logged) == ["environment.txt", "model", "record.json"]
    text = Path(client(store).download_artifacts(logged, "environment.txt")).read_text()
    assert text.splitlines() == environment()


def test_run_is_rebuilt_from_the_store_alone(store, customers, trained, logged):
    record = load_record(logged, store=store)
    assert record == trained.record
    assert rebuild(record, data=customers).record.model_hash == trained.record.model_hash


def test_model_with_example_has_a_signature_and_can_be_loaded(store, customers, trained, logged):
    path = client(store).download_artifacts(logged, "model")
    signature = mlflow.models.get_model_info(path).signature
    assert signature.inputs.input_names() == ["charge", "late", "contract"]
    assert [str(kind) for kind in signature.inputs.input_types()] == [
        "DataType.double", "DataType.double", "DataType.string",
    ]  # fmt: skip
    rows = trained.example.astype({"late": float})
    served = mlflow.pyfunc.load_model(path).predict(rows)
    assert (served[:, 1] == trained.predictions.iloc[:5]).all()


def test_logging_a_run_says_nothing(store, trained, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_record(log_run(trained, "quiet run", store=store), store=store)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("before", [None, "true"])
def test_setting_for_progress_bars_is_as_it_was(monkeypatch, before):
    name = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
    monkeypatch.delenv(name, raising=False)
    if before:
        monkeypatch.setenv(name, before)
    with quiet():
        assert os.environ[name] == "false"
    assert os.environ.get(name) == before


def test_run_without_a_record_is_named(store):
    with pytest.raises(FileNotFoundError, match=r"keeps no record\.json"):
        load_record(track_run("bare", store=store), store=store)


def test_example_without_a_model_is_refused(store, customers):
    with pytest.raises(ValueError, match="an example goes with a model"):
        track_run("never", store=store, example=customers)


def test_a_store_that_is_no_database_of_ours(tmp_path, monkeypatch, trained):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow keeps it for those who have one
    store = (tmp_path / "runs").as_uri()
    run_id = log_run(trained, "records", store=store)
    assert load_record(run_id, store=store) == trained.record
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
