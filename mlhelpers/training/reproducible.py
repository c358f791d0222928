"""Training from a config that can be done again: seeds, a record, a second run from the record alone.

Taught in lessons 4.2 (reproducible training) and 9.4 (metadata stores).
"""

from __future__ import annotations

import hashlib
import os
import platform
import random
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlhelpers.training.config import TrainingConfig, parse_config
from mlhelpers.training.hashing import data_hash, model_hash
from mlhelpers.training.record import Comparison, Run, RunRecord, compare_runs, environment

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = [
    "Comparison",
    "Run",
    "RunRecord",
    "build_model",
    "compare_runs",
    "data_hash",
    "environment",
    "model_hash",
    "rebuild",
    "run",
    "seed_everything",
]
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "threadpoolctl")
_SETTINGS = ("PYTHONHASHSEED", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PROBES = 50


def seed_everything(seed: int) -> np.random.Generator:
    """Seed the global generators that a run may draw from, and return one that nobody else draws from.

    Taught in lesson 4.2. Python's and NumPy's are seeded, and those of TensorFlow and PyTorch if they are
    imported. An estimator of scikit-learn with ``random_state=None`` draws from NumPy's, so its result
    depends on every draw before it: give it a seed of its own instead.

    Parameters
    ----------
    seed : int
        From 0 to 4,294,967,295.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        If `seed` is no whole number in that range.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be a whole number from 0 to 4294967295, got {seed!r}")
    random.seed(seed)
    if "tensorflow" in sys.modules:
        from mlhelpers.training.deep import load_keras

        load_keras(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (the global generator is meant)
    return np.random.default_rng(seed)


def build_model(config: TrainingConfig) -> Pipeline:
    """Model of a config, not fitted.

    Taught in lesson 4.2.

    Parameters
    ----------
    config : TrainingConfig

    Returns
    -------
    sklearn.pipeline.Pipeline
        With the config's seed in every estimator that draws.
    """
    from mlhelpers.training.models import make_boosting, make_logistic

    columns = (config.features.numeric, config.features.categorical)
    settings = config.model.model_dump(exclude={"type"})
    if config.model.type == "logistic":
        return make_logistic(*columns, **settings)
    if config.model.type == "boosting":
        return make_boosting(*columns, **settings, random_state=config.seed)
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(**settings, random_state=config.seed)
    return make_boosting(*columns).set_params(model=forest)


def run(config: TrainingConfig, *, data: pd.DataFrame | None = None) -> Run:
    """Train a model as a config says, and record what is needed to do it again.

    Taught in lesson 4.2. Everything that draws gets the config's seed, and sums are done on one thread.

    Parameters
    ----------
    config : TrainingConfig
        From `mlhelpers.training.config.load_config`.
    data : DataFrame, optional
        The table, if it is not to be loaded by the name in the config.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        If a column is missing or the target does not have two classes.
    """
    from sklearn.model_selection import train_test_split

    from mlhelpers.training.crossval import fit, one_thread

    seed_everything(config.seed)
    data = _load(config) if data is None else data
    names = [*config.features.numeric, *config.features.categorical]
    target = config.features.target
    if absent := [name for name in (*names, target) if name not in data.columns]:
        raise ValueError(f"columns missing from the data: {', '.join(absent)}")
    y = data[target]
    if y.nunique() != 2 or y.isna().any():
        raise ValueError(f"the target {target} must have two classes and no gaps, got {y.nunique()} classes")
    X_train, X_test, y_train, y_test = train_test_split(
        data[names],
        y,
        test_size=config.split.test_size,
        stratify=y if config.split.stratify else None,
        random_state=config.seed,
    )
    model = fit(build_model(config), X_train, y_train)
    with one_thread():
        predictions = pd.Series(model.predict_proba(X_test)[:, 1], index=X_test.index, name="probability")
    record = _record(config, data, model, predictions, _metrics(y_test == model.classes_[1], predictions))
    return Run(model, record, predictions, X_test.head(5))


def rebuild(record: RunRecord | str | Path, *, data: pd.DataFrame | None = None) -> Run:
    """Train again from a record alone.

    Taught in lesson 4.2. Compare the result with `compare_runs`: this function checks what goes in.

    Parameters
    ----------
    record : RunRecord, str or Path
        A record, or the file of one.
    data : DataFrame, optional
        The table, if it is not to be loaded by the name in the record.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        If the record's settings do not have the record's hash, or the data are not those of the record.
    """
    if not isinstance(record, RunRecord):
        record = RunRecord.load(record)
    config = parse_config(record.config, source="record")
    if config.digest != record.config_hash:
        raise ValueError("the settings in the record do not have the recorded hash: the record was edited")
    data = _load(config) if data is None else data
    if (found := data_hash(data)) != record.data_hash:
        raise ValueError(
            f"the data are not those of the record: hash {found[:12]} instead of {record.data_hash[:12]}; "
            "get the version of the data that was used"
        )
    return run(config, data=data)


def _load(config: TrainingConfig) -> pd.DataFrame:
    from mlhelpers.data import load

    return load(config.data.name, table=config.data.table)


def _metrics(positive: pd.Series, predictions: pd.Series) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    scores = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}
    scores |= {"log_loss": log_loss, "brier": brier_score_loss}
    return {name: float(score(positive, predictions)) for name, score in scores.items()}


def _record(
    config: TrainingConfig, data: pd.DataFrame, model: Any, predictions: pd.Series, metrics: dict[str, float]
) -> RunRecord:
    from mlhelpers.training.git import git_commit, git_dirty

    return RunRecord(
        config=config.as_dict(),
        config_hash=config.digest,
        data_hash=data_hash(data),
        model_hash=model_hash(model),
        prediction_hash=data_hash(predictions.to_frame()),
        environment_hash=hashlib.sha256("\n".join(environment()).encode()).hexdigest(),
        git_commit=git_commit(),
        git_dirty=git_dirty(),
        packages={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _LIBRARIES},
        },
        machine={
            "processor": platform.machine(),
            "system": platform.system(),
            "settings": {name: os.environ.get(name) for name in _SETTINGS},
        },
        metrics=metrics,
        probe=predictions.iloc[:_PROBES].tolist(),
    )
