"""Five drift distances of 25 columns, a million rows each, beside Evidently, NannyML and alibi-detect.

Run it with `python benchmarks/drift.py --peers PYTHON`; it writes benchmarks/results/drift.md. The values are
compared before the times are. The peers are not in the course's environment: make one for them with

    uv venv --python 3.11 PEERS
    uv pip install --python PEERS/bin/python -r benchmarks/requirements-drift.in

and give its interpreter, PEERS/bin/python, as PYTHON. A peer that is not there is left out, with a message.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from drift_peers import peak_of
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp
from scipy.stats import wasserstein_distance as scipy_wasserstein

from mlhelpers.monitoring.drift import drift_report
from mlhelpers.monitoring.profiles import load_profile, profile, profile_parquet
from mlhelpers.monitoring.profiles.numbers import cell_limits

HERE = Path(__file__).parent
RESULT = HERE / "results" / "drift.md"
NAMES = np.array(["fiber", "dsl", "cable", "none", "satellite"], dtype=object)
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def make_rows(n_rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {}
    for number in range(20):
        x = rng.normal(size=n_rows) * 10.0 ** (number % 4)
        kind = number % 5
        columns[f"x{number}"] = np.exp(x / 10.0 ** (number % 4)) if kind == 1 else x
        if kind == 2:
            columns[f"x{number}"] = rng.poisson(30, n_rows).astype(float)
        if kind == 3:
            columns[f"x{number}"] = x + shift * 10.0 ** (number % 4)
    for number in range(5):
        drawn = NAMES[rng.choice(5, n_rows, p=[0.4, 0.3, 0.15, 0.1, 0.05])]
        drawn[rng.random(n_rows) < 0.01] = None
        columns[f"c{number}"] = drawn
    return pd.DataFrame(columns)


def timed(function, runs):
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def traced(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def differences(reference, current, table):
    """Largest difference from SciPy: on the same bins, and from the rows beyond the stated bound."""
    a, b, table = profile(reference), profile(current), table.set_index("column")
    same, beyond = {"PSI": 0.0, "JS": 0.0, "Wasserstein": 0.0, "chi-square": 0.0}, 0.0
    for name, row in table.iterrows():
        if row["type"] == "numeric":
            cuts = a[name].cut_values(10)
            shares = [np.bincount(np.searchsorted(cuts, frame[name]), minlength=len(cuts) + 1) / len(frame)
                      for frame in (reference, current)]  # fmt: skip
            low, high = min(a[name].low, b[name].low), max(a[name].high, b[name].high)
            cells = [cell_limits(kept[name].keys, 0.0, low, high, kept[name].whole) for kept in (a, b)]
            cells = [near + (far - near) / 2 for near, far in cells]
            off = scipy_wasserstein(*cells, a[name].counts, b[name].counts) - row["wasserstein"]
            same["Wasserstein"] = max(same["Wasserstein"], abs(off) / row["wasserstein"])
            limit = row["wasserstein_bound"]
            exact = scipy_wasserstein(reference[name], current[name]) - row["wasserstein"]
            beyond = max(beyond, (abs(exact) - limit) / row["wasserstein"])
            ks = ks_2samp(reference[name], current[name], method="asymp").statistic
            beyond = max(beyond, row["ks"] - ks, ks - row["ks"] - row["ks_bound"])
        else:
            counts = [frame[name].fillna("-").value_counts() for frame in (reference, current)]
            counts = pd.concat(counts, axis=1).to_numpy().T
            shares = counts / counts.sum(axis=1, keepdims=True)
            off = chi2_contingency(counts, correction=False).statistic - row["chi_square"]
            same["chi-square"] = max(same["chi-square"], abs(off))
        p, q = shares
        same["PSI"] = max(same["PSI"], abs(np.sum((q - p) * np.log(q / p)) - row["psi"]))
        same["JS"] = max(same["JS"], abs(jensenshannon(p, q, base=2) - row["js"]))
    return same, beyond


def false_alarms(n_draws: int, level: float) -> tuple[float, float]:
    """Share of null batches that name any column, and that name one at p <= level without adjustment."""
    rng, adjusted, plain = np.random.default_rng(0), 0, 0
    for _ in range(n_draws):
        frames = [
            pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(30)})
            .assign(**{f"c{i}": NAMES[rng.integers(0, 5, n)] for i in range(10)})
            for n in (2000, 500)
        ]  # fmt: skip
        report = drift_report(*frames, level=level)
        adjusted += bool(report.drifted)
        plain += bool((report.table["p"] <= level).any())
    return adjusted / n_draws, plain / n_draws


def peer(python: str | None, name: str, folder: Path):
    if python is None:
        return None
    command = [python, str(HERE / "drift_peers.py"), name, str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, env=os.environ | THREADS)
    if answer.returncode:
        print(f"{name} is left out: {(answer.stderr.strip().splitlines() or ['?'])[-1]}", file=sys.stderr)
        return None
    return json.loads(answer.stdout.strip().splitlines()[-1])


def long_parquet(path: Path, n_groups: int, rows: int) -> None:
    schema = pa.Schema.from_pandas(make_rows(10, 0), preserve_index=False)
    with pq.ParquetWriter(path, schema) as writer:
        for seed in range(n_groups):
            writer.write_table(pa.Table.from_pandas(make_rows(rows, seed), schema, preserve_index=False))


def peak_of_parquet(path: Path) -> float:
    """Megabytes that the process grows by when it profiles the file."""
    command = [sys.executable, __file__, "--profile", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | THREADS)
    return float(answer.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows and draws; writes nothing")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has the peers")
    parser.add_argument("--profile", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.profile:
        profile(pq.ParquetFile(options.profile).schema_arrow.empty_table())  # imports
        found: dict[str, float] = {}
        with peak_of(found):
            profile_parquet(options.profile)
        print(found["peak"] / 1e6)
        return
    n_rows, runs = (50_000, 3) if options.quick else (1_000_000, 7)
    reference, current = make_rows(n_rows, 1), make_rows(n_rows, 2, shift=0.02)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        saved = profile(reference).save(folder / "reference-profile.parquet")
        drift_report(reference.head(1000), current.head(1000))  # imports
        direct, report = timed(lambda: drift_report(reference, current), runs)
        against, again = timed(lambda: drift_report(load_profile(saved), current), runs)
        assert report.table.equals(again.table)
        building, _ = timed(lambda: profile(current), 3)
        memory = traced(lambda: drift_report(reference, current)), traced(lambda: profile(current))
        size = saved.stat().st_size / 1e6
        same, beyond = differences(reference, current, report.table)
        assert max(same.values()) < 1e-9 and beyond < 1e-9, f"the values differ: {same}, {beyond}"
        for which, frame in (("reference", reference), ("current", current)):
            frame.to_parquet(folder / f"{which}.parquet", index=False)
        peers = {kind: peer(options.peers, kind, folder) for kind in ("evidently", "nannyml", "alibi_detect")}
        flat = []
        for groups in (2, 8):
            long_parquet(folder / "long.parquet", groups, n_rows // 4)
            flat.append(peak_of_parquet(folder / "long.parquet"))
        one, kept = timed(lambda: profile_parquet(folder / "long.parquet"), 1)
        two, shared = timed(lambda: profile_parquet(folder / "long.parquet", n_jobs=2), 1)
        assert kept == shared
    n_draws = 50 if options.quick else 1000
    alarms, plain = false_alarms(n_draws, 0.05)
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_draws), alarms
    ks = report.table.set_index("column")["ks"]
    lines, versions = [], []
    shown = {
        "evidently": "Evidently, default report (one distance a column)",
        "nannyml": "NannyML, KS alone, 20 columns",
        "alibi_detect": "alibi-detect, KS alone, 20 columns",
    }
    pins = dict(line.split("==") for line in (HERE / "requirements-drift.in").read_text().splitlines()[1:])
    for kind, found in peers.items():
        if found is None:
            continue
        versions.append(f"{kind.replace('_', '-')} {pins[kind.replace('_', '-')]}")
        off = max((abs(value - ks[column]) for column, value in found["distances"].items()), default=np.nan)
        told = "" if np.isnan(off) else f"{off:.1e}"
        lines.append(f"| {shown[kind]} | {found['seconds']:.2f} | {found['seconds'] / direct:.1f} | "
                     f"{found['peak'] / 1e6:.0f} | {told} |")  # fmt: skip
    rows = "\n".join(lines)
    text = f"""# Drift distances: speed

{n_rows:,} against {n_rows:,} rows, 20 numeric and 5 text columns; ours is PSI, KS, Jensen-Shannon,
Wasserstein and chi-square of all columns with their tests, median of {runs} runs; peers once. One thread, the
machine shared: read the ratios. Memory is what is added to the two frames (ours by tracemalloc, peers by
resident size). The last column is the largest difference of a KS distance from ours, whose stated bound is at
most {report.table["ks_bound"].max():.1e}.

Python {platform.python_version()}, numpy {version("numpy")}, pandas {version("pandas")};
{", ".join(versions) or "no peers"}.

| what | seconds | ratio to the first | extra MB | KS differs by |
|---|---:|---:|---:|---:|
| `drift_report`, frame against frame | {direct:.2f} | 1.0 | {memory[0]:.0f} | |
| `drift_report`, saved profile (loaded) against frame | {against:.2f} | {against / direct:.1f} | | |
{rows}

Building a profile with exact moments takes {building:.2f} s and {memory[1]:.0f} MB; its file has
{size:.1f} MB. A Parquet file of {n_rows // 2:,} rows adds {flat[0]:.0f} MB to the process, one of
{2 * n_rows:,} rows {flat[1]:.0f} MB; the latter takes {one:.1f} s in one process and {two:.1f} s in two,
with equal profiles.

Largest difference from SciPy on the same bins: PSI {same["PSI"]:.0e}, Jensen-Shannon {same["JS"]:.0e},
chi-square {same["chi-square"]:.0e}, Wasserstein {same["Wasserstein"]:.0e} of its value. KS and Wasserstein
of the rows lie within the stated bounds in all 20 columns.

{n_draws:,} batches without drift (500 rows against 2,000, 40 columns) at level 0.05: {alarms:.1%} of the
reports name a column, {plain:.1%} without the adjustment for the number of tests.
"""
    print(text)
    if not options.quick:
        RESULT.write_text(text)


if __name__ == "__main__":
    main()
