"""The contracts of managed platforms: variables, paths, the folder of the model, a server that keeps them."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import requests
from fastapi.testclient import TestClient

from mlhelpers.packaging.bundle import pack_bundle
from mlhelpers.serving.app import create_app
from mlhelpers.serving.contracts import read_contract


@pytest.fixture
def model_folder(built, tmp_path):
    """What SageMaker unpacks: a folder in the archive."""
    shutil.copytree(built, tmp_path / "model" / "churn")
    return tmp_path / "model"


def test_sagemaker_names_port_and_folder(model_folder):
    contract = read_contract("sagemaker", {"SM_MODEL_DIR": str(model_folder)})
    assert (contract.host, contract.port) == ("0.0.0.0", 8080)
    assert contract.bundle == str(model_folder / "churn")
    assert contract.paths == {}
    given = {"SAGEMAKER_BIND_TO_PORT": "9000"}
    assert read_contract("sagemaker", given, model_folder=model_folder / "churn").port == 9000


def test_a_zip_in_the_folder_is_taken(built, tmp_path):
    packed = pack_bundle(built, tmp_path / "churn.zip")
    assert read_contract("sagemaker", {}, model_folder=tmp_path).bundle == str(packed)


def test_vertex_names_port_and_paths():
    given = {
        "AIP_HTTP_PORT": "7080",
        "AIP_HEALTH_ROUTE": "/alive",
        "AIP_PREDICT_ROUTE": "/v1/models/1:predict",
    }
    contract = read_contract("vertex", given)
    assert contract.port == 7080
    assert contract.bundle is None
    assert contract.paths == {"/v1/models/1:predict": "/invocations", "/alive": "/health/ready"}
    assert read_contract("vertex", {}).paths == {"/predict": "/invocations", "/health": "/health/ready"}


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("azure", {}, "contract must be one of sagemaker, vertex, got 'azure'"),
        ("vertex", {"AIP_HTTP_PORT": "http"}, "AIP_HTTP_PORT must be a port from 1 to 65535, got 'http'"),
        ("vertex", {"AIP_HTTP_PORT": "70000"}, "AIP_HTTP_PORT must be a port"),
        ("vertex", {"AIP_PREDICT_ROUTE": "predict"}, "AIP_PREDICT_ROUTE must begin with /"),
        ("vertex", {"AIP_PREDICT_ROUTE": "/a", "AIP_HEALTH_ROUTE": "/a"}, "name the same path"),
        ("sagemaker", {"SM_MODEL_DIR": "nowhere"}, "nowhere holds no bundle"),
    ],
)
def test_what_a_platform_says_wrongly_is_named(name, given, told):
    with pytest.raises(ValueError, match=told):
        read_contract(name, given)


def test_two_bundles_in_the_folder_are_refused_by_name(model_folder, built):
    shutil.copytree(built, model_folder / "other")
    with pytest.raises(ValueError, match="holds 2 bundles, churn, other"):
        read_contract("sagemaker", {}, model_folder=model_folder)


def test_paths_lead_to_the_services_own(bundle):
    rows = bundle.example["request"]["rows"]
    with TestClient(
        create_app(bundle, paths={"/predict": "/invocations", "/alive": "/health/ready"})
    ) as client:
        answer = client.post("/predict", json={"instances": rows, "parameters": {}})
        assert answer.json()["predictions"] == pytest.approx(
            bundle.example["answer"]["probabilities"], abs=1e-6
        )
        assert client.get("/alive").status_code == 200
        assert client.get("/execution-parameters").json() == {
            "MaxConcurrentTransforms": 100,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": 10,
        }


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ({"/predict": "/guess"}, "/predict leads to /guess, which the service does not have"),
        ({"/metrics": "/invocations"}, "/metrics is a path of the service already"),
    ],
)
def test_paths_that_cannot_be_are_refused(bundle, paths, told):
    with pytest.raises(ValueError, match=told):
        create_app(bundle, paths=paths)


@pytest.mark.parametrize("contract", ["sagemaker", "vertex"])
def test_the_command_keeps_the_contract(contract, model_folder, bundle):
    names = {"SM_MODEL_DIR": str(model_folder), "AIP_PREDICT_ROUTE": "/ask", "AIP_HEALTH_ROUTE": "/alive"}
    where = [] if contract == "sagemaker" else [str(model_folder)]
    command = [
        sys.executable,
        "-m",
        "mlhelpers.serving.server",
        *where,
        "--contract",
        contract,
        "--port",
        "0",
    ]
    command += ["--drain-seconds", "0", "--parent", str(os.getpid())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | names)
    try:
        port = json.loads(process.stdout.readline())["port"]
        url = f"http://127.0.0.1:{port}"
        health, ask = ("/ping", "/invocations") if contract == "sagemaker" else ("/alive", "/ask")
        assert requests.get(url + health, timeout=10).status_code == 200
        rows = bundle.example["request"]["rows"]
        answer = requests.post(url + ask, json={"instances": rows}, timeout=10)
        assert answer.json()["predictions"] == pytest.approx(
            bundle.example["answer"]["probabilities"], abs=1e-6
        )
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


def test_the_command_says_what_is_missing(capsys, monkeypatch, tmp_path):
    from mlhelpers.serving.server import main

    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        main(["--contract", "sagemaker"])
    assert end.value.code == 2
    assert "holds no bundle" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "name the bundle" in capsys.readouterr().err
