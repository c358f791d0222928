import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from mlhelpers.serving import Service, ServiceError, running_service, running_services

ROW = {"charge": 55.5, "late": 1, "contract": "monthly", "region": "north"}


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
