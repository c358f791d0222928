import dataclasses
import json

import pytest

from mlhelpers.training import record as records
from mlhelpers.training.config import parse_config
from mlhelpers.training.reproducible import RunRecord, compare_runs, run

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


def test_record_survives_its_file_to_the_last_bit(tmp_path, first):
    again = RunRecord.load(first.record.save(tmp_path / "record.json"))
    assert again == first.record
    assert again.probe == first.record.probe


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
