import dataclasses
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from mlhelpers.training.config import parse_config
from mlhelpers.training.hashing import model_hash
from mlhelpers.training.reproducible import compare_runs, rebuild, run, seed_everything

FEATURES = {"numeric": ["charge", "late"], "categorical": ["contract"], "target": "churned"}


def config(kind="forest", seed=3, **settings):
    if kind == "forest":
        settings = {"n_estimators": 5, **settings}
    return parse_config(
        {"data": {"name": "churn"}, "features": FEATURES, "model": {"type": kind, **settings}, "seed": seed}
    )


@pytest.fixture(scope="module")
def first(customers):
    return run(config(), data=customers)


def changed(record, **changes):
    return dataclasses.replace(record, **changes)


@pytest.mark.parametrize(
    ("kind", "settings"), [("forest", {}), ("boosting", {"max_iter": 5}), ("logistic", {})]
)
def test_two_runs_of_one_config_are_the_same_bit_for_bit(customers, kind, settings):
    one, two = (run(config(kind, **settings), data=customers) for _ in range(2))
    assert one.record == two.record
    verdict = compare_runs(one, two)
    assert verdict and verdict.identical
    assert str(verdict).splitlines()[0] == "the same, bit for bit"


def test_seed_changes_the_model(customers, first):
    other = run(config(seed=4), data=customers)
    assert other.record.model_hash != first.record.model_hash
    verdict = compare_runs(first, other)
    assert not verdict
    assert verdict.first_difference == "settings: seed is 3 and 4"


def test_draws_from_the_global_generator_do_not_matter(customers, first):
    np.random.random(7)  # noqa: NPY002
    assert compare_runs(run(config(), data=customers), first).identical


def test_held_out_rows_are_judged(customers, first):
    assert len(first.predictions) == 100
    assert set(first.predictions.index) < set(customers.index)
    assert 0.5 < first.record.metrics["roc_auc"] < 1
    assert first.record.probe == first.predictions.iloc[:50].tolist()
    assert list(first.example) == ["charge", "late", "contract"]


def test_split_may_ignore_the_classes(customers):
    loose = parse_config({**config().as_dict(), "split": {"test_size": 0.5, "stratify": False}})
    assert len(run(loose, data=customers).predictions) == 200


def test_classes_may_be_texts(customers):
    named = customers.assign(churned=customers["churned"].map({0: "no", 1: "yes"}))
    assert np.isclose(run(config(), data=named).record.metrics["roc_auc"], 0.7, atol=0.2)


def test_missing_column_and_odd_target_are_named(customers):
    with pytest.raises(ValueError, match="columns missing from the data: late, churned"):
        run(config(), data=customers.drop(columns=["late", "churned"]))
    with pytest.raises(ValueError, match="target churned must have two classes and no gaps, got 1"):
        run(config(), data=customers.assign(churned=1))


def test_rebuild_from_the_file_alone(tmp_path, customers, first):
    path = first.record.save(tmp_path / "record.json")
    again = rebuild(path, data=customers)
    assert again.record == first.record
    assert model_hash(again.model) == first.record.model_hash
    assert compare_runs(first.record, again).identical


def test_data_are_loaded_by_the_name_in_the_config():
    small = parse_config(
        {
            "data": {"name": "churn"},
            "features": {"numeric": ["tenure_months"], "target": "churned"},
            "model": {"type": "logistic"},
            "seed": 0,
        }
    )
    done = run(small)
    assert len(done.predictions) == 3000
    assert compare_runs(done, rebuild(done.record)).identical


def test_other_data_are_refused(customers, first):
    with pytest.raises(ValueError, match="data are not those of the record: hash"):
        rebuild(first.record, data=customers.iloc[:-1])


def test_edited_settings_are_refused(customers, first):
    edited = changed(first.record, config={**first.record.config, "seed": 4})
    with pytest.raises(ValueError, match="do not have the recorded hash"):
        rebuild(edited, data=customers)


def test_seed_fixes_every_generator():
    def draws():
        own = seed_everything(3)
        return random.random(), np.random.random(), own.random()  # noqa: NPY002

    assert draws() == draws()
    assert seed_everything(3).random() != seed_everything(4).random()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, None])
def test_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="whole number from 0 to 4294967295"):
        seed_everything(seed)


def test_tensorflow_is_seeded_only_if_it_is_there():
    code = """
import json, sys
from mlhelpers.training import load_keras
from mlhelpers.training.reproducible import seed_everything
seed_everything(1)
before = "tensorflow" in sys.modules
load_keras(0)
import tensorflow as tf
def draw(seed):
    seed_everything(seed)
    return float(tf.random.uniform(()))
print(json.dumps([before, draw(1), draw(1), draw(2)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, first, again, other = json.loads(done.stdout)
    assert not before
    assert first == again != other
