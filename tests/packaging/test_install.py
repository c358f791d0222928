"""A bundle answers in an environment of its own, or nothing is left of it."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from mlhelpers.packaging import BundleError, build_bundle, load_bundle
from mlhelpers.packaging import install as module
from mlhelpers.packaging.install import InstallError, install_bundle, link_distributions, own_wheel

ALONE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def bundle(built):
    return load_bundle(built)


@pytest.fixture(scope="module")
def installed(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed") / "env"
    return folder, install_bundle(bundle, folder, here=True)


def test_bundle_answers_there_with_this_package_as_a_wheel(installed):
    folder, python = installed
    program = "import mlhelpers, importlib.metadata as m; print(mlhelpers.__file__, m.version('mlhelpers'))"
    told = subprocess.run(
        [python, "-c", program], capture_output=True, text=True, env=ALONE, cwd=folder, check=True
    ).stdout
    where, version = told.split()
    assert Path(where).is_relative_to(folder) and version == metadata.version("mlhelpers")
    command = [python, "-m", "mlhelpers.packaging.command", "verify", folder / "bundle"]
    said = subprocess.run(command, capture_output=True, text=True, env=ALONE, cwd=folder, check=True).stdout
    assert "3 stored answers came out again" in said


def test_files_are_scored_there(installed, customers, tmp_path):
    folder, python = installed
    customers.head(5).to_csv(tmp_path / "in.csv", index=False)
    command = [python, "-m", "mlhelpers.serving.batch", folder / "bundle", "in.csv", "out.csv"]
    subprocess.run(command, env=ALONE, cwd=tmp_path, check=True)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 6


def test_only_what_the_bundle_asks_for_is_there(installed):
    folder, python = installed
    command = [python, "-c", "import sklearn, onnxruntime, narwhals; import mlflow"]
    done = subprocess.run(command, capture_output=True, text=True, env=ALONE, cwd=folder, check=False)
    assert "No module named 'mlflow'" in done.stderr
    list_them = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
    names = subprocess.run([python, "-c", list_them], capture_output=True, text=True, env=ALONE, check=True)
    there = set(names.stdout.split())
    assert {"mlhelpers", "numpy", "six", "tqdm"} <= there and len(there) < 40


def test_package_that_the_bundle_forgot_to_name_is_missed(parts, tmp_path):
    pins = [f"{name}=={metadata.version(name)}" for name in ("numpy", "onnxruntime", "pandas", "scipy")]
    folder = build_bundle(tmp_path / "bundle", **parts, requirements=pins)
    with pytest.raises(InstallError, match=r"the bundle failed.*scikit-learn 1\..*here is none"):
        install_bundle(load_bundle(folder), tmp_path / "env", here=True)
    assert not (tmp_path / "env").exists()


def test_files_are_copied_where_links_are_not_allowed(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    link_distributions(["six", "python-dateutil"], tmp_path)
    assert (tmp_path / "six.py").is_file() and (tmp_path / "dateutil" / "parser").is_dir()
    assert not (tmp_path / "six.py").is_symlink() and not (tmp_path / "numpy").exists()


def test_distribution_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="no-such-package is not installed here"):
        link_distributions(["six", "no-such-package"], tmp_path)


def test_wheel_holds_the_code_and_is_the_same_twice(tmp_path):
    (tmp_path / "again").mkdir()
    first, second = own_wheel(tmp_path), own_wheel(tmp_path / "again")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("RECORD"))
        listed = [line.split(",")[0] for line in archive.read(record).decode().splitlines()]
    assert sorted(listed) == sorted(names)
    assert "mlhelpers/packaging/bundle.py" in names and not any("__pycache__" in name for name in names)


def test_folder_with_something_in_it_is_left_alone(bundle, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="give a new folder"):
        install_bundle(bundle, tmp_path, here=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_command_that_is_none_is_named(bundle, tmp_path):
    with pytest.raises(ValueError, match="no command 'train' to install for"):
        install_bundle(bundle, tmp_path / "env", commands=["train"], here=True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("numpy==1.0.0", "wants numpy==1.0.0, here is 1.26"),
        ("no-such-package==1.0", "wants no-such-package==1.0, and here is none"),
        ("numpy>=1", "'numpy>=1' is no pin"),
    ],
)
def test_rehearsal_refuses_other_versions_by_name(parts, tmp_path, line, told):
    folder = build_bundle(tmp_path / "bundle", **parts, requirements=[line])
    with pytest.raises(BundleError, match=told.replace("(", r"\(")):
        install_bundle(load_bundle(folder), tmp_path / "env", here=True)
    assert not (tmp_path / "env").exists()


def test_missing_wheel_is_told_and_nothing_stays(bundle, tmp_path):
    (tmp_path / "wheels").mkdir()
    with pytest.raises(InstallError, match=r"pip failed with status 1.*cloudpickle"):
        install_bundle(bundle, tmp_path / "env", wheels=tmp_path / "wheels")
    assert not (tmp_path / "env").exists()


def test_bundle_that_does_not_answer_there_is_not_installed(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "own_wheel", lambda folder: _hollow(folder))
    with pytest.raises(InstallError, match="the bundle failed with status"):
        install_bundle(bundle, tmp_path / "env", here=True)
    assert not (tmp_path / "env").exists()


def _hollow(folder):
    """A wheel of this package whose model reader is broken."""
    path = own_wheel(folder)
    hollow = path.with_suffix(".new")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(hollow, "w") as out:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "mlhelpers/packaging/formats.py":
                content += b"\ndef loads_model(content, *, trusted=()):\n    raise ValueError('broken')\n"
            if not name.endswith("RECORD"):
                out.writestr(name, content)
            else:
                out.writestr(name, "")
    os.replace(hollow, path)
    return path


def test_bundle_exchanged_after_it_was_verified_is_refused(built, parts, tmp_path):
    folder = shutil.copytree(built, tmp_path / "bundle")
    bundle = load_bundle(folder)
    shutil.rmtree(folder)
    build_bundle(folder, **parts | {"version": "9.9.9"})
    with pytest.raises(BundleError, match="exchanged since it was verified"):
        install_bundle(bundle, tmp_path / "env", here=True)


@pytest.mark.skipif(sys.platform == "win32", reason="the name of the interpreter's folder")
def test_environment_has_a_python_of_its_own(installed):
    folder, python = installed
    assert python == folder / "bin" / "python" and python.exists()
