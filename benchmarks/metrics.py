"""Interval of a ROC-AUC on 100,000 rows: bootstrap and DeLong, beside the usual scikit-learn loop.

Run it with `python benchmarks/metrics.py`; it writes benchmarks/results/metrics.md. The intervals are
compared before the times are.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from mlhelpers.validation import bootstrap_intervals, delong_interval

RESULT = Path(__file__).parent / "results" / "metrics.md"


def make_scores(n_rows: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (rng.random(n_rows) < 0.2).astype(int)
    p = 1 / (1 + np.exp(-(1.5 * y - 1.5 + rng.normal(size=n_rows))))
    return y, p.round(3) if ties else p


def scikit_learn_loop(y, p, n_resamples):
    rng = np.random.default_rng(1)
    values = []
    for _ in range(n_resamples):
        rows = rng.integers(0, len(y), len(y))
        values.append(roc_auc_score(y[rows], p[rows]))
    return np.quantile(values, [0.025, 0.975])


def ours(y, p, n_resamples):
    return bootstrap_intervals(y, p, metrics=["roc_auc"], n_resamples=n_resamples)[["low", "high"]].iloc[0]


def delong(y, p, _):
    found = delong_interval(y, p)
    return found["low"], found["high"]


def timed(function, *arguments, runs):
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        limits = function(*arguments)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), np.asarray(limits, dtype=float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and resamples")
    quick = parser.parse_args().quick
    n_rows, n_resamples = (10_000, 200) if quick else (100_000, 2_000)
    lines = []
    for ties in (False, True):
        y, p = make_scores(n_rows, ties=ties)
        found = {
            "`bootstrap_intervals`": timed(ours, y, p, n_resamples, runs=5),
            "scikit-learn loop": timed(scikit_learn_loop, y, p, n_resamples, runs=1),
            "`delong_interval`": timed(delong, y, p, n_resamples, runs=5),
        }
        fast, limits = found["`bootstrap_intervals`"]
        width = limits[1] - limits[0]
        for name, (seconds, other) in found.items():
            off = float(np.abs(other - limits).max() / width)
            assert off < (0.3 if quick else 0.1), f"{name} gives another interval: {other}, not {limits}"
            shown = f"{other[0]:.4f} to {other[1]:.4f}"
            kind = "1,000 distinct" if ties else "all distinct"
            lines.append(f"| {name} | {kind} | {seconds:.2f} | {seconds / fast:.2f} | {shown} |")
    text = f"""# Interval of a ROC-AUC: speed

{n_rows:,} rows, {n_resamples:,} resamples; median of 5 runs, the scikit-learn loop once.

Python {platform.python_version()}, numpy {version("numpy")}, scikit-learn {version("scikit-learn")}.

| what | scores | seconds | ratio to ours | 95% interval |
|---|---|---:|---:|---|
"""
    text += "\n".join(lines) + "\n"
    print(text)
    if not quick:
        RESULT.write_text(text)


if __name__ == "__main__":
    main()
