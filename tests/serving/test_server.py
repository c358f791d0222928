import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from mlhelpers.packaging import load_bundle
from mlhelpers.serving import ServiceError, running_service
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
