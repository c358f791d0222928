"""`make lab` serves JupyterLab on the start notebook."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lab(tmp_path):
    if not (ROOT / ".venv" / ".ready").exists():
        pytest.skip("this environment was not made by make")
    log = tmp_path / "lab.log"
    arguments = "LAB_ARGS=--no-browser --port=0 --allow-root --ServerApp.root_dir=."
    environment = os.environ | {
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "c"),
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            ["make", "lab", arguments],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environment,
        )
    yield log
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=20)


def test_lab_opens_at_the_start_notebook(lab):
    pattern = re.compile(r"(http://127\.0\.0\.1:\d+)(/lab/tree/notebooks/00_start_here\.ipynb)\?token=(\w+)")
    end = time.monotonic() + 120
    while not (found := pattern.search(lab.read_text())):
        assert time.monotonic() < end, lab.read_text()[-2000:]
        time.sleep(0.2)
    address, page, token = found.groups()
    while True:  # the address is told a moment before the server listens, which a busy machine makes longer
        try:
            answer = requests.get(address + page, params={"token": token}, timeout=30)
            break
        except requests.ConnectionError:
            assert time.monotonic() < end, lab.read_text()[-2000:]
            time.sleep(0.2)
    assert answer.status_code == 200
    assert "JupyterLab" in answer.text
    contents = requests.get(f"{address}/api/contents/notebooks", params={"token": token}, timeout=30).json()
    assert "00_start_here.ipynb" in {item["name"] for item in contents["content"]}
    kernels = requests.get(f"{address}/api/kernelspecs", params={"token": token}, timeout=30).json()
    assert "python3" in kernels["kernelspecs"]
