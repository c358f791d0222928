"""One lock for venv, conda, Binder and CI."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def pins(text):
    """Versions of each package: a universal lock may hold two, told apart by markers."""
    found = {}
    for name, version in PIN.findall(text):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.fixture(scope="module")
def lock():
    return (ROOT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_locked_package_has_hashes(lock):
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock)
    without = [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert without == []
    assert len(pins(lock)) > 100


LOCKS = ["requirements.lock", "requirements-platforms.lock", "requirements-airflow.lock", "environment.yml"]


@pytest.mark.parametrize("name", LOCKS)
def test_no_index_address_stands_in_a_lock(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"--(extra-)?index-url|--find-links|https?://|file://", text)


def test_every_direct_dependency_is_locked(lock, project):
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    locked = pins(lock)
    for text in wanted:
        requirement = Requirement(text)
        for version in locked[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version), f"{text} but {version} is locked"


def test_every_dependency_and_ceiling_has_its_reason():
    section = ""
    for line in (ROOT / "pyproject.toml").read_text().splitlines():
        section = line if line.startswith("[") else section
        if re.match(r'\s+"[a-z][a-z0-9-]*[<>=]?', line) and section in ("[project]", "[tool.uv]"):
            assert re.search(r'",\s+# \S.{8,}', line) or "::" in line, f"no reason beside {line.strip()}"


def test_conda_installs_the_same_pins(lock):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    entries = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert "python=3.11" in environment["dependencies"]
    assert "-e ." in entries
    assert pins("\n".join(entries)) == pins(lock)
    for entry in entries:
        if entry != "-e .":
            Requirement(entry)


def test_conda_file_is_what_the_lock_makes(lock):
    sys.path.insert(0, str(ROOT / "binder"))
    try:
        from make_environment import render
    finally:
        sys.path.pop(0)
    assert (ROOT / "environment.yml").read_text() == render(lock)


def test_conda_keeps_the_markers_of_the_lock(lock):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    entries = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    conditional = {line.split("==")[0] for line in lock.splitlines() if PIN.match(line) and ";" in line}
    assert conditional
    assert conditional == {entry.split("==")[0] for entry in entries if ";" in entry}


def test_binder_installs_the_lock_and_opens_the_start_notebook():
    script = (ROOT / "binder" / "postBuild").read_text()
    assert "pip install --no-cache-dir --require-hashes -r requirements.lock" in script
    assert "--no-deps --no-build-isolation -e ." in script
    environment = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())
    assert environment["dependencies"] == ["python=3.11", "pip"]
    server = yaml.safe_load((ROOT / "binder" / "jupyter_server_config.json").read_text())
    url = server["ServerApp"]["default_url"]
    assert (ROOT / url.removeprefix("/lab/tree/")).is_file()


def test_binder_scripts_are_executable_and_cap_threads():
    for name in ("postBuild", "start"):
        path = ROOT / "binder" / name
        assert path.stat().st_mode & 0o111
        subprocess.run(["bash", "-n", path], check=True)
    shown = subprocess.run(
        [ROOT / "binder" / "start", "bash", "-c", "echo $OMP_NUM_THREADS $OPENBLAS_NUM_THREADS"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.split() == ["1", "1"]


def test_this_environment_is_the_lock(lock):
    """What runs the tests is what is locked (environment markers aside)."""
    from importlib.metadata import distributions

    # Only this folder: some packages put their own copies of others on the path when they are imported.
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    installed = {canonicalize_name(d.metadata["Name"]): d.version for d in distributions(path=folders)}
    locked = pins(lock)
    different = {n: (v, locked[n]) for n, v in installed.items() if n in locked and v not in locked[n]}
    extra = set(installed) - set(locked) - {"mlhelpers", "pip", "setuptools", "wheel", "py4j", "pyspark"}
    assert different == {}
    assert extra == set()


def test_platforms_lock_only_adds_to_the_core_lock(lock):
    platforms = pins((ROOT / "requirements-platforms.lock").read_text())
    core = pins(lock)
    assert {name: version for name, version in platforms.items() if name in core} == core
    assert "pyspark" in platforms


def test_ci_runs_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert script.index("make test") < script.index("make test-platforms")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert any(step.get("run") == ".ci/run" for step in workflow["jobs"]["test"]["steps"])
    weekly = yaml.safe_load((ROOT / ".github" / "workflows" / "newest.yml").read_text())
    steps = [step.get("run", "") for step in weekly["jobs"]["newest"]["steps"]]
    assert "make lock LOCK_ARGS=--upgrade" in steps
    assert "gh issue create" in steps[-1]


def test_lazy_import_stays_light():
    code = (
        "import sys; import mlhelpers, mlhelpers.data; "
        "heavy = {'pandas', 'numpy', 'matplotlib', 'sklearn', 'mlflow', 'papermill'} & set(sys.modules); "
        "print(sorted(heavy))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
