"""Batch scoring: `mle score` beside one `predict_proba` on the whole frame, row by row, MLflow and Spark.

Run it with `python benchmarks/batch.py [--spark .venv-platforms/bin/python]`; it writes
benchmarks/results/batch.md. The probabilities are compared before the times are. Spark wants Java 17 and the
environment of `make test-platforms`.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from mlhelpers.data import load
from mlhelpers.packaging import build_bundle, infer_signature, load_bundle
from mlhelpers.packaging.mlflow_model import write_mlflow_model
from mlhelpers.training import data_hash, fit, make_boosting

RESULT = Path(__file__).parent / "results" / "batch.md"
LEAVE_OUT = ["customer_id", "signup_date", "sim_batch", "retention_calls", "churned"]
SPARK = """
import os, sys, time
from functools import partial
os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf, struct
import pandas as pd
kind, bundle, source, target, model = sys.argv[1:]
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
         .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10000").getOrCreate())
frame = spark.read.parquet(source)
for run in range(2):  # the first starts the workers
    start = time.perf_counter()
    if kind == "ours":
        from mlhelpers.serving import score_frames
        schema = "customer_id string, probability double, problem string, model string"
        scored = frame.mapInPandas(partial(score_frames, bundle, keep=["customer_id"]), schema)
    else:
        from typing import Iterator
        names = [name for name in frame.columns if name not in ("customer_id",)]
        @pandas_udf("double")
        def predict(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
            from mlhelpers.packaging import load_model
            loaded = load_model(model)
            for batch in batches:
                yield pd.Series(loaded.predict_proba(batch)[:, 1])
        scored = frame.select("customer_id", predict(struct(*names)).alias("probability"))
    scored.write.mode("overwrite").parquet(target)
    print("seconds", time.perf_counter() - start)
spark.stop()
"""


def prepared(folder: Path, n_rows: int) -> tuple[Path, pd.DataFrame]:
    """A bundle and rows to score."""
    churn = load("churn")
    X = churn.drop(columns=LEAVE_OUT)
    categorical = X.select_dtypes("object").columns.tolist()
    numeric = [name for name in X if name not in categorical]
    bundle = build_bundle(
        folder / "bundle",
        model=fit(make_boosting(numeric, categorical), X, churn["churned"]),
        signature=infer_signature(X),
        example=X.head(3),
        metrics={},
        model_card="# Model card\n",
        data_hash=data_hash(churn),
        name="churn",
    )
    drawn = np.random.default_rng(0).integers(0, len(X), n_rows)
    rows = X.iloc[drawn].reset_index(drop=True)
    rows.insert(0, "customer_id", [f"C{number:08d}" for number in range(n_rows)])
    return bundle, rows


def process(command: list[str]) -> tuple[float, float]:
    """Seconds of a process and its peak memory in MB."""
    start, peak = time.perf_counter(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        status = Path(f"/proc/{child.pid}/status")
        while child.poll() is None:
            # not rusage: its peak counts this process too, which the child was for a moment
            lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
            peak = max([peak, *(int(line.split()[1]) / 1024 for line in lines)])
            time.sleep(0.01)
    assert child.returncode == 0, f"{command[:4]} ended with {child.returncode}"
    return time.perf_counter() - start, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one run")
    parser.add_argument("--spark", metavar="PYTHON", help="interpreter of the platforms environment")
    args = parser.parse_args()
    n_rows, runs = (100_000, 1) if args.quick else (1_000_000, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place, rows = prepared(folder, n_rows)
        bundle = load_bundle(place)
        few = len(rows) // 10
        sources = {}
        for suffix in ("parquet", "csv"):
            for number in (few, n_rows):
                path = sources[suffix, number] = folder / f"in{number}.{suffix}"
                part = rows.head(number)
                part.to_csv(path, index=False) if suffix == "csv" else part.to_parquet(path, index=False)
        frame = rows[bundle.columns]
        found: dict[str, list[tuple[int, float, float]]] = {}
        expected = None
        for _ in range(runs):  # one after another, so that all meet the same machine
            start = time.perf_counter()
            expected = bundle.model.predict_proba(frame)[:, 1]
            seconds = time.perf_counter() - start
            found.setdefault("one `predict_proba`, whole frame in memory", []).append(
                (n_rows, seconds, np.nan)
            )
            for (suffix, number), path in sources.items():
                target = folder / f"out.{suffix}"
                words = ["-m", "mlhelpers.serving.batch", str(place), str(path), str(target)]
                taken, peak = process([sys.executable, *words])
                found.setdefault(f"`mle score`, {suffix}", []).append((number, taken, peak))
        answers = pd.read_parquet(folder / "out.parquet")["probability"]
        apart = float(np.abs(answers - expected).max())
        assert apart < 1e-6, f"mle score is {apart} off"
        one = frame.head(300)
        start = time.perf_counter()
        single = one.apply(lambda row: bundle.model.predict_proba(row.to_frame().T)[0, 1], axis=1)
        found["`frame.apply`, row by row"] = [(len(one), time.perf_counter() - start, np.nan)]
        assert np.allclose(single, expected[: len(one)], atol=1e-6)
        write_mlflow_model(bundle, folder / "mlflow")
        words = ["-m", "mlflow", "models", "predict", "-m", str(folder / "mlflow"), "-i"]
        words += [
            str(sources["csv", few]),
            "-t",
            "csv",
            "-o",
            str(folder / "mlflow.json"),
            "--env-manager",
            "local",
        ]
        taken, peak = process([sys.executable, *words])
        found["`mlflow models predict`, csv"] = [(few, taken, peak)]
        if args.spark:
            from mlhelpers.packaging import save_model

            model = save_model(bundle.model, folder / "model.skops")
            (folder / "score.py").write_text(SPARK)
            for kind, title in (
                ("theirs", "Spark's pandas UDF with the scikit-learn model"),
                ("ours", "`score_frames` in Spark's `mapInPandas`"),
            ):
                command = [
                    args.spark,
                    str(folder / "score.py"),
                    kind,
                    str(place),
                    str(sources["parquet", n_rows]),
                ]
                done = subprocess.run(
                    [*command, str(folder / f"spark-{kind}"), str(model)],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                seconds = [float(line.split()[1]) for line in done.stdout.splitlines() if "seconds" in line]
                found[title] = [(n_rows, seconds[-1], np.nan)]
                scored = pd.read_parquet(folder / f"spark-{kind}").sort_values("customer_id")["probability"]
                assert np.allclose(scored, expected, atol=1e-6)
        text = table(found, n_rows, runs, apart)
    print(text)
    if not args.quick:
        RESULT.write_text(text)


def table(found: dict[str, list[tuple[int, float, float]]], n_rows: int, runs: int, apart: float) -> str:
    bare = statistics.median(seconds for _, seconds, _ in found["one `predict_proba`, whole frame in memory"])
    lines = []
    for title, measured in found.items():
        for number in sorted({number for number, *_ in measured}):
            seconds = statistics.median(seconds for rows, seconds, _ in measured if rows == number)
            peak = statistics.median(peak for rows, _, peak in measured if rows == number)
            rate = number / seconds
            memory = "" if np.isnan(peak) else f"{peak:.0f}"
            ratio = rate / (n_rows / bare)
            lines.append(f"| {title} | {number:,} | {seconds:.2f} | {rate:,.0f} | {ratio:.2f} | {memory} |")
    names = ("scikit-learn", "onnxruntime", "pyarrow")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    head = f"""# Batch scoring: speed and memory

Boosting on {n_rows:,} rows of the churn customers; median of {runs}, Spark, MLflow and row by row once. Of
`mle score` and MLflow the whole process counts, its start and the files too; of `predict_proba` only the
call. `mle score` and `predict_proba` are at most {apart:.0e} apart.

Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, OMP_NUM_THREADS={threads}.

| what | rows | seconds | rows per second | ratio to `predict_proba` | peak MB |
|---|---:|---:|---:|---:|---:|
"""
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
