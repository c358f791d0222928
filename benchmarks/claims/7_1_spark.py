"""Three ways to score in Spark (lesson 7.1).

The customers are scored by a scalar UDF, one customer a call; by the pandas UDF of Spark's guide, which
loads the model once for each task; and by `score_frames` in `mapInPandas`. The first two ask the scikit-learn
model. Two workers of Spark on this machine; the table goes to a sink that stores nothing; the run that starts
the workers is not counted. Processor time is that of Java and the workers, which other programs on the
machine change less than the seconds. All probabilities are compared with the bundle's first. It needs the
platforms tier (`make test-platforms` sets it up), Java 17, and takes about 600 s.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from shared.churn import bundle_of, columns, models
from shared.script import command, save

from mlhelpers.packaging import load_bundle, load_model

OUTPUT = Path(__file__).with_suffix(".csv")
SIZES = {"scalar UDF": (2_400,), "pandas UDF": (2_400, 1_200_000), "score_frames": (2_400, 1_200_000)}
SCHEMA = "customer string, probability double, problem string, model string"


def scored(way: str, frame, bundle: Path, names: list[str]):
    """The frame with probabilities, not yet computed."""
    from pyspark.sql.functions import pandas_udf, struct, udf

    if way == "score_frames":
        from mlhelpers.serving import score_frames

        return frame.mapInPandas(partial(score_frames, str(bundle), keep=["customer"]), SCHEMA)
    if way == "pandas UDF":

        def predict(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
            model = load_model(bundle / "model.skops")
            for batch in batches:
                yield pd.Series(model.predict_proba(batch)[:, 1])

        ask = pandas_udf(predict, "double")
    else:
        model = load_model(bundle / "model.skops")

        @udf("double")
        def ask(row) -> float:
            one = pd.DataFrame([row.asDict()]).astype(float)
            return float(model.predict_proba(one)[0, 1])

    return frame.select("customer", ask(struct(*names)).alias("probability"))


def processor_seconds() -> float:
    """Processor time of all children, Java and its workers, so far."""
    taken = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            taken += sum(child.cpu_times()[:2])
    return taken


def main(repeats: int = 8, output: Path = OUTPUT) -> pd.DataFrame:
    from pyspark.sql import SparkSession

    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    X, y = columns()
    X = X.astype(float)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = bundle_of(models()["logistic"].fit(X, y), X, folder / "churn")
        answers = load_bundle(place).predict(X)
        for size in {size for sizes in SIZES.values() for size in sizes}:
            many = pd.concat([X] * -(-size // len(X)), ignore_index=True).head(size)
            many.insert(0, "customer", [f"C{at:08d}" for at in range(size)])
            many.to_parquet(folder / f"{size}.parquet", index=False)
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        spark = builder.config("spark.log.level", "ERROR").getOrCreate()
        try:
            for run in range(-1, repeats):
                for way, sizes in SIZES.items():
                    for size in sizes:
                        frame = spark.read.parquet(str(folder / f"{size}.parquet")).repartition(2)
                        table = scored(way, frame, place, list(X))
                        if run < 0:
                            found = table.toPandas().sort_values("customer")["probability"].to_numpy()
                            right = np.allclose(found, np.resize(answers, size), rtol=0, atol=1e-6)
                            if not right:
                                raise RuntimeError(f"{way} gives other probabilities")
                            continue
                        begun, before = time.perf_counter(), processor_seconds()
                        table.write.format("noop").mode("overwrite").save()
                        told = {"seconds": round(time.perf_counter() - begun, 3)}
                        told |= {"cpu_seconds": round(processor_seconds() - before, 2)}
                        rows.append({"way": way, "rows": size, "run": run, **told})
        finally:
            spark.stop()
    return save(rows, output)


if __name__ == "__main__":
    command(main)
