import dataclasses
import json

import numpy as np
import pytest

from mlhelpers.training import record as records
from mlhelpers.training.config import parse_config
from mlhelpers.training.hashing import model_hash
from mlhelpers.training.reproducible import RunRecord, compare_runs, rebuild, run

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


def test_record_survives_its_file_to_the_last_bit(tmp_path, first):
    again = RunRecord.load(first.record.save(tmp_path / "record.json"))
    assert again == first.record
    assert again.probe == first.record.probe


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


def test_json_that_is_no_record_is_refused(first):
    content = json.loads(first.record.to_json())
    del content["probe"]
    with pytest.raises(ValueError, match="keys missing or unknown: extra, probe"):
        RunRecord.from_json(json.dumps({**content, "extra": 1}))
    with pytest.raises(ValueError, match="got list"):
        RunRecord.from_json("[]")


def test_tolerance_decides_about_small_differences(first):
    probe = [p + 1e-7 for p in first.record.probe]
    near = changed(first.record, probe=probe, prediction_hash="x", model_hash="y")
    strict = compare_runs(first.record, near)
    assert not strict
    assert strict.first_difference == "model: probabilities differ by up to 1.0e-07"
    assert "differ: model" in str(strict)
    loose = compare_runs(first.record, near, tolerance=1e-6)
    assert loose and not loose.identical
    assert str(loose) == "agree to 1.0e-07" or str(loose).startswith("agree to 1.0e-07\nnote")
    assert not compare_runs(first.record, near, tolerance=1e-8)


def test_first_difference_is_named_in_order(first):
    record = first.record
    data = changed(record, data_hash="0" * 64, prediction_hash="x")
    assert compare_runs(record, data).first_difference.startswith("data: hash")
    same_model = changed(record, prediction_hash="x")
    assert compare_runs(record, same_model).first_difference.startswith("predictions: ")
    metrics = changed(record, metrics={**record.metrics, "brier": 0.5})
    assert compare_runs(record, metrics).first_difference.startswith("metrics: brier is 0.")
    assert not compare_runs(record, metrics, tolerance=1e-6)
    without = changed(record, metrics={"roc_auc": record.metrics["roc_auc"]})
    assert compare_runs(record, without, tolerance=0.1).first_difference.startswith("metrics: average")


def test_different_numbers_of_rows_do_not_agree(first):
    short = changed(first.record, probe=first.record.probe[:-1], prediction_hash="x")
    assert not compare_runs(first.record, short, tolerance=1.0)


@pytest.mark.parametrize("tolerance", [-1e-9, float("nan")])
def test_tolerance_must_make_sense(first, tolerance):
    with pytest.raises(ValueError, match="at least 0"):
        compare_runs(first, first, tolerance=tolerance)


def test_code_packages_and_machine_are_notes_only(first):
    record = changed(first.record, git_dirty=False)
    settings = {**record.machine["settings"], "OMP_NUM_THREADS": "77"}
    other = changed(
        record,
        git_commit="abc",
        git_dirty=True,
        packages={**record.packages, "numpy": "0.1"},
        machine={**record.machine, "settings": settings},
    )
    verdict = compare_runs(record, other)
    assert verdict.identical and verdict
    assert [note.split(":")[0] for note in verdict.notes] == ["code", "code", "packages", "machine"]
    assert "numpy is" in verdict.notes[2] and "OMP_NUM_THREADS" in verdict.notes[3]
    hidden = compare_runs(record, changed(record, environment_hash="x"))
    assert hidden.notes == ("packages: a library other than those that compute has another version",)


def test_environment_lists_what_is_installed():
    found = records.environment()
    assert found == sorted(found)
    assert any(line.startswith("scikit-learn==") for line in found)
