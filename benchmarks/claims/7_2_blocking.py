"""What a blocking prediction in an async endpoint costs: health check and throughput (lesson 7.2).

One FastAPI app by five endpoints that differ in where the prediction runs: in `async def` (on the event
loop), in `def` (up to 40 threads), in one thread, in one thread that scores together what waits, and in
`async def` with the model as ONNX graph; and `mle serve` with the bundle of that model. Two models: boosting
and a forest of 300 trees. Each server takes 1, 16 and 64 connections that ask without a pause, one row each,
while another client asks `/health`, waits 10 ms and asks again. In each run the servers take turns. It takes
about 15 minutes; the figures are those of the machine it ran on, so the lesson compares servers of one run.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
from shared.script import command, save
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split

from mlhelpers.data import load
from mlhelpers.packaging import build_bundle, infer_signature
from mlhelpers.serving import running_service
from mlhelpers.training import data_hash

OUTPUT = Path(__file__).with_suffix(".csv")
CONNECTIONS, WARM_SECONDS = (1, 16, 64), 0.3
APP = """
import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import joblib
import pandas as pd
from fastapi import Body, FastAPI

from mlhelpers.packaging import load_bundle

model, one_thread, waiting = joblib.load(os.environ["MODEL"]), ThreadPoolExecutor(1), asyncio.Queue()


def predict(rows):
    return model.predict_proba(pd.DataFrame(rows, dtype=float))[:, 1].tolist()


async def score_together():
    while True:
        taken = [await waiting.get()]
        while not waiting.empty():
            taken.append(waiting.get_nowait())
        rows = [row for row, _ in taken]
        answers = await asyncio.get_running_loop().run_in_executor(one_thread, predict, rows)
        for (_, future), answer in zip(taken, answers):
            future.set_result(answer)


@asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(score_together())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)
if os.environ["ENDPOINT"] == "async def, ONNX":
    graph = load_bundle(os.environ["BUNDLE"], runtime="onnx")


@app.get("/health")
async def health():
    return "alive"


async def on_the_loop(row: dict = Body()):
    return predict([row])[0]


def in_threads(row: dict = Body()):
    return predict([row])[0]


async def in_one_thread(row: dict = Body()):
    return (await asyncio.get_running_loop().run_in_executor(one_thread, predict, [row]))[0]


async def in_batches(row: dict = Body()):
    future = asyncio.get_running_loop().create_future()
    waiting.put_nowait((row, future))
    return await future


async def graph_on_the_loop(row: dict = Body()):
    return float(graph.predict(pd.DataFrame([row], dtype=float))[0])


endpoints = {"async def": on_the_loop, "def": in_threads, "one thread": in_one_thread}
endpoints |= {"one thread, batches": in_batches, "async def, ONNX": graph_on_the_loop}
app.post("/predict")(endpoints[os.environ["ENDPOINT"]])
"""
MODELS = {
    "boosting": lambda: HistGradientBoostingClassifier(random_state=0),
    "forest": lambda: RandomForestClassifier(300, max_depth=6, random_state=0),
}
ENDPOINTS = ("async def", "def", "one thread", "one thread, batches")
SERVERS = [("forest", name) for name in ENDPOINTS] + [("boosting", name) for name in ENDPOINTS]
SERVERS += [("boosting", "async def, ONNX"), ("boosting", "mle serve")]


@contextmanager
def served(folder: Path, model: str, endpoint: str):
    """Address and paths of a server that answers."""
    if endpoint == "mle serve":
        with running_service(folder / "bundle", options=["--log", "none"]) as service:
            yield int(service.url.rsplit(":", 1)[1]), "/v1/predict", "/health/live"
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {"MODEL": f"{folder / model}.joblib", "ENDPOINT": endpoint, "BUNDLE": str(folder / "bundle")}
    words = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(
        [*words, "--timeout-graceful-shutdown", "1"], cwd=folder, env=os.environ | variables
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError(f"{endpoint} did not start") from None
                time.sleep(0.05)
        yield port, "/predict", "/health"
    finally:
        process.terminate()
        process.wait()


async def asked(port: int, request: bytes, until: float, found: list, pause: float = 0.0) -> None:
    """Ask again and again over one connection; `found` gets when each answer came and the seconds it took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
        found.append((time.perf_counter(), time.perf_counter() - start))
        if pause:
            await asyncio.sleep(pause)
    writer.close()


async def loaded(port: int, request: bytes, health: bytes, connections: int, seconds: float) -> dict:
    start = time.perf_counter() + WARM_SECONDS
    answers, checks = [], []
    clients = [asked(port, request, start + seconds, answers) for _ in range(connections)]
    await asyncio.gather(*clients, asked(port, health, start + seconds, checks, pause=0.01))
    inside = [took for when, took in answers if start <= when]
    checked = [took for when, took in checks if start <= when]
    return {
        "requests_per_s": len(inside) / (max(answers)[0] - start),
        "p50_ms": 1000 * np.median(inside),
        "p99_ms": 1000 * np.quantile(inside, 0.99),
        "health_ms": 1000 * np.median(checked),
        "health_worst_ms": 1000 * max(checked),
    }


def main(repeats: int = 8, tenths: int = 15, output: Path = OUTPUT):
    churn = load("churn")
    X = churn.select_dtypes("number").drop(columns=["churned", "retention_calls", "sim_batch"])
    y = churn["churned"]
    X_train, X_test, y_train, _ = train_test_split(X, y, test_size=4000, random_state=0, stratify=y)
    row = json.loads(X_test.dropna().head(1).to_json(orient="records"))[0]
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(APP)
        fitted = {name: make().fit(X_train, y_train) for name, make in MODELS.items()}
        for name, model in fitted.items():
            joblib.dump(model, folder / f"{name}.joblib")
        build_bundle(
            folder / "bundle",
            model=fitted["boosting"],
            signature=infer_signature(X_train),
            example=X_test.head(3),
            name="churn",
            version="1.0.0",
            metrics={},
            model_card="# Churn\n",
            data_hash=data_hash(X_train),
        )
        for run in range(repeats):
            for model, endpoint in SERVERS:
                body = json.dumps({"rows": row} if endpoint == "mle serve" else row).encode()
                with served(folder, model, endpoint) as (port, path, health):
                    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                    request = head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body
                    check = f"GET {health} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
                    for connections in CONNECTIONS:
                        told = asyncio.run(loaded(port, request, check, connections, tenths / 10))
                        where = {"run": run, "model": model, "endpoint": endpoint}
                        records.append(where | {"connections": connections} | told)
    return save(records, output, 2)


if __name__ == "__main__":
    command(main)
