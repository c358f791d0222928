"""The churn pipeline as its users run it: again, cut off, with bad input, one stage alone.

The tests start from the artifacts of the tree, which `make test` makes first; where they are missing or not
up to date, the pipeline runs once for all tests. That a run from nothing gives the committed hashes is shown
by `make pipeline` and `make test-processors` in CI: both leave `git status` empty.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import psutil
import pytest
import requests
import yaml

from mlhelpers.data import write_sources
from mlhelpers.packaging import alias_manifest, resolve_alias, set_alias

pytestmark = pytest.mark.pipeline
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "pipelines" / "churn").glob("0*.ipynb"))
STAGES = [name[3:] for name in NOTEBOOKS]
BIN = Path(sys.executable).parent


class Workspace:
    """A copy of what the pipeline needs, with commands to run in it."""

    def __init__(self, folder):
        self.folder, self.churn = folder, folder / "pipelines" / "churn"
        # coverage would count the copy of the package for nothing, and every kernel would be slower
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self.environment = inherited | {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "MLE_PROGRESS_DIR": str(folder / "progress"),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }

    def start(self, *command, cwd=None, **options):
        return subprocess.Popen(
            [str(part) for part in command], cwd=cwd or self.churn, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def run(self, *command, cwd=None):
        process = self.start(*command, cwd=cwd)
        out, errors = process.communicate(timeout=600)
        return process.returncode, out, errors

    def pipeline(self, *arguments):
        return self.run(sys.executable, self.folder / "pipelines" / "run.py", "churn", *arguments)

    def stage(self, name, *arguments):
        notebook = next(n for n in NOTEBOOKS if n.endswith(name))
        return self.run(
            BIN / "mle", "run", f"{notebook}.ipynb", f"artifacts/notebooks/{notebook}.ipynb",
            "-f", "params.yaml", "--section", name, *arguments,
        )  # fmt: skip

    def outputs(self, lock=None):
        """Hash of every output, by its path."""
        stages = yaml.safe_load((lock or self.churn / "dvc.lock").read_text())["stages"]
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}

    def files(self, *stages):
        """Contents of the artifacts of some stages."""
        return {
            path: path.read_bytes()
            for stage in stages
            for path in sorted((self.churn / "artifacts" / stage).rglob("*"))
            if path.is_file()
        }

    @property
    def store(self):
        return f"sqlite:///{self.churn / 'artifacts' / 'mlflow' / 'mlflow.db'}"

    def copy(self, folder):
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder)

    def forget(self, *gone):
        """Go back to before these stages ran for the first time."""
        lock = yaml.safe_load((self.churn / "dvc.lock").read_text())
        lock["stages"] = {name: value for name, value in lock["stages"].items() if name not in gone}
        (self.churn / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
        for name in gone:
            shutil.rmtree(self.churn / "artifacts" / name)
        if "train" in gone:
            shutil.rmtree(self.churn / "artifacts" / "mlflow")
            shutil.rmtree(self.churn / "artifacts" / "registry")
        elif "deploy" in gone:
            set_alias("churn", "champion", 1, store=self.store)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("pipelines", "data", "mlhelpers"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    shutil.copy(ROOT / ".dvcignore", folder)
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "criteria.yml", folder / "notebooks")
    (folder / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "alerts.yml", folder / "deploy")
    workspace = Workspace(folder)
    code, _, errors = workspace.run(BIN / "dvc", "init", "--no-scm", "--quiet", cwd=folder)
    assert code == 0, errors
    workspace.code, workspace.out, workspace.errors = workspace.pipeline()
    return workspace


@pytest.fixture
def workspace(finished, tmp_path):
    assert finished.code == 0, finished.errors
    return finished.copy(tmp_path / "course")


def test_the_table_has_a_line_for_every_stage(finished):
    assert finished.code == 0, finished.errors
    for stage in STAGES:
        assert re.search(rf"^{stage} +(\d+\.\d|unchanged)  \w+=", finished.out, re.MULTILINE), finished.out


def test_the_three_events_are_found(finished):
    monitor = json.loads((finished.churn / "artifacts" / "monitor" / "monitor.json").read_text())
    assert all(abs(e["true week"] - e["named week"]) <= 2 for e in monitor["events"].values())
    assert len(monitor["events"]) == 3
    assert monitor["figures"]["false_alarms"] <= 1
    assert monitor["gains"]["recent rows 10 times"]["low"] > 0


def test_the_report_shows_every_stage_with_its_plots(finished):
    page = (finished.churn / "report" / "index.html").read_text()
    for stage in STAGES:
        assert f'<h2 id="{stage}">' in page
    assert page.count("data:image/png;base64,") >= 6
    assert 'alt="figure"' not in page


def test_nothing_changed_runs_nothing(finished):
    assert finished.outputs() == finished.outputs(ROOT / "pipelines" / "churn" / "dvc.lock")
    before = (finished.churn / "dvc.lock").read_bytes()
    code, out, errors = finished.pipeline()
    assert code == 0, errors
    assert out.count("unchanged") == len(STAGES)
    assert (finished.churn / "dvc.lock").read_bytes() == before


def test_a_repeated_run_decides_the_same(workspace):
    """The champion is the candidate itself now; figures and hashes stay as they were."""
    before, files = workspace.outputs(), workspace.files("evaluate", "deploy")
    champion = alias_manifest("churn", "champion", store=workspace.store)
    code, _, errors = workspace.pipeline("--force", "--single-item", "evaluate", "deploy")
    assert code == 0, errors
    assert workspace.outputs() == before
    logs = {path for path in files if path.suffix == ".log"}
    again = workspace.files("evaluate", "deploy")
    assert {p: c for p, c in again.items() if p not in logs} == {
        p: c for p, c in files.items() if p not in logs
    }
    assert alias_manifest("churn", "champion", store=workspace.store) == champion


@pytest.mark.parametrize(
    "kills",
    [[("validate", 2.0)], [("train", 6.0), ("deploy", 8.0)]],
    ids=lambda kills: " and ".join(stage for stage, _ in kills),
)
def test_killed_and_run_again_gives_the_same_artifacts(workspace, kills):
    """Cut off once or twice: each run goes on where the one before was cut off."""
    expected = workspace.outputs()
    champion = alias_manifest("churn", "champion", store=workspace.store)
    first, last = kills[0][0], kills[-1][0]
    workspace.forget(*([first] if first == "validate" else STAGES[STAGES.index(first) :]))
    for stage, seconds in kills:
        process = workspace.start(
            sys.executable, workspace.folder / "pipelines" / "run.py", "churn", start_new_session=True
        )
        family = wait_for_kernel(process, stage)
        time.sleep(seconds)
        family = {*family, *psutil.Process(process.pid).children(recursive=True)}
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == [], "kernels and services end when what started them is gone"
        assert f"artifacts/{stage}/{stage}.json" not in workspace.outputs(), "the stage was not cut off"
    code, out, errors = workspace.pipeline()
    assert code == 0, errors
    ran = re.findall(r"^(\w+) +\d+\.\d  \w+=", out, re.MULTILINE)
    assert ran == ([last] if last == "validate" else STAGES[STAGES.index(last) :]), out
    assert workspace.outputs() == expected
    assert alias_manifest("churn", "champion", store=workspace.store) == champion


def wait_for_kernel(process, stage):
    """Processes below `process`, once the stage's kernel runs."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        family = psutil.Process(process.pid).children(recursive=True)
        commands = []
        for child in family:
            try:
                commands.append(" ".join(child.cmdline()))
            except psutil.Error:
                continue
        if any(f"_{stage}.ipynb" in c for c in commands) and any("ipykernel" in c for c in commands):
            return family
        time.sleep(0.05)
    raise AssertionError(f"stage {stage} did not start")


@pytest.fixture
def sources(tmp_path):
    written = write_sources("churn", tmp_path / "sources")
    assert len(written) == 3
    return tmp_path / "sources"


def edit_csv(sources, change):
    path = sources / "usage.csv"
    path.write_text(change(path.read_text()))


def rename_column(sources):
    edit_csv(sources, lambda text: text.replace("data_gb", "data", 1))


def text_among_numbers(sources):
    edit_csv(sources, lambda text: text.replace("\n", "\nC000001,2024-12-01,about 12,30\n", 1))


def empty_file(sources):
    (sources / "usage.csv").write_bytes(b"")


def latin_1(sources):
    with (sources / "events.jsonl").open("ab") as file:
        file.write('{"event_id": "E9999999", "type": "Kündigung"}\n'.encode("latin-1"))


def duplicate_ids(sources):
    with closing(sqlite3.connect(sources / "crm.sqlite")) as crm, crm:
        crm.execute("CREATE TABLE twice AS SELECT * FROM customers")
        crm.execute("INSERT INTO twice SELECT * FROM customers LIMIT 3")
        crm.execute("DROP TABLE customers")
        crm.execute("ALTER TABLE twice RENAME TO customers")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (rename_column, r"usage.csv: column 'data_gb' is missing"),
        (
            text_among_numbers,
            r"usage.csv: column 'data_gb': 1 of \d+ values are no number .*'about 12' in row 2",
        ),
        (empty_file, r"usage.csv: the file is empty"),
        (latin_1, r"events.jsonl: line \d+: not UTF-8"),
        (duplicate_ids, r"crm.sqlite: column 'customer_id': 6 rows share their key"),
    ],
)
def test_unreadable_input_stops_at_ingest_and_keeps_what_was_good(workspace, sources, fault, message):
    before = workspace.files("ingest", "validate")
    fault(sources)
    code, _, errors = workspace.stage("ingest", "-p", "sources", str(sources))
    assert code == 1
    assert "01_ingest.ipynb" in errors
    assert re.search(message, errors), errors
    assert workspace.files("ingest", "validate") == before


def test_many_broken_rows_stop_at_validate_and_keep_what_was_good(workspace, sources):
    lines = (sources / "usage.csv").read_text().splitlines()
    broken = [re.sub(r",[^,]*$", ",-5", line) if i % 10 < 3 and i else line for i, line in enumerate(lines)]
    (sources / "usage.csv").write_text("\n".join(broken) + "\n")
    code, _, errors = workspace.stage("ingest", "-p", "sources", str(sources))
    assert code == 0, errors
    before = workspace.files("validate")
    code, _, errors = workspace.stage("validate")
    assert code == 1
    assert re.search(
        r"validate: usage: 3\d\.\d% of the rows break the contract, the limit is 5\.0%; "
        r"most often: column call_minutes below 0", errors
    ), errors  # fmt: skip
    assert workspace.files("validate") == before


def test_a_misspelt_parameter_stops_the_pipeline_before_a_kernel_starts(workspace):
    before = workspace.files(*STAGES)
    text = (workspace.churn / "params.yaml").read_text()
    (workspace.churn / "params.yaml").write_text(text.replace("max_depth: 4", "max_dept: 4"))
    executed = (workspace.churn / "artifacts" / "notebooks" / "04_train.ipynb").read_bytes()
    code, _, errors = workspace.pipeline()
    assert code != 0
    assert re.search(r"04_train.ipynb.*\n.*max_dept.*did you mean max_depth", errors), errors
    assert workspace.files(*STAGES) == before
    assert (workspace.churn / "artifacts" / "notebooks" / "04_train.ipynb").read_bytes() == executed


def test_a_model_that_misses_the_gate_goes_no_further(workspace):
    champion = alias_manifest("churn", "champion", store=workspace.store)
    path = workspace.folder / "notebooks" / "criteria.yml"
    path.write_text(path.read_text().replace("auc_low: {min: 0.80}", "auc_low: {min: 0.99}"))
    package = workspace.files("package", "deploy")
    code, _, errors = workspace.pipeline()
    assert code != 0
    assert re.search(
        r"evaluate: the gate is not passed: auc_low is 0\.8\d+, below the minimum of 0\.99", errors
    )
    assert workspace.files("package", "deploy") == package
    assert alias_manifest("churn", "champion", store=workspace.store) == champion


def test_a_canary_over_its_limit_is_rolled_back(workspace):
    set_alias("churn", "champion", 1, store=workspace.store)
    code, _, errors = workspace.stage("deploy", "-p", "max_latency_ratio", "0.01")
    assert code == 0, errors
    deployed = json.loads((workspace.churn / "artifacts" / "deploy" / "deploy.json").read_text())
    assert deployed["figures"]["decision"] == "rollback"
    assert deployed["figures"]["serving"] == "1.0.0"
    assert resolve_alias("churn", "champion", store=workspace.store) == 1


def test_the_packaged_model_is_served_as_the_readme_says(workspace):
    command = "mle serve pipelines/churn/artifacts/package/bundle"
    program, *arguments = command.split()
    process = workspace.start(BIN / program, *arguments, cwd=workspace.folder)
    try:
        url = json.loads(process.stdout.readline())["url"]
        example = json.loads(
            (workspace.churn / "artifacts" / "package" / "bundle" / "example.json").read_text()
        )
        answer = requests.post(f"{url}/v1/predict", json=example["request"], timeout=30).json()
        assert answer["probabilities"] == pytest.approx(example["answer"]["probabilities"], abs=1e-6)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors


def test_the_packaged_model_scores_files_and_is_verified_as_the_readme_says(workspace):
    data = workspace.folder / "data"
    if not data.exists():
        data.symlink_to(ROOT / "data")
    command = "mle score pipelines/churn/artifacts/package/bundle data/churn/churn.parquet scores.parquet"
    program, *arguments = command.split()
    code, said, errors = workspace.run(BIN / program, *arguments, cwd=workspace.folder)
    assert code == 0, errors
    assert "12,000 rows: 12,000 scored by churn" in said
    assert len(pd.read_parquet(workspace.folder / "scores.parquet")) == 12_000
    command = "mle bundle verify pipelines/churn/artifacts/package/bundle"
    program, *arguments = command.split()
    code, said, errors = workspace.run(BIN / program, *arguments, cwd=workspace.folder)
    assert code == 0, errors
    assert "stored answers came out again" in said


@pytest.mark.parametrize(
    "command",
    [
        "papermill pipelines/churn/04_train.ipynb out.ipynb -p max_depth 6",
        "mle run pipelines/churn/04_train.ipynb out.ipynb -p max_depth 6",
    ],
)
def test_one_stage_runs_alone_as_the_readme_says(workspace, command):
    program, *arguments = command.split()
    code, _, errors = workspace.run(BIN / program, *arguments, cwd=workspace.folder)
    assert code == 0, errors
    assert (workspace.folder / "out.ipynb").is_file()
    trained = json.loads((workspace.churn / "artifacts" / "train" / "train.json").read_text())
    assert trained["parameters"]["max_depth"] == 6


def test_a_stage_without_its_input_says_which_stage_makes_it(workspace):
    shutil.rmtree(workspace.churn / "artifacts" / "features")
    code, _, errors = workspace.stage("train")
    assert code == 1
    assert "the stage 'features' makes it" in errors
