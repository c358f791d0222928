"""Serving one churn pipeline: `mle serve` beside MLflow, the usual FastAPI app, BentoML and LitServe.

Run it with `python benchmarks/serving.py --peers PYTHON`, where PYTHON is the interpreter of an
environment, outside the repository, with benchmarks/requirements-serving.in; without it BentoML and
LitServe are left out. It needs wrk and writes benchmarks/results/serving.md. Single rows, one process, 16
connections; the services take turns, each is started anew for every run, and each must give the model's
answers before it is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
import psutil
import requests
from sklearn.pipeline import Pipeline

from mlhelpers.data import load
from mlhelpers.packaging import build_bundle, infer_signature, load_bundle
from mlhelpers.training import fit, make_boosting

HERE = Path(__file__).parent
RESULT = HERE / "results" / "serving.md"
CATEGORICAL = ["gender", "region", "contract", "payment_method", "internet"]
NO_FEATURE = ["customer_id", "signup_date", "sim_batch", "churned"]
CONNECTIONS, N_ROWS, N_BODIES, N_BATCH = 16, 200, 64, 10_000
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SCRIPT = """
local requests, at = {}, 0
function init(arguments)
  wrk.headers["Content-Type"] = "application/json"
  for line in io.lines(os.getenv("SERVING_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, nil, line)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"n": %d, "us": %d, "p50": %f, "p99": %f, "bad": %d, "broken": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass
class Peer:
    """A service, how it is started and asked, and what was measured."""

    key: str
    title: str
    command: list[str]
    path: str = "/predict"
    wrap: str = "{row}"
    answer: str = "probability"  # key of the answer; "" if the answer is a constant
    environment: dict[str, str] = field(default_factory=dict)
    runs: list[dict[str, float]] = field(default_factory=list)

    def body(self, row: dict) -> str:
        return self.wrap.replace("{row}", json.dumps(row))

    def read(self, answer: dict) -> float:
        found = answer[self.answer]
        while isinstance(found, list):
            found = found[-1]
        return found

    def median(self, name: str) -> float:
        return statistics.median(run[name] for run in self.runs)


def prepare(folder: Path) -> tuple[Pipeline, object]:
    """The pipeline of pipelines/churn, its bundle, and the files that the peers need."""
    import mlflow.sklearn
    from mlflow.models import infer_signature as mlflow_signature

    table = load("churn")
    numeric = [name for name in table.columns if name not in [*CATEGORICAL, *NO_FEATURE]]
    X = table[numeric + CATEGORICAL]
    model = make_boosting(
        numeric,
        CATEGORICAL,
        max_depth=4,
        learning_rate=0.06,
        max_iter=200,
        min_samples_leaf=30,
        random_state=7,
    )
    model = fit(model, X, table["churned"])
    signature = infer_signature(X)
    build_bundle(
        folder / "bundle", model=model, signature=signature, example=X.head(3), metrics={},
        model_card="# Benchmark", data_hash="none", name="churn",
    )  # fmt: skip
    # The step "plain" only evens out types, and these rows have them: without it the peers are faster.
    bare = Pipeline(model.steps[1:])
    joblib.dump(bare, folder / "model.joblib")
    (folder / "columns.json").write_text(json.dumps({entry["name"]: entry["type"] for entry in signature}))
    mlflow.sklearn.save_model(
        bare, folder / "mlflow", signature=mlflow_signature(X, np.zeros((1, 2))),
        pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle",
    )  # fmt: skip
    (folder / "bodies.lua").write_text(SCRIPT)
    return model, X


def rows_of(frame) -> list[dict]:
    return frame.astype(object).mask(frame.isna(), None).to_dict("records")


def make_peers(folder: Path, peers_python: str | None) -> list[Peer]:
    ours = [sys.executable, "-m", "mlhelpers.serving.server", str(folder / "bundle"), "--port", "PORT"]
    own = [sys.executable, str(HERE / "serving_peers.py")]
    rows = {"path": "/v1/predict", "wrap": '{"rows": {row}}', "answer": "probabilities"}
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder / "mlflow")]
    mlflow += ["--port", "PORT", "--env-manager", "local", "--workers", "1"]
    invocation = {"path": "/invocations", "wrap": '{"dataframe_records": [{row}]}', "answer": "predictions"}
    at = [str(folder), "PORT"]
    peers = [
        Peer("ours", "`mle serve --log none`", [*ours, "--log", "none"], **rows),
        Peer("logged", "`mle serve --log all`", [*ours, "--log", "all"], **rows),
        Peer(
            "validated", "the same, the model a constant", [*own, "validated", *at], **rows | {"answer": ""}
        ),
        Peer("usual", "FastAPI + pandas + scikit-learn", [*own, "usual", *at]),
        Peer("mlflow", "`mlflow models serve`", mlflow, **invocation),
        Peer("fastapi", "FastAPI, a constant, nothing read", [*own, "fastapi", *at], answer=""),
        Peer("starlette", "Starlette, a constant, nothing read", [*own, "starlette", *at], answer=""),
    ]  # fmt: skip
    if peers_python is None or not Path(peers_python).exists():
        print(
            "BentoML and LitServe are left out: give --peers PYTHON, see benchmarks/requirements-serving.in"
        )
        return peers
    theirs = [peers_python, str(HERE / "serving_peers.py")]
    bento = [str(Path(peers_python).parent / "bentoml"), "serve", "serving_peers:Churn", "--port", "PORT"]
    bento += ["--working-dir", str(HERE), "--host", "127.0.0.1"]
    options = {"SERVING_PEER": "bentoml", "SERVING_FOLDER": str(folder), "BENTOML_DO_NOT_TRACK": "True"}
    lit = options | {"SERVING_PEER": "litserve"}
    options |= {
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
        "BENTOML_HOME": str(folder),
    }
    return [
        *peers[:5],
        Peer("bentoml", "BentoML, one worker", bento, wrap='{"row": {row}}', environment=options),
        Peer("litserve", "LitServe, one worker", [*theirs, "litserve", *at], environment=lit),
        Peer(
            "litserve-batched",
            "LitServe, batches of up to 16",
            [*theirs, "litserve-batched", *at],
            environment=lit,
        ),
        *peers[5:],
    ]


class Running:
    """A started service; its processes are ended with the block."""

    def __init__(self, peer: Peer, folder: Path, first: str):
        self.peer, self.folder, self.first = peer, folder, first

    def __enter__(self) -> Running:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [part.replace("PORT", str(port)) for part in self.peer.command]
        self.url = f"http://127.0.0.1:{port}{self.peer.path}"
        self.log = (self.folder / f"{self.peer.key}.log").open("wb")
        start = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=os.environ | ONE_THREAD | self.peer.environment,
        )  # fmt: skip
        while True:
            try:
                if self.ask(self.first).status_code == 200:
                    break
            except requests.ConnectionError:
                pass
            if self.process.poll() is not None or time.perf_counter() - start > 120:
                self.__exit__()
                raise RuntimeError(
                    f"{self.peer.key} did not start: {Path(self.log.name).read_text()[-2000:]}"
                )
            time.sleep(0.01)
        self.seconds = time.perf_counter() - start
        return self

    def __exit__(self, *_) -> None:
        tree = self.tree()
        self.process.terminate()
        for process in psutil.wait_procs(tree, timeout=10)[1]:
            process.kill()
        self.process.wait()
        self.log.close()

    def tree(self) -> list[psutil.Process]:
        if self.process.poll() is not None:
            return []
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def ask(self, body: str | bytes) -> requests.Response:
        return requests.post(self.url, data=body, headers={"content-type": "application/json"}, timeout=120)

    def memory(self) -> float:
        """Resident megabytes of all its processes; what they share counts once for each."""
        return sum(process.memory_info().rss for process in self.tree()) / 1e6

    def wrk(self, bodies: Path, seconds: float) -> dict[str, float]:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(self.folder / "bodies.lua")]
        run = subprocess.run(
            [*command, self.url], capture_output=True, text=True, check=True,
            env=os.environ | {"SERVING_BODIES": str(bodies)},
        )  # fmt: skip
        found = json.loads(run.stdout.splitlines()[-1])
        assert found["bad"] == found["broken"] == 0, f"{self.peer.key}: answers that are no success: {found}"
        return {
            "rps": found["n"] / found["us"] * 1e6,
            "p50": found["p50"] / 1000,
            "p99": found["p99"] / 1000,
            "n": found["n"],
        }


def measure(peer: Peer, folder: Path, rows: list[dict], expected: np.ndarray, seconds: float) -> None:
    bodies = folder / f"{peer.key}.txt"
    bodies.write_text("\n".join(peer.body(row) for row in rows[:N_BODIES]) + "\n")
    with Running(peer, folder, peer.body(rows[0])) as running:
        if peer.answer and not peer.runs:
            found = [peer.read(running.ask(peer.body(row)).json()) for row in rows]
            apart = float(np.abs(np.array(found) - expected[: len(rows)]).max())
            assert apart < 1e-6, f"{peer.key} is {apart} off the model's answers"
        running.wrk(bodies, 1)
        found = running.wrk(bodies, seconds)
        peer.runs.append({**found, "start": running.seconds, "memory": running.memory()})
    told = peer.runs[-1]
    print(f"{peer.key:17}{told['rps']:9.0f}/s p50 {told['p50']:7.2f} p99 {told['p99']:7.2f} ms "
          f"start {told['start']:5.2f} s {told['memory']:5.0f} MB", flush=True)  # fmt: skip


def timed(function, runs: int) -> float:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def measure_batches(
    peers: dict[str, Peer], folder: Path, model, frame, expected: np.ndarray
) -> dict[str, float]:
    """Seconds for 10,000 rows, in this process and as one request."""
    bundle = load_bundle(folder / "bundle")
    apart = float(np.abs(bundle.predict(frame) - expected).max())
    assert apart < 1e-6, f"the bundle is {apart} off the model's answers"
    seconds = {
        "bundle": timed(lambda: bundle.predict(frame), 15),
        "model": timed(lambda: model.predict_proba(frame), 15),
        "apart": apart,
    }
    bodies = {
        "ours": json.dumps({"rows": rows_of(frame)}),
        "mlflow": json.dumps({"dataframe_records": rows_of(frame)}),
    }
    for key, body in bodies.items():
        with Running(peers[key], folder, body) as running:
            answer = running.ask(body).json()[peers[key].answer]
            found = np.array(answer).reshape(len(frame), -1)[:, -1]
            assert np.abs(found - expected).max() < 1e-6, f"{key}: other answers in a batch"
            seconds[key] = timed(lambda running=running, body=body: running.ask(body), 7)
    return seconds


def report(
    peers: dict[str, Peer], batch: dict[str, float], runs: int, seconds: float, theirs: str, columns: int
) -> str:
    ours = peers["ours"].median("rps")
    lines = [
        f"| {peer.title} | {peer.median('rps'):,.0f} | {peer.median('p50'):.2f} | {peer.median('p99'):.2f} "
        f"| {peer.median('start'):.1f} | {peer.median('memory'):.0f} | {ours / peer.median('rps'):.2f} |"
        for peer in peers.values()
    ]
    checks = [
        ("requests/s, times `mlflow models serve`", ours / peers["mlflow"].median("rps"), 50, True),
        ("requests/s, times the usual FastAPI app", ours / peers["usual"].median("rps"), 25, True),
        *[
            (f"requests/s, times {peers[key].title}", ours / peers[key].median("rps"), 25, True)
            for key in ("bentoml", "litserve", "litserve-batched")
            if key in peers
        ],
        (
            "share of the same service with a constant model",
            ours / peers["validated"].median("rps"),
            0.6,
            True,
        ),
        ("p99 in ms, no log", peers["ours"].median("p99"), 10, False),
        ("p99 in ms, all requests logged", peers["logged"].median("p99"), 10, False),
        ("start in s", peers["ours"].median("start"), 2, False),
        ("memory in MB", peers["ours"].median("memory"), 200, False),
        (
            "10,000 rows: time of `Bundle.predict` by that of the model",
            batch["bundle"] / batch["model"],
            1,
            False,
        ),
    ]
    told = [
        f"| {what} | {'at least' if least else 'at most'} {target:g} | {found:.3g} | "
        f"{'yes' if (found >= target if least else found <= target) else '**no**'} |"
        for what, found, target, least in checks
    ]
    number = sum(run["n"] for peer in peers.values() for run in peer.runs)
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("scikit-learn", "mlflow", "fastapi", "uvicorn")
    )
    return f"""# Serving: speed, start and memory

One gradient boosting pipeline (200 trees, {columns} columns of numbers and categories with gaps), single
rows, {N_BODIES} different ones in turn, one process, {CONNECTIONS} connections, wrk with one thread on the
same machine. Median of {runs} runs of {seconds:g} s; the services take turns and are started anew for each
run. Every service gave the model's probabilities of {N_ROWS} rows to 1e-6 before it was timed, the bundle
those of 10,000 rows (largest difference {batch["apart"]:.0e}). {number:,} requests, none answered with
anything but a success. Start is from the process's start to the first answered prediction; memory is the
resident memory of all its processes after the load.

Python {platform.python_version()}, {versions}{theirs}; {os.cpu_count()} cores.

| service | requests/s | p50 ms | p99 ms | start s | memory MB | `mle serve` is so many times as fast |
|---|---:|---:|---:|---:|---:|---:|
{chr(10).join(lines)}

## What was aimed at

| what | aim | found | met |
|---|---|---:|---|
{chr(10).join(told)}

LitServe with batches shares the cost of one frame among the rows that wait, here up to {CONNECTIONS}.

## A batch of 10,000 rows

| what | ms |
|---|---:|
| `Bundle.predict(frame)` | {batch["bundle"] * 1000:.0f} |
| `model.predict_proba(frame)`, scikit-learn | {batch["model"] * 1000:.0f} |
| one request to `mle serve`, each cell checked | {batch["ours"] * 1000:.0f} |
| one request to `mlflow models serve` | {batch["mlflow"] * 1000:.0f} |
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python of an environment with benchmarks/requirements-serving.in")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--quick", action="store_true", help="one short run, nothing written")
    parser.add_argument("--only", help="names of services, for a trial; nothing written")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed")
    runs, seconds = (1, 2.0) if options.quick or options.only else (options.runs, options.seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, X = prepare(folder)
        frame = X.sample(N_BATCH, random_state=0).reset_index(drop=True)
        expected = model.predict_proba(frame)[:, 1]
        peers = {peer.key: peer for peer in make_peers(folder, options.peers)}
        asked = {
            key: peer for key, peer in peers.items() if not options.only or key in options.only.split(",")
        }
        batch = measure_batches(peers, folder, model, frame, expected)
        print({key: round(value, 9) for key, value in batch.items()})
        rows = rows_of(frame.head(N_ROWS))
        for _ in range(runs):
            for peer in asked.values():
                measure(peer, folder, rows, expected, seconds)
        if options.only:
            return
        theirs = ""
        if "bentoml" in peers:
            code = "from importlib.metadata import version as v; print(v('bentoml'), v('litserve'))"
            found = subprocess.check_output([options.peers, "-c", code], text=True).split()
            theirs = ", bentoml {}, litserve {}".format(*found)
        text = report(peers, batch, runs, seconds, theirs, X.shape[1])
    print(text)
    if not options.quick:
        RESULT.write_text(re.sub(r"[ \t]+\n", "\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
