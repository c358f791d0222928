"""`mle serve` with its options, and other servers that start the same application."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from mlhelpers.packaging import (
    build_bundle,
    load_bundle,
    pack_bundle,
    register_bundle,
    set_alias,
    sign_bundle,
    signing_key,
)
from mlhelpers.serving import hash_key, running_service
from mlhelpers.serving.server import OPTIONS, application, main
from mlhelpers.training import start_store

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}
BIN = Path(sys.executable).parent


def version(service):
    return requests.get(f"{service.url}/health/ready", timeout=10).json()["model"]["version"]


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_zip_keys_policies_and_limits_from_the_command_line(built, tmp_path):
    packed = pack_bundle(built, tmp_path / "bundle.zip")
    (tmp_path / "keys.json").write_text(json.dumps({"shop": hash_key("k1")}))
    (tmp_path / "policies.json").write_text(json.dumps({"charge": "clip"}))
    options = ["--api-keys", tmp_path / "keys.json", "--policies", tmp_path / "policies.json"]
    options += ["--ignore-unknown-columns", "--max-rows", "2", "--rate", "1000", "--log", "refused"]
    log = tmp_path / "log"
    with running_service(packed, timeout=120, options=list(map(str, options)), log=log) as service:
        url, body = f"{service.url}/v1/predict", {"rows": ROW | {"charge": 1e9, "note": 1}}
        assert requests.post(url, json=body, timeout=10).status_code == 401
        headers = {"X-API-Key": "k1"}
        answer = requests.post(url, json=body, headers=headers, timeout=10)
        assert answer.json()["changed"][0]["column"] == "charge"
        assert "server" not in answer.headers
        assert requests.post(url, json={"rows": [ROW] * 3}, headers=headers, timeout=10).status_code == 413
    written = [json.loads(line)["status"] for line in log.read_text().splitlines()]
    assert written == [401, 413]


def test_only_a_signed_bundle_is_served_where_a_key_is_named(built, tmp_path, capsys):
    bundle = shutil.copytree(built, tmp_path / "bundle")
    key = signing_key(tmp_path / "k.pem", create=True)
    arguments = [str(bundle), "--trusted-key", str(tmp_path / "k.pub")]
    assert main(arguments) == 2
    assert "the bundle is not signed" in capsys.readouterr().err
    sign_bundle(bundle, key)
    with running_service(bundle, timeout=120, options=arguments[1:]) as service:
        assert version(service) == "1.0.0"


def test_alias_is_followed_while_serving(built, parts, tmp_path):
    store = start_store(tmp_path)
    first = register_bundle(load_bundle(built), store=store)
    newer = build_bundle(tmp_path / "newer", **parts | {"version": "1.1.0"})
    second = register_bundle(load_bundle(newer), store=store)
    set_alias("churn", "champion", first, store=store)
    options = ["--store", store, "--reload-seconds", "0.2"]
    with running_service("models:/churn@champion", timeout=120, options=options) as service:
        assert version(service) == "1.0.0"
        set_alias("churn", "champion", second, store=store)
        wait_for(lambda: version(service) == "1.1.0")


def test_several_workers_share_port_and_metrics(built):
    with running_service(built, timeout=120, options=["--workers", "2", "--log", "none"]) as service:
        for _ in range(40):
            assert requests.post(f"{service.url}/v1/predict", json={"rows": ROW}, timeout=10).ok
        text = requests.get(f"{service.url}/metrics", timeout=10).text
        assert 'mle_requests_total{path="/v1/predict",status="200"} 40.0' in text
        assert 'mle_predictions_count{version="1.0.0"} 40.0' in text
    assert service.process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs POSIX")
def test_gunicorn_starts_the_same_application(built, tmp_path):
    environment = os.environ | {OPTIONS: json.dumps([str(built), "--log", "none"])}
    socket = tmp_path / "socket"
    command = [
        BIN / "gunicorn",
        "-k",
        "asgi",
        "--bind",
        f"unix:{socket}",
        "mlhelpers.serving.server:application()",
    ]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(socket.exists)
        asked = [
            "curl",
            "-sS",
            "--retry",
            "20",
            "--retry-connrefused",
            "--unix-socket",
            str(socket),
            "http://x/health/ready",
        ]
        if shutil.which("curl") is None:
            pytest.skip("curl is not there to ask over a socket")
        found = subprocess.run(asked, capture_output=True, text=True, timeout=60)
        assert json.loads(found.stdout)["status"] == "ready", found.stderr
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_application_reads_its_options(built, monkeypatch):
    monkeypatch.setenv(OPTIONS, json.dumps([str(built), "--max-rows", "7"]))
    assert application().scorer.max_rows == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "there is no absent"),
        (["{bundle}", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["models:/churn@champion"], "needs --store"),
        (["{bundle}", "--policies", "{text}"], "text.json is not JSON"),
        (["{bundle}", "--api-keys", "{list}"], "list.json must hold an object of texts"),
        (["{bundle}", "--policies", "absent.json"], "absent.json"),
        (["{bundle}", "--canary-share", "0.1"], "there is no canary"),
    ],
)
def test_options_that_cannot_be_used_are_told(built, tmp_path, capsys, arguments, message):
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    names = {"bundle": built, "text": tmp_path / "text.json", "list": tmp_path / "list.json"}
    assert main([argument.format(**names) for argument in arguments]) == 2
    assert message in capsys.readouterr().err


def test_mle_serve_is_the_service(built):
    found = subprocess.run([BIN / "mle", "serve", built, "--workers", "0"], capture_output=True, text=True)
    assert found.returncode == 2
    assert "mle serve: ValueError: --workers must be at least 1" in found.stderr
