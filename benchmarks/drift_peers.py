"""One peer of benchmarks/drift.py, run by an interpreter that has it: NAME FOLDER, prints JSON.

Reads reference.parquet and current.parquet in the folder; the time is that of the comparison alone.
"""

import contextlib
import json
import sys
import threading
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")


def resident() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def peak_of(found):
    stop = threading.Event()
    start, found["peak"] = resident(), 0

    def watch():
        while not stop.wait(0.02):
            found["peak"] = max(found["peak"], resident() - start)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def evidently(reference, current, numeric, categorical):
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
    sets = [Dataset.from_pandas(frame, data_definition=definition) for frame in (current, reference)]
    start = time.perf_counter()
    Report([DataDriftPreset()]).run(*sets)
    return time.perf_counter() - start, {}


def nannyml(reference, current, numeric, categorical):
    from nannyml import UnivariateDriftCalculator

    options = {"continuous_methods": ["kolmogorov_smirnov"], "chunk_number": 1}
    start = time.perf_counter()
    calculator = UnivariateDriftCalculator(column_names=numeric, **options).fit(reference[numeric])
    table = calculator.calculate(current[numeric]).filter(period="analysis").to_df(multilevel=True)
    seconds = time.perf_counter() - start
    return seconds, {name: float(table[name, "kolmogorov_smirnov", "value"].iloc[0]) for name in numeric}


def alibi_detect(reference, current, numeric, categorical):
    from alibi_detect.cd import KSDrift

    a, b = reference[numeric].to_numpy(), current[numeric].to_numpy()
    start = time.perf_counter()
    answer = KSDrift(a).predict(b)
    seconds = time.perf_counter() - start
    return seconds, dict(zip(numeric, map(float, answer["data"]["distance"]), strict=True))


def main() -> None:
    import os

    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    import pandas as pd

    name, folder = sys.argv[1], Path(sys.argv[2])
    reference, current = (pd.read_parquet(folder / f"{which}.parquet") for which in ("reference", "current"))
    numeric = [column for column in reference if column.startswith("x")]
    categorical = [column for column in reference if column.startswith("c")]
    found = {}
    with peak_of(found), contextlib.redirect_stdout(sys.stderr):
        seconds, distances = globals()[name](reference, current, numeric, categorical)
    print(json.dumps({"seconds": seconds, "peak": found["peak"], "distances": distances}))


if __name__ == "__main__":
    main()
