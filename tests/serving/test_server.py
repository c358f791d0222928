import json
import os
import signal
import socket
import threading
import time
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
    line, told = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert told.startswith("mle serve: churn 1.0.0 answers") and said["url"] in told
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


def ask(connection, body, *heads):
    """Send a request on an open connection; status, headers and body of the answer."""
    lines = [b"POST /v1/predict HTTP/1.1", *heads, b"content-length: %d" % len(body), b"", body]
    connection.sendall(b"\r\n".join(lines))
    return answer_of(connection)


def answer_of(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed before an answer")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(rest) < int(headers["content-length"]):
        rest += connection.recv(65536)
    return int(status.split()[1]), headers, rest


def connect(service):
    return socket.create_connection(("127.0.0.1", int(service.url.rsplit(":", 1)[1])), timeout=30)


def test_no_connection_loses_a_request_when_the_service_is_told_to_stop(built):
    body = json.dumps({"rows": ROW}).encode()
    with running_service(built, timeout=120, options=["--drain-seconds", "2"]) as service:
        connections = [connect(service) for _ in range(16)]
        for connection in connections:
            assert ask(connection, body, b"host: x")[1].get("connection") != "close"
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        # idle until now, they do not look at readiness; each is answered and told to go
        for connection in connections:
            status, headers, _ = ask(connection, body, b"host: x")
            assert (status, headers["connection"]) == (200, "close")
            assert connection.recv(1) == b""
            connection.close()
        assert service.process.wait(20) == 0


def test_body_over_the_limit_is_told_why_while_it_is_sent(built):
    body = json.dumps({"rows": [ROW] * 100_000}).encode()
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (100_000, body[at : at + 100_000]) for at in range(0, 5_000_000, 100_000)
    )
    with running_service(built, timeout=120, options=["--max-bytes", "1000"]) as service:
        for _ in range(5):
            with connect(service) as connection:
                status, headers, answer = ask(connection, body, b"host: x")
                assert (status, headers["connection"]) == (413, "close")
                assert b"larger than 1000 bytes" in answer
            with connect(service) as connection:  # the same without a declared length
                head = b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                connection.sendall(head + chunks + b"0\r\n\r\n")
                assert answer_of(connection)[0] == 413
        with connect(service) as connection:  # asks first, so it is answered before it sends
            head = b"POST /v1/predict HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
            connection.sendall(head + b"content-length: 5000\r\n\r\n")
            assert answer_of(connection)[0] == 413
            assert connection.recv(1) == b""


def test_request_without_a_host_or_with_two_is_refused(built):
    body = json.dumps({"rows": ROW}).encode()
    with running_service(built, timeout=120) as service:
        for heads, message in (((), b"no Host header"), ((b"host: a", b"host: b"), b"several Host headers")):
            with connect(service) as connection:
                status, _, answer = ask(connection, body, *heads)
                assert status == 400 and message in answer
        with connect(service) as connection:  # HTTP/1.0 knows no Host
            connection.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
            assert answer_of(connection)[0] == 200
