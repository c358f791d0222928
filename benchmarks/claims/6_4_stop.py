"""Requests lost when a service is stopped as process 1 of a container (lesson 6.4).

Each server runs as process 1 of a namespace of its own (`unshare`), as in a container. Eight clients ask it
without a pause, each request takes 0.2 s. After two seconds it gets SIGTERM, and 3 s later it is killed if
it still runs, as `docker stop --time 3` does. Measured: seconds until it ended, and connections that were
accepted and not answered: those opened before the signal and those opened after it. What a closed port
refuses is not counted, since a client sends it elsewhere. It takes about 110 s, and a Linux that allows
namespaces.
"""

import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil
from shared.script import command

OUTPUT = Path(__file__).with_suffix(".csv")
GRACE, CLIENTS = 3.0, 8
APPS = """
import sys, time
from flask import Flask
from fastapi import FastAPI

flask_app, fast_app = Flask("slow"), FastAPI()

@flask_app.get("/")
def slow():
    time.sleep(0.2)
    return "done"

fast_app.get("/")(slow)
if __name__ == "__main__":
    flask_app.run(port=int(sys.argv[1]), threaded=True)
"""
PYTHON = sys.executable
SERVERS = {
    "Flask's development server, exec form": [PYTHON, "apps.py", "PORT"],
    "Flask's development server, exec form, with an init": ["INIT", PYTHON, "apps.py", "PORT"],
    "uvicorn, shell form": ["sh", "-c", f"{PYTHON} -m uvicorn apps:fast_app --port PORT --log-level error"],
    "uvicorn, start.sh": ["sh", "start.sh", "PORT"],
    "uvicorn, start.sh that ends in exec": ["sh", "exec.sh", "PORT"],
    "uvicorn, exec form": [
        PYTHON,
        "-m",
        "uvicorn",
        "apps:fast_app",
        "--port",
        "PORT",
        "--log-level",
        "error",
    ],
    "gunicorn, exec form": [
        PYTHON,
        "-m",
        "gunicorn",
        "-w2",
        "--threads=8",
        "-b127.0.0.1:PORT",
        "apps:flask_app",
    ],
}
# A minimal init: forwards SIGTERM to its child and ends with it.
INIT = """
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
sys.exit(child.wait())
"""


def as_process_one(command: list[str], folder: Path) -> tuple[subprocess.Popen, psutil.Process]:
    """A command as process 1 of a PID namespace, and that process as this system sees it."""
    outer = subprocess.Popen(
        ["unshare", "-Urpf", "--mount-proc", "--kill-child", *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (children := psutil.Process(outer.pid).children()):
        if outer.poll() is not None:
            raise OSError("this system does not allow namespaces of one's own")
        time.sleep(0.02)
    return outer, children[0]


def ask(port: int, outcomes: Counter, told: threading.Event, until: threading.Event) -> None:
    while not until.is_set():
        lost = "late" if told.is_set() else "open"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.connect()
        except OSError:
            outcomes["refused"] += 1
            time.sleep(0.05)
            continue
        try:
            connection.request("GET", "/")
            outcomes["answered" if connection.getresponse().status == 200 else lost] += 1
        except (OSError, http.client.HTTPException):
            outcomes[lost] += 1
        finally:
            connection.close()


def stopped(command: list[str], folder: Path) -> tuple[float, Counter]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in command]
    if words[0] == "INIT":
        words[:1] = [PYTHON, "init.py"]
    outer, inner = as_process_one(words, folder)
    while True:  # until it answers
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            connection.getresponse()
            break
        except OSError:
            time.sleep(0.05)
    outcomes, told, until = Counter(), threading.Event(), threading.Event()
    clients = [threading.Thread(target=ask, args=(port, outcomes, told, until)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(2)
    begin = time.monotonic()
    told.set()
    inner.send_signal(signal.SIGTERM)
    try:
        outer.wait(GRACE)
    except subprocess.TimeoutExpired:
        inner.kill()
        outer.wait()
    seconds = time.monotonic() - begin
    time.sleep(0.5)
    until.set()
    for client in clients:
        client.join()
    return seconds, outcomes


def main(repeats: int = 3, output: Path = OUTPUT, servers: dict[str, list[str]] = SERVERS) -> pd.DataFrame:
    rows, folder = [], Path(tempfile.mkdtemp())
    try:
        (folder / "apps.py").write_text(APPS)
        (folder / "init.py").write_text(INIT)
        line = f"{PYTHON} -m uvicorn apps:fast_app --port $1 --log-level error\n"
        (folder / "start.sh").write_text(line)
        (folder / "exec.sh").write_text(f"exec {line}")
        for name, command in servers.items():
            for run in range(repeats):
                seconds, outcomes = stopped(command, folder)
                lost = (outcomes["open"], outcomes["late"])
                rows.append((name, run, seconds < GRACE, round(seconds, 2), *lost))
    finally:
        shutil.rmtree(folder)
    table = pd.DataFrame(rows, columns=["server", "run", "heard", "seconds", "lost_open", "lost_late"])
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
