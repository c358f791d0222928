"""The build context of a bundle holds all that the image needs, and its commands do what they say."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest
import requests

from mlhelpers.course.files import find_root
from mlhelpers.packaging import build_bundle, load_bundle
from mlhelpers.packaging.command import main
from mlhelpers.packaging.containers import context_files, lint_dockerfile, parse_dockerfile
from mlhelpers.packaging.image import dockerfile, locked, write_context

LOCK = find_root() / "requirements.lock"


@pytest.fixture(scope="module")
def context(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image") / "context"
    return write_context(load_bundle(built), folder, lock=LOCK, base="python:3.11-slim@sha256:abc")


def test_context_holds_what_the_dockerfile_copies_and_nothing_else(context):
    taken = context_files(context)
    taken = set(taken[taken["ignored_by"].isna()]["file"])
    for one in parse_dockerfile((context / "Dockerfile").read_text()):
        for source in one.sources:
            assert any(name == source or name.startswith(f"{source}/") for name in taken)
            taken = {name for name in taken if name != source and not name.startswith(f"{source}/")}
    assert taken == set()


def test_neither_hadolint_nor_our_rules_find_anything(context):
    assert lint_dockerfile(context / "Dockerfile").empty


def test_pins_are_those_of_the_lock_with_hashes(context):
    pins = (context / "requirements.txt").read_text()
    lock = LOCK.read_text()
    names = [line.split("==")[0] for line in pins.splitlines() if "==" in line and not line.startswith(" ")]
    assert {"fastapi", "starlette", "uvicorn", "onnxruntime", "skops", "numpy"} <= set(names)
    assert "tensorflow" not in pins and "jupyterlab" not in pins
    for line in pins.splitlines():
        assert line.strip(" \\") in lock


def test_start_and_health_check_work_as_they_stand_in_the_file(context):
    words = {one.name: one for one in parse_dockerfile((context / "Dockerfile").read_text())}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def here(command):
        places = {
            "/opt/env/bin/python": sys.executable,
            "/opt/ml/model": str(context / "bundle"),
            "8080": port,
        }
        return [places.get(word, word.replace(":8080", f":{port}")) for word in command]

    check = here(json.loads(words["HEALTHCHECK"].value.removeprefix("CMD ")))
    assert subprocess.run(check, capture_output=True).returncode != 0  # nobody answers yet
    with subprocess.Popen(
        here(words["CMD"].words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as service:
        until = time.monotonic() + 60
        while subprocess.run(check, capture_output=True).returncode:
            assert time.monotonic() < until and service.poll() is None
        assert requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).json()["status"] == "ready"
        service.terminate()
        assert service.wait(30) == 0


def test_committed_dockerfile_is_the_one_that_is_written():
    text = (find_root() / "deploy" / "Dockerfile").read_text()
    assert text == dockerfile(tag="churn")
    ignore = (find_root() / "deploy" / ".dockerignore").read_text()
    assert ignore.splitlines()[1] == "*"


def test_lock_without_a_package_or_its_hash_is_refused(tmp_path):
    (tmp_path / "a.lock").write_text("numpy==1.26.4 \\\n    --hash=sha256:1\n    # via x\n")
    assert locked(tmp_path / "a.lock", ["numpy"]) == "numpy==1.26.4 \\\n    --hash=sha256:1\n"
    with pytest.raises(ValueError, match=r"a\.lock does not pin"):
        locked(tmp_path / "a.lock", ["pandas"])
    (tmp_path / "b.lock").write_text("numpy==1.26.4\n")
    with pytest.raises(ValueError, match=r"b\.lock has no hash of numpy"):
        locked(tmp_path / "b.lock", ["numpy"])


def test_command_writes_the_context_and_tells_what_is_left(built, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["dockerfile", str(built), "context", "--lock", str(LOCK)]) == 0
    said = capsys.readouterr().out
    assert "docker build -t churn:1.0.0 context" in said
    assert said.count("MLE003 python:3.11-slim-bookworm may be another image tomorrow") == 2
    assert main(["dockerfile", str(built), "context", "--lock", str(LOCK)]) == 1
    assert "give a new folder" in capsys.readouterr().err
    assert main(["dockerfile", str(built), "other"]) == 2
    assert "give --lock, a requirements file with hashes" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["context"]


def test_bundle_that_needs_what_the_lock_lacks_leaves_nothing(parts, tmp_path):
    bundle = load_bundle(build_bundle(tmp_path / "bundle", **parts, requirements=["numpy==1.26.4"]))
    (tmp_path / "short.lock").write_text("numpy==1.26.4 \\\n    --hash=sha256:1\n")
    with pytest.raises(ValueError, match=r"short\.lock does not pin"):
        write_context(bundle, tmp_path / "context", lock=tmp_path / "short.lock")
    assert not (tmp_path / "context").exists()
