"""The graph of deploy/airflow runs in a real Airflow, with the course's environment for the tasks."""

import ast
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "deploy" / "airflow" / "dags"
AIRFLOW = ROOT / ".venv-airflow" / "bin" / "airflow"


def test_every_task_is_a_function_of_the_project():
    """Without Airflow: the file's functions hand on to churn_flow under the same name and arguments."""
    from inspect import signature

    from mlhelpers.features import churn_flow

    tree = ast.parse((DAGS / "churn_features.py").read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("extract", "transform", "load"):
        call = functions[name].body[-1].value
        assert (functions[name].body[1].module, call.func.id) == ("mlhelpers.features.churn_flow", name)
        positional = [argument.id for argument in call.args]
        keywords = {keyword.arg: keyword.value.id for keyword in call.keywords}
        assert [argument.arg for argument in functions[name].args.args] == [*positional, *keywords.values()]
        signature(getattr(churn_flow, name)).bind(*positional, **keywords)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    if not AIRFLOW.exists():
        pytest.skip("needs Airflow in its own environment: make test-platforms")
    home = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "MLE_PYTHON": sys.executable,
        "MLE_WORK": str(home / "work"),
    }

    def run(*arguments):
        done = subprocess.run(
            [AIRFLOW, *arguments], env=os.environ | settings, cwd=home, capture_output=True, text=True
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    run("db", "migrate")
    return home, run


@pytest.mark.platforms
def test_airflow_reads_the_graph_without_an_error(airflow):
    _, run = airflow
    assert "No data found" in run("dags", "list-import-errors")
    assert run("tasks", "list", "churn_features").split()[-3:] == ["extract", "load", "transform"]


@pytest.mark.platforms
def test_airflow_runs_the_graph_and_the_store_has_the_day(airflow):
    home, run = airflow
    for _ in range(2):  # a repeated run replaces the day's rows
        said = run("dags", "test", "churn_features", "2025-07-01")
        assert "state=success" in said
        with closing(sqlite3.connect(home / "work" / "features.sqlite")) as database:
            found = database.execute("SELECT as_of, count(*) FROM churn_features GROUP BY as_of").fetchall()
        assert found == [("2025-06-30", 11886)]


@pytest.mark.platforms
def test_a_day_can_be_given_by_hand(airflow):
    home, run = airflow
    run("dags", "test", "churn_features", "2025-07-01", "--conf", '{"as_of": "2025-03-31"}')
    assert (home / "work" / "2025-03-31" / "features_2025-03-31.parquet").is_file()
