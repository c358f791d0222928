import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import requests

from mlhelpers.packaging import load_bundle
from mlhelpers.serving import Service, ServiceError, running_service, running_services
from mlhelpers.serving.server import _watch_parent, main

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


def test_service_in_a_process_of_its_own(built, customers, tmp_path, capsys):
    bundle, log = load_bundle(built), tmp_path / "service.log"
    with running_service(built, timeout=120, log=log) as service:
        # it answers as the bundle does, and only to this machine
        rows = customers[bundle.columns].iloc[5:25]
        answer = service.request(rows)["probabilities"]
        assert answer == pytest.approx(list(bundle.predict(rows)), abs=1e-9)
        assert service.url.startswith("http://127.0.0.1:")
        # one row or several, and whatever stands for a gap
        gaps = [None, np.nan, pd.NA, pd.NaT, np.float64("nan")]
        answers = [service.request(ROW | {"charge": gap}) for gap in gaps]
        assert all(answer == answers[0] for answer in answers)
        # requests at the same time get their own answers
        rows = [ROW | {"late": number % 4} for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda row: service.request(row)["probabilities"][0], rows))
        assert found == service.request(rows)["probabilities"]
        # a refused request carries the answer
        with pytest.raises(ServiceError, match=r"answered 422.*late"):
            service.request(ROW | {"late": -1})
        # its port is taken
        port = service.url.rsplit(":", 1)[1]
        assert main([str(built), "--port", port]) == 2
        assert "in use" in capsys.readouterr().err
    assert service.process.returncode == 0
    assert log.exists()


def test_folder_that_is_no_bundle_says_so(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "MANIFEST.json is missing" in capsys.readouterr().err
    with (
        pytest.raises(ServiceError, match=r"ended with code 2(.|\n)*MANIFEST.json is missing"),
        running_service(tmp_path),
    ):
        pass


def test_several_services_run_side_by_side(built, tmp_path):
    with running_services({"stable": built, "canary": built}, timeout=120, logs=tmp_path) as services:
        assert services["stable"].url != services["canary"].url
        assert services["stable"].request(ROW) == services["canary"].request(ROW)
        assert (tmp_path / "canary.log").exists()
    assert [service.process.returncode for service in services.values()] == [0, 0]


def test_service_that_is_not_ready_in_time_is_stopped(built):
    with pytest.raises(ServiceError, match=r"not ready after 0\.1 s"), running_service(built, timeout=0.1):
        pass


def test_service_ends_when_its_parent_is_killed(built):
    code = f"""
import sys, time
from mlhelpers.serving import running_service
with running_service({str(built)!r}, timeout=120) as service:
    print(service.url, flush=True)
    time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    url = parent.stdout.readline().strip()
    assert requests.get(f"{url}/health/live", timeout=30).status_code == 200
    parent.kill()
    parent.communicate()
    assert gone(url, seconds=30)


def gone(url, *, seconds):
    host, port = url.removeprefix("http://").split(":")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return True
        time.sleep(0.1)
    return False


STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"


def test_service_that_does_not_end_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        stubborn = Service("http://127.0.0.1:1", tmp_path / "log", process)
        assert stubborn.stop(timeout=0.2) == -signal.SIGKILL
        assert stubborn.stop() == -signal.SIGKILL


def test_main_serves_until_it_is_told_to_stop(built, monkeypatch, capsys):
    # uvicorn runs in the main thread here, as in the process of its own
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        assert main([str(built), "--parent", str(os.getppid())]) == 0
    finally:
        timer.join()
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    said = json.loads(capsys.readouterr().out)
    assert said["url"] == f"http://127.0.0.1:{said['port']}"


def test_watch_ends_the_server_of_another_parent():
    class Server:
        should_exit = False

    server = Server()
    _watch_parent(os.getppid() + 1, server)
    assert server.should_exit
    server.should_exit = False
    thread = threading.Thread(
        target=_watch_parent, args=(os.getppid(), server), kwargs={"interval": 30}, daemon=True
    )
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    assert not server.should_exit
