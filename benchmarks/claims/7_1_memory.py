"""Memory and time of a batch job by the number of customers (lesson 7.1).

Two programs score the same Parquet file with the same bundle: one reads all of it, asks the scikit-learn
model once and writes the table; the other is `mle score`. Seconds are those of the whole process. Each file
has the 12,000 customers again and again. The two take turns. It takes about 240 s and 3 GB of memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from shared.churn import bundle_of, columns, models
from shared.script import command, save

OUTPUT = Path(__file__).with_suffix(".csv")
SIZES = (30_000, 100_000, 300_000, 1_000_000, 3_000_000)
WHOLE = """
import sys
import pandas as pd
from mlhelpers.packaging import load_bundle
bundle, source, target = sys.argv[1:]
bundle = load_bundle(bundle)
frame = pd.read_parquet(source)
scores = frame[["customer_id"]].assign(probability=bundle.model.predict_proba(frame[bundle.columns])[:, 1])
scores.to_parquet(target, index=False)
"""


def process(words: list[str]) -> tuple[float, float]:
    """Seconds of a process and its peak memory in MB."""
    begun, peak = time.perf_counter(), 0.0
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL) as child:
        status = Path(f"/proc/{child.pid}/status")
        while child.poll() is None:
            lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
            peak = max([peak, *(int(line.split()[1]) / 1024 for line in lines)])
            time.sleep(0.005)
    if child.returncode:
        raise RuntimeError(f"{words[:3]} ended with {child.returncode}")
    return time.perf_counter() - begun, peak


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    X, y = columns()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = bundle_of(models()["logistic"].fit(X, y), X, folder / "churn")
        for size in SIZES:
            with pq.ParquetWriter(
                folder / f"{size}.parquet",
                pa.schema([("customer_id", pa.string()), *((column, pa.float64()) for column in X)]),
            ) as writer:
                for start in range(0, size, len(X)):
                    part = X.astype(float).head(size - start)
                    part.insert(0, "customer_id", [f"C{start + at:08d}" for at in range(len(part))])
                    writer.write_table(pa.Table.from_pandas(part, writer.schema, preserve_index=False))
        (folder / "whole.py").write_text(WHOLE)
        for run in range(repeats):
            for size in SIZES:
                target = folder / "scores.parquet"
                files = [str(bundle), str(folder / f"{size}.parquet"), str(target)]
                ways = {
                    "whole file": [str(folder / "whole.py")],
                    "mle score": ["-m", "mlhelpers.serving.batch"],
                }
                for way, words in ways.items():
                    seconds, peak = process([*words, *files])
                    if pq.read_metadata(target).num_rows != size:
                        raise RuntimeError(f"{way} did not score all of {size} rows")
                    target.unlink()
                    told = {"seconds": round(seconds, 2), "peak_mb": round(peak)}
                    rows.append({"way": way, "rows": size, "run": run, **told})
    return save(rows, output)


if __name__ == "__main__":
    command(main)
