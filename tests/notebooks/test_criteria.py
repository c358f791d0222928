"""The success criteria of lesson 2.1 are those that the pipelines check."""

from pathlib import Path

import yaml

from mlhelpers.course.files import find_root
from mlhelpers.validation.criteria import load_criteria

ROOT = find_root(Path(__file__).parent)
FILE = ROOT / "notebooks" / "criteria.yml"
CRITERIA = {name: load_criteria(name, path=FILE) for name in yaml.safe_load(FILE.read_text(encoding="utf-8"))}
PARAMS = yaml.safe_load((ROOT / "pipelines" / "churn" / "params.yaml").read_text(encoding="utf-8"))


def test_no_limit_and_no_price_stands_in_the_pipelines_settings():
    assert not {"gates", "costs"} & set(PARAMS["evaluate"])
    assert not {"gain_kept", "cost_call", "cost_lost"} & set(PARAMS["train"])
    assert CRITERIA["churn"].horizon_days == PARAMS["features"]["horizon_days"]


def test_the_pipeline_reads_the_criteria():
    graph = yaml.safe_load((ROOT / "pipelines" / "churn" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in ("train", "evaluate"):
        assert "../../notebooks/criteria.yml" in graph[stage]["deps"]
        notebook = next((ROOT / "pipelines" / "churn").glob(f"*_{stage}.ipynb")).read_text(encoding="utf-8")
        assert 'load_criteria(\\"churn\\")' in notebook


def test_churn_holds_every_gate_of_a_release():
    assert list(CRITERIA["churn"].release_gates) == [
        "recall_gap_low", "stress_failures", "gain_over_reference_low",
    ]  # fmt: skip


def test_every_criterion_can_be_checked():
    for problem in CRITERIA.values():
        perfect = {name: rule.get("min", 0.0) for name, rule in problem.all_gates.items()}
        assert problem.check(perfect, release=True)
        assert not problem.check(dict.fromkeys(problem.all_gates, float("nan")), release=True)
