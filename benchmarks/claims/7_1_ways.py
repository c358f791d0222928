"""Five ways to an answer of one model, side by side (lesson 7.1).

The logistic bundle answers for 12,000 customers: as a nightly job (`mle score`, the whole process), from a
table that it wrote (SQLite), as a service (one connection for the latency, sixteen for the rate, client on
the same machine), and on a device by ONNX Runtime and by TFLite, one customer a call. Start is from the start
of the process to its first answer; memory is the peak of the process that answers; shipped is what it reads.
TFLite comes here with all of TensorFlow, so its start and memory say nothing about a tablet. It takes about
110 s.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from shared.churn import bundle_of, columns, models
from shared.script import command, save

from mlhelpers.data import load
from mlhelpers.packaging import infer_signature
from mlhelpers.packaging.onnx_export import to_onnx
from mlhelpers.serving import running_service, score_file

OUTPUT = Path(__file__).with_suffix(".csv")
ASKED = 1_000
DEVICE = """
import json, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
kind, file, values = sys.argv[1:]
if kind == "look-up":
    import sqlite3
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    keys = [row[0] for row in connection.execute("SELECT customer_id FROM scores")]
    def ask(at):
        found = connection.execute("SELECT probability FROM scores WHERE customer_id = ?", [keys[at]])
        return found.fetchone()
else:
    import numpy as np
    rows = np.load(values)
    if kind == "ONNX Runtime":
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, options)
        def ask(at):
            return session.run(["probabilities"], {"codes": rows[at : at + 1]})[0][0, 1]
    else:
        import tensorflow as tf
        interpreter = tf.lite.Interpreter(model_path=file)
        interpreter.allocate_tensors()
        given = interpreter.get_input_details()[0]["index"]
        answer = interpreter.get_output_details()[0]["index"]
        rows = rows.astype(np.float32)
        def ask(at):
            interpreter.set_tensor(given, rows[at : at + 1])
            interpreter.invoke()
            return interpreter.get_tensor(answer)[0, 0]
ask(0)
print("first", flush=True)
taken = []
for at in range(ASKED):
    begun = time.perf_counter()
    ask(at)
    taken.append(time.perf_counter() - begun)
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1]
print(json.dumps([taken, int(peak) / 1024]))
""".replace("ASKED", str(ASKED))


def told(start: float, taken: list[float], rate: float, peak: float, shipped: int) -> dict[str, float]:
    p50, p99 = 1e3 * np.percentile(taken, [50, 99]) if len(taken) else (np.nan, np.nan)
    found = {"start_seconds": start, "p50_ms": p50, "p99_ms": p99, "rows_per_second": rate}
    return found | {"peak_mb": round(peak), "shipped_kb": shipped / 1000}


def device(kind: str, program: Path, file: Path, values: Path) -> dict[str, float]:
    begun = time.perf_counter()
    words = [sys.executable, str(program), kind, str(file), str(values)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        child.stdout.readline()
        start = time.perf_counter() - begun
        taken, peak = json.loads(child.stdout.readline())
    return told(start, taken, ASKED / sum(taken), peak, file.stat().st_size)


async def ask(url: str, bodies: list[bytes], times: int, taken: list[float]) -> None:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for at in range(times):
        body = bodies[at % len(bodies)]
        head = f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        begun = time.perf_counter()
        writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        header = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in header[:20]:
            raise RuntimeError(header.decode())
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", header, re.IGNORECASE)[1]))
        taken.append(time.perf_counter() - begun)
    writer.close()


def online(bundle: Path, X: pd.DataFrame) -> dict[str, float]:
    rows = json.loads(X.head(64).to_json(orient="records"))
    bodies = [json.dumps({"rows": [row]}).encode() for row in rows]

    async def many(url: str) -> None:
        await asyncio.gather(*(ask(url, bodies, 2 * ASKED // 16, []) for _ in range(16)))

    begun, taken = time.perf_counter(), []
    with running_service(bundle) as service:
        asyncio.run(ask(service.url, bodies, 1, []))
        start = time.perf_counter() - begun
        asyncio.run(ask(service.url, bodies, ASKED, taken))
        begun = time.perf_counter()
        asyncio.run(many(service.url))
        rate = 2 * ASKED / (time.perf_counter() - begun)
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    return told(start, taken, rate, peak, sum(path.stat().st_size for path in bundle.iterdir()))


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    X, y = columns()
    memory = importlib.import_module("7_1_memory")
    tflite = importlib.import_module("7_1_edge").tflite
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = models()["logistic"].fit(X, y)
        bundle = bundle_of(model, X, folder / "churn")
        X.assign(customer_id=load("churn")["customer_id"]).to_parquet(folder / "in.parquet", index=False)
        score_file(bundle, folder / "in.parquet", folder / "table.parquet")
        with closing(sqlite3.connect(folder / "scores.sqlite")) as connection, connection:
            table = pd.read_parquet(folder / "table.parquet")[["customer_id", "probability"]]
            table.to_sql("scores", connection, index=False)
            connection.execute("CREATE UNIQUE INDEX key ON scores (customer_id)")
        (folder / "model.onnx").write_bytes(to_onnx(model, infer_signature(X)))
        (folder / "model.tflite").write_bytes(tflite(model, fill=True))
        np.save(folder / "rows.npy", X.to_numpy(float))
        (folder / "device.py").write_text(DEVICE)
        files = {"look-up": "scores.sqlite", "ONNX Runtime": "model.onnx", "TFLite": "model.tflite"}
        words = ["-m", "mlhelpers.serving.batch", str(bundle), str(folder / "in.parquet")]
        for run in range(repeats):
            seconds, peak = memory.process([*words, str(folder / "out.parquet")])
            shipped = sum(path.stat().st_size for path in bundle.iterdir())
            found = {"batch": told(seconds, [], len(X) / seconds, peak, shipped)}
            found["service"] = online(bundle, X)
            for kind, file in files.items():
                found[kind] = device(kind, folder / "device.py", folder / file, folder / "rows.npy")
            rows += [{"way": way, "run": run, **values} for way, values in found.items()]
    return save(rows, output)


if __name__ == "__main__":
    command(main)
