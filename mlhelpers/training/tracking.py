"""Runs in a local MLflow store: quick to start, quiet, and nothing set globally.

Taught in lessons 4.2 (reproducible training) and 9.4 (metadata stores).
"""

from __future__ import annotations

import functools
import logging
import os
import platform
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.training.git import git_commit, git_dirty

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from mlhelpers.training.record import Run, RunRecord

_BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "skops")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep MLflow's messages, progress bars and deprecation warnings out of a notebook's output."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    bars = os.environ.get(_BARS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            os.environ[_BARS] = "false"
            import mlflow  # noqa: F401  (configures its loggers when it is imported)

            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            os.environ.pop(_BARS)
            if bars is not None:
                os.environ[_BARS] = bars
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def client(store: str) -> MlflowClient:
    """Client of a store, for runs and for the registry, without a global tracking address."""
    with quiet():
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=store, registry_uri=store)


@functools.cache
def _empty_database() -> bytes:
    # MLflow builds its tables by dozens of migrations, each of them flushed to the disk. In memory they take
    # a third of the time, and the second store of a process only a copy. Creating the tables from the ORM
    # metadata instead is no way out: it leaves out indexes that only the migrations make.
    with quiet():
        import sqlalchemy
        from mlflow.store.db.utils import _initialize_tables

        engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
        try:
            _initialize_tables(engine)
            with engine.connect() as connection:
                return connection.connection.driver_connection.serialize()
        finally:
            engine.dispose()


def start_store(folder: str | Path) -> str:
    """Create a SQLite tracking store in a folder, or reopen the one that is there.

    Taught in lesson 4.2.

    Parameters
    ----------
    folder : str or Path
        Made if absent. Holds ``mlflow.db`` and, once something is logged, ``artifacts/``.

    Returns
    -------
    str
        The tracking address, ``sqlite:///.../mlflow.db``, to be given as `store`.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "mlflow.db"
    if not database.exists():
        handle, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
        os.close(handle)
        with sqlite3.connect(name) as connection:
            empty = sqlite3.connect(":memory:")
            empty.deserialize(_empty_database())
            empty.backup(connection)
            empty.close()
        connection.close()
        os.replace(name, database)
    return f"sqlite:///{database.as_posix()}"


def track_run(
    experiment: str,
    *,
    store: str,
    params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, Any] | None = None,
    data_hash: str | None = None,
    model: Any = None,
    example: pd.DataFrame | None = None,
    freeze: bool = False,
    artifacts: Iterable[str | Path] = (),
    name: str | None = None,
) -> str:
    """Record one finished run: what is passed, and where the code and the libraries stood.

    Taught in lesson 4.2.

    Parameters
    ----------
    experiment : str
        Name of the experiment; made on first use.
    store : str
        Address from `start_store`, or of any other tracking server that MLflow knows.
    params, metrics, tags : mapping, optional
        Logged as they are. Metrics must be finite numbers.
    data_hash : str, optional
        From `mlhelpers.training.data_hash`; becomes the tag ``data_hash``.
    model : estimator, optional
        Kept as ``model/model.skops``.
    example : DataFrame, optional
        Rows that `model` can predict. With it the folder ``model`` is one that ``mlflow.sklearn`` and
        ``mlflow.pyfunc`` load, with a signature: names and types of the columns, whole numbers as doubles so
        that a gap is allowed, and the shape of the probabilities.
    freeze : bool, default=False
        Keep every installed package with its version as ``environment.txt``.
    artifacts : iterable of path
        Files and folders to keep with the run.
    name : str, optional
        Name of the run; the experiment's without one.

    Returns
    -------
    str
        The run id.

    Raises
    ------
    ValueError
        If a metric is not a finite number, or there is an example without a model.
    FileNotFoundError
        If an artifact does not exist; nothing is recorded then.
    """
    figures = {key: float(value) for key, value in (metrics or {}).items()}
    odd = [key for key, value in figures.items() if not abs(value) < float("inf")]
    if odd:
        raise ValueError(f"metrics must be finite numbers: {', '.join(odd)}")
    if example is not None and model is None:
        raise ValueError("an example goes with a model; give both or neither")
    paths = [Path(artifact) for artifact in artifacts]
    absent = [str(path) for path in paths if not path.exists()]
    if absent:
        raise FileNotFoundError(f"no such artifact: {', '.join(absent)}")
    labels = {"python": platform.python_version(), **_versions(), **dict(tags or {})}
    if data_hash is not None:
        labels["data_hash"] = data_hash
    if (commit := git_commit()) is not None:
        labels["git_commit"] = commit
        labels["git_dirty"] = git_dirty()

    mlflow = client(store)
    with quiet():
        from mlflow.entities import Metric, Param, RunTag

        run = mlflow.create_run(_experiment_id(mlflow, experiment, store), run_name=name or experiment)
        run_id = run.info.run_id
        now = int(time.time() * 1000)
        try:
            mlflow.log_batch(
                run_id,
                metrics=[Metric(key, value, now, 0) for key, value in figures.items()],
                params=[Param(key, str(value)) for key, value in (params or {}).items()],
                tags=[RunTag(key, str(value)) for key, value in labels.items()],
            )
            for path in paths:
                if path.is_dir():
                    mlflow.log_artifacts(run_id, str(path), path.name)
                else:
                    mlflow.log_artifact(run_id, str(path))
            if freeze:
                from mlhelpers.training.record import environment

                mlflow.log_text(run_id, "\n".join(environment()) + "\n", "environment.txt")
            if model is not None:
                _log_model(mlflow, run_id, model, example)
        except BaseException:
            mlflow.set_terminated(run_id, status="FAILED")
            raise
        mlflow.set_terminated(run_id)
    return run_id


def log_run(run: Run, experiment: str, *, store: str, name: str | None = None) -> str:
    """Record a run of `mlhelpers.training.reproducible.run` with all that is needed to rebuild it.

    Taught in lesson 4.2.

    Parameters
    ----------
    run : Run
        Its settings become the parameters, under dotted names; its record is kept as ``record.json``, its
        model with a signature, the installed packages as ``environment.txt``.
    experiment : str
        Name of the experiment; made on first use.
    store : str
        Address from `start_store`, or of any other tracking server that MLflow knows.
    name : str, optional
        Name of the run; the experiment's without one.

    Returns
    -------
    str
        The run id.
    """
    from mlhelpers.training.config import parse_config

    record = run.record
    with tempfile.TemporaryDirectory() as folder:
        return track_run(
            experiment,
            store=store,
            name=name,
            params=parse_config(record.config).flat(),
            metrics=record.metrics,
            tags={"config_hash": record.config_hash, "model_hash": record.model_hash},
            data_hash=record.data_hash,
            model=run.model,
            example=run.example,
            freeze=True,
            artifacts=[record.save(Path(folder) / "record.json")],
        )


def load_record(run_id: str, *, store: str) -> RunRecord:
    """Fetch the record of a run that `log_run` wrote.

    Taught in lesson 4.2.

    Parameters
    ----------
    run_id : str
        The run.
    store : str
        Address of the tracking store.

    Returns
    -------
    RunRecord

    Raises
    ------
    FileNotFoundError
        If the run keeps no ``record.json``.
    """
    from mlhelpers.training.record import RunRecord

    mlflow = client(store)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        if "record.json" not in [item.path for item in mlflow.list_artifacts(run_id)]:
            raise FileNotFoundError(f"run {run_id} keeps no record.json; log it by log_run")
        return RunRecord.load(mlflow.download_artifacts(run_id, "record.json", folder))


def _versions() -> dict[str, str]:
    return {f"version.{library}": metadata.version(library) for library in _LIBRARIES}


def _experiment_id(mlflow: MlflowClient, experiment: str, store: str) -> str:
    known = mlflow.get_experiment_by_name(experiment)
    if known is not None:
        return known.experiment_id
    if not store.startswith("sqlite:///"):
        return mlflow.create_experiment(experiment)  # a server knows where its artifacts go
    # Beside the database: MLflow's default is a folder in whatever directory the process stands in.
    place = Path(store.removeprefix("sqlite:///")).parent / "artifacts"
    return mlflow.create_experiment(experiment, artifact_location=place.as_uri())


def _log_model(mlflow: MlflowClient, run_id: str, model: Any, example: pd.DataFrame | None) -> None:
    import skops.io

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        if example is None:
            path.mkdir()
            skops.io.dump(model, path / "model.skops")
        else:
            _save_with_signature(model, path, example)
        mlflow.log_artifacts(run_id, str(path), "model")


def _save_with_signature(model: Any, path: Path, example: pd.DataFrame) -> None:
    import mlflow.sklearn
    import skops.io
    from mlflow.models import infer_signature

    # Whole numbers as doubles: a column of integers cannot hold a gap, and a request will have one.
    whole = [name for name in example if example[name].dtype.kind in "iu"]
    inputs = example.astype(dict.fromkeys(whole, "float64"))
    mlflow.sklearn.save_model(
        model,
        path,
        signature=infer_signature(inputs, model.predict_proba(inputs)),
        serialization_format="skops",
        skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(model)),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in _LIBRARIES],
    )
