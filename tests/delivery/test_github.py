"""deploy/github: every step of the workflow runs as the file has it, twice; its linters find nothing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from mlhelpers.delivery import lint_workflow, read_workflow, run_workflow

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "github" / "ml.yml"
spec = importlib.util.spec_from_file_location("new_project", ROOT / "deploy" / "github" / "new_project.py")
projects = importlib.util.module_from_spec(spec)
spec.loader.exec_module(projects)


@pytest.fixture
def project(tmp_path):
    return projects.new_project(tmp_path / "project")


def run(project, **options):
    workflow = project / ".github" / "workflows" / "ml.yml"
    return run_workflow(workflow, source=project, folder=project.parent / "run", **options)


def test_every_step_runs_twice_in_a_row_and_gives_the_same_model(project):
    first, second = run(project), run(project)
    workflow = read_workflow(FILE)
    for result in (first, second):
        assert result, result.failed[["job", "step", "log"]].to_string()
        assert set(result.table["status"]) == {"success"}
        assert len(result.table) == sum(len(job.steps) for job in workflow.jobs.values())
    assert first.outputs["train"] == second.outputs["train"] and len(first.outputs["train"]["digest"]) == 64
    assert "on 3,600 customers: passed" in second.summary
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout == "", "the repository is as it was"


def test_a_broken_contract_stops_before_training(project):
    table = project / "data" / "train.csv"
    table.write_text(table.read_text().replace("tickets_90d", "tickets", 1))
    projects.commit(project, "A column renamed")
    result = run(project)
    assert not result and result.jobs == {"check": "failure", "train": "skipped", "staging": "skipped"}
    assert result.failed["step"].tolist() == ["data contract"]
    assert "tickets" in result.failed["log"].item()


def test_a_worse_model_stops_at_the_gates(project):
    settings = project / "settings.yml"
    settings.write_text(settings.read_text().replace("max_iter: 60", "max_iter: 1"))
    projects.commit(project, "Faster training")
    result = run(project, job="train")
    assert result.jobs == {"check": "success", "train": "failure"}
    assert result.failed["step"].tolist() == ["gates"] and "is above 0.15" in result.summary


def test_no_linter_finds_anything():
    assert lint_workflow(FILE).empty
    tools = Path(sys.executable).parent
    schema = [tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", FILE]
    security = [tools / "zizmor", "--offline", "--no-progress", "--format", "plain", FILE]
    for command in (schema, security):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_project_is_small_and_named_after_nothing_that_is_there(project):
    done = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True)
    assert 10 < len(done.stdout.splitlines()) <= 20
    with pytest.raises(FileExistsError, match="is there already"):
        projects.new_project(project)
