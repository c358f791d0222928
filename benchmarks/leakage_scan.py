"""Speed and memory of the leakage scan on 1,000,000 rows x 25 columns, beside what people write otherwise.

Run it with `python benchmarks/leakage_scan.py`; it writes benchmarks/results/leakage_scan.md. The peer makes
the same checks with pandas and scikit-learn; its figures are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import sklearn
from sklearn.metrics import roc_auc_score

from mlhelpers.validation.splits import leakage_scan

START = pd.Timestamp("2025-01-01")


def make_split(n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A key, a group, a date, 8 columns of text, 13 of numbers, some with gaps, a label; with leaks."""
    rng = np.random.default_rng(seed)
    columns = {"id": np.array([f"C{i:07d}" for i in rng.permutation(n_rows)], dtype=object)}
    columns["card"] = np.array([f"K{i:07d}" for i in rng.integers(0, n_rows // 2, n_rows)], dtype=object)
    columns["day"] = START + pd.to_timedelta(np.sort(rng.integers(0, 365, n_rows)), unit="D")
    y = (rng.random(n_rows) < 0.1).astype(int)
    for k in range(8):
        words = np.array([f"word {i}" for i in range(4 + 20 * k)] + [None], dtype=object)
        columns[f"text_{k}"] = words[rng.integers(0, len(words), n_rows)]
    for k in range(10):
        values = rng.gamma(4.0, 10.0, n_rows) + 2.0 * k * y
        values[rng.random(n_rows) < 0.05 * (k % 3)] = np.nan
        columns[f"number_{k}"] = values
    for k in range(3):
        columns[f"count_{k}"] = rng.poisson(20 + 20 * (k == 2) * y, n_rows)
    frame = pd.DataFrame(columns | {"y": y})
    cut = n_rows * 4 // 5
    train, test = frame.iloc[:cut], frame.iloc[cut:]
    copies = train.sample(n_rows // 200, random_state=seed)
    copies = copies.assign(id=[f"D{i:07d}" for i in range(len(copies))])
    return train, pd.concat([test.iloc[len(copies) :], copies], ignore_index=True)


def ours(train: pd.DataFrame, test: pd.DataFrame) -> dict:
    report = leakage_scan(train, test, target="y", key="id", groups="card", time="day")
    found = {
        name: report.count(name)
        for name in ("row on both sides", "features on both sides, other label", "key on both sides")
    }
    found |= {name: report.count(name) for name in ("group on both sides", "test not after training")}
    return found | {f"AUC of {row.column}": round(row.auc, 9) for row in report.features.itertuples()}


def with_pandas(train: pd.DataFrame, test: pd.DataFrame) -> dict:
    """Merge on all columns, `isin` for groups, `roc_auc_score` for each column."""
    features = [name for name in train.columns if name not in ("id", "y")]
    seen = train[features].drop_duplicates()
    alike = test[features].merge(seen, on=features, how="left", indicator=True)["_merge"] == "both"
    seen = train[[*features, "y"]].drop_duplicates()
    same = test[[*features, "y"]].merge(seen, on=[*features, "y"], how="left", indicator=True)["_merge"]
    found = {
        "row on both sides": int((same == "both").sum()),
        "features on both sides, other label": int((alike & (same != "both")).sum()),
        "key on both sides": int(test["id"].isin(train["id"]).sum()),
        "group on both sides": int(test["card"].isin(train["card"]).sum()),
        "test not after training": int((test["day"] <= train["day"].max()).sum()),
    }
    both = pd.concat([train, test], ignore_index=True)
    overall = train["y"].mean()
    for name in features:
        if name in ("card", "day"):
            continue
        if train[name].dtype == object:
            counts = train.groupby(train[name].fillna("?"))["y"].agg(["sum", "count"])
            rates = (counts["sum"] + 10 * overall) / (counts["count"] + 10)
            auc = roc_auc_score(test["y"], test[name].fillna("?").map(rates).fillna(overall))
            found[f"AUC of {name}"] = round(max(auc, 0.5), 9)
        else:
            ranked = roc_auc_score(both["y"], both[name].fillna(-1.0))
            gaps = roc_auc_score(both["y"], both[name].isna())
            found[f"AUC of {name}"] = round(max(ranked, 1 - ranked, gaps, 1 - gaps), 9)
    return found


FUNCTIONS = {"`leakage_scan`": ours, "pandas `merge` + `roc_auc_score`": with_pandas}


def seconds(train: pd.DataFrame, test: pd.DataFrame, runs: int) -> dict[str, float]:
    """Median of several runs each, in turn, so that a busy machine slows all of them."""
    taken: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    for _ in range(runs):
        for name, function in FUNCTIONS.items():
            start = time.perf_counter()
            function(train, test)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def megabytes(name: str, n_rows: int) -> float:
    """Peak memory above that before the call, in a process of its own."""
    command = [sys.executable, __file__, "--rows", str(n_rows), "--memory-of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_above_start(function, n_rows: int) -> float:
    """Peak resident memory above that before the call in MB, sampled every 2 ms."""
    train, test = make_split(n_rows)
    function(*make_split(2000))  # imports are done
    gc.collect()
    if platform.system() == "Linux":  # give back what making the frames left, so that its reuse is counted
        ctypes.CDLL(None).malloc_trim(0)
    process, done, peak = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    function(train, test)
    done.set()
    thread.join()
    return max(0.0, (peak[0] - before) / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "leakage_scan.md")
    parser.add_argument("--memory-of", help="used by the benchmark itself")
    args = parser.parse_args()
    if args.memory_of:
        print(peak_above_start(FUNCTIONS[args.memory_of], args.rows))
        return
    train, test = make_split(args.rows)
    size = (train.memory_usage(deep=True).sum() + test.memory_usage(deep=True).sum()) / 1e6
    expected, result = ours(train, test), with_pandas(train, test)
    different = {k for k in expected.keys() | result.keys() if expected.get(k) != result.get(k)}
    assert not different, f"other figures for {sorted(different)[:5]}"
    taken = seconds(train, test, args.runs)
    lines = [
        "# Leakage scan: speed and memory",
        "",
        f"{len(train):,} training and {len(test):,} test rows x {train.shape[1]} columns, "
        f"{size:,.0f} MB in memory; median of {args.runs} runs, {len(expected)} figures, the same in both.",
        "",
        f"Python {platform.python_version()}, pandas {pd.__version__}, numpy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}, {psutil.cpu_count()} cores.",
        "",
        "| what | seconds | ratio to ours | peak memory above start, MB | share of the frames |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in FUNCTIONS:
        used = megabytes(name, args.rows)
        ratio = taken[name] / taken["`leakage_scan`"]
        lines.append(f"| {name} | {taken[name]:.2f} | {ratio:.1f} | {used:,.0f} | {used / size:.2f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
