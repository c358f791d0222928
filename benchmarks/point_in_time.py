"""Point-in-time aggregates of 1,000,000 events at 100,000 cutoffs, beside what people write otherwise.

Run it with `python benchmarks/point_in_time.py`; it writes benchmarks/results/point_in_time.md. Every peer's
values are compared with ours cell by cell. The slow peers get fewer of the cutoffs, always all events; ours
is timed on exactly the same cutoffs, so no figure is extrapolated.
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
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from mlhelpers.features import point_in_time_aggregates

START = pd.Timestamp("2024-01-01")
WINDOWS = {"30D": pd.Timedelta(30, "D"), "all": None}
AMOUNT = ("sum", "mean", "min", "max", "std")


def make_events(n_events: int, seed: int = 0) -> pd.DataFrame:
    """A year of payments: 50 a customer on average, 3% of the amounts missing, in no order."""
    rng = np.random.default_rng(seed)
    amount = rng.gamma(2.0, 30.0, n_events)
    amount[rng.random(n_events) < 0.03] = np.nan
    return pd.DataFrame(
        {
            "event": np.arange(n_events),
            "customer": rng.integers(0, n_events // 50, n_events),
            "time": START + pd.to_timedelta(rng.permutation(n_events) * (365 * 86_400 // n_events), unit="s"),
            "amount": amount,
            "balance": rng.normal(500.0, 200.0, n_events),
        }
    )


def make_cutoffs(n_events: int, n_rows: int, moments: int | None, seed: int = 1) -> pd.DataFrame:
    """Rows to predict, each at its own moment or at one of `moments` shared ones."""
    rng = np.random.default_rng(seed)
    n_customers = n_events // 50
    if moments is None:
        seconds = np.sort(rng.choice(365 * 86_400, n_rows, replace=False))
        return pd.DataFrame(
            {
                "customer": rng.integers(0, n_customers, n_rows),
                "time": START + pd.to_timedelta(seconds, unit="s"),
            }
        ).sample(frac=1, random_state=seed, ignore_index=True)
    pairs = rng.choice(n_customers * moments, n_rows, replace=False)
    days = (pairs % moments + 1) * 30
    return pd.DataFrame({"customer": pairs // moments, "time": START + pd.to_timedelta(days, unit="D")})


def ours(events: pd.DataFrame, cutoffs: pd.DataFrame) -> pd.DataFrame:
    return point_in_time_aggregates(
        events,
        cutoffs,
        key="customer",
        time="time",
        cutoff="time",
        values={"time": ["count", "since_last"], "amount": AMOUNT, "balance": "last"},
        windows=["30D", None],
    )


def _row(chosen: pd.DataFrame, now: pd.Timestamp, name: str) -> dict[str, float]:
    amount = chosen["amount"]
    last = chosen["time"].iloc[-1] if len(chosen) else pd.NaT
    return {
        f"time_count_{name}": len(chosen),
        f"time_since_last_{name}": (now - last) / pd.Timedelta(1, "D"),
        **{f"amount_{function}_{name}": getattr(amount, function)() for function in AMOUNT},
        f"balance_last_{name}": chosen["balance"].iloc[-1] if len(chosen) else np.nan,
    }


def loop_with_mask(events: pd.DataFrame, cutoffs: pd.DataFrame) -> pd.DataFrame:
    """The loop of most tutorials: for each row a mask over all events."""
    events, rows = events.sort_values("time"), []
    for customer, now in zip(cutoffs["customer"], cutoffs["time"], strict=True):
        past = events[(events["customer"] == customer) & (events["time"] < now)]
        row: dict[str, float] = {}
        for name, step in WINDOWS.items():
            row |= _row(past if step is None else past[past["time"] >= now - step], now, name)
        rows.append(row)
    return pd.DataFrame(rows)


def loop_with_groups(events: pd.DataFrame, cutoffs: pd.DataFrame) -> pd.DataFrame:
    """A careful loop: events grouped and sorted once, two binary searches a row."""
    groups = dict(iter(events.sort_values("time").groupby("customer")))
    nothing, rows = events.iloc[:0], []
    for customer, now in zip(cutoffs["customer"], cutoffs["time"], strict=True):
        group = groups.get(customer, nothing)
        times = group["time"].to_numpy()
        stop, row = times.searchsorted(now.to_datetime64()), {}
        for name, step in WINDOWS.items():
            start = 0 if step is None else times.searchsorted((now - step).to_datetime64())
            row |= _row(group.iloc[start:stop], now, name)
        rows.append(row)
    return pd.DataFrame(rows)


def groupby_by_moment(events: pd.DataFrame, cutoffs: pd.DataFrame) -> pd.DataFrame:
    """One pandas groupby for each shared moment and window."""
    events, parts = events.sort_values("time"), []
    for now, rows in cutoffs.groupby("time"):
        past, part = events[events["time"] < now], pd.DataFrame(index=rows.index)
        for name, step in WINDOWS.items():
            chosen = past if step is None else past[past["time"] >= now - step]
            groups = chosen.groupby("customer")
            found = groups["amount"].agg(list(AMOUNT)).add_prefix("amount_").add_suffix(f"_{name}")
            found[f"time_count_{name}"] = groups.size()
            since = (now - groups["time"].max()) / pd.Timedelta(1, "D")
            found[f"time_since_last_{name}"] = since
            found[f"balance_last_{name}"] = groups["balance"].last()
            found = found.reindex(rows["customer"])
            empty = [f"time_count_{name}", f"amount_sum_{name}"]
            found[empty] = found[empty].fillna(0)
            part[found.columns] = found.to_numpy()
        parts.append(part)
    return pd.concat(parts).loc[cutoffs.index]


def with_featuretools(events: pd.DataFrame, cutoffs: pd.DataFrame) -> pd.DataFrame:
    """Deep feature synthesis with cutoff times, once a window because a window holds for all features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import featuretools as ft

        customers = pd.DataFrame({"customer": np.unique(np.append(events["customer"], cutoffs["customer"]))})
        entities = ft.EntitySet("payments")
        entities.add_dataframe(events, "events", index="event", time_index="time")
        entities.add_dataframe(customers, "customers", index="customer")
        entities.add_relationship("customers", "customer", "events", "customer")
        parts = []
        for name, step in WINDOWS.items():
            found, _ = ft.dfs(
                entityset=entities,
                target_dataframe_name="customers",
                agg_primitives=["count", *AMOUNT, "last", ft.primitives.TimeSinceLast(unit="days")],
                trans_primitives=[],
                cutoff_time=cutoffs,
                training_window=None if step is None else f"{step.days} days",
                include_cutoff_time=False,
                drop_contains=["events.event", "LAST(events.amount)"]
                + [f"{function.upper()}(events.balance)" for function in AMOUNT],
                max_depth=1,
            )
            renamed = {"COUNT(events)": f"time_count_{name}", "LAST(events.balance)": f"balance_last_{name}"}
            renamed |= {f"{f.upper()}(events.amount)": f"amount_{f}_{name}" for f in AMOUNT}
            renamed["TIME_SINCE_LAST(events.time, unit=days)"] = f"time_since_last_{name}"
            assert found.index.to_list() == cutoffs["customer"].to_list()
            parts.append(found.rename(columns=renamed)[list(renamed.values())])
    return pd.concat(parts, axis=1)


def compare(name: str, expected: pd.DataFrame, result: pd.DataFrame) -> float:
    """Greatest relative difference of any cell; the same cells are missing, or it is an error."""
    assert {*result.columns} == {*expected.columns}, f"{name}: other columns"
    a, b = expected.to_numpy(float), result[expected.columns].to_numpy(float)
    assert (np.isnan(a) == np.isnan(b)).all(), f"{name}: other cells are missing"
    difference = np.nanmax(np.abs(a - b) / np.maximum(1.0, np.abs(a)))
    assert difference < 1e-9, f"{name}: differs by {difference}"
    return difference


def seconds(function: Callable, events: pd.DataFrame, cutoffs: pd.DataFrame, runs: int = 1) -> tuple:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        result = function(events, cutoffs)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), result


def megabytes(n_events: int) -> float:
    """Peak memory above that before the call, in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", str(n_events)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_above_start(n_events: int) -> float:
    """Peak resident memory above that before the call in MB, sampled every 2 ms."""
    events, cutoffs = make_events(n_events), make_cutoffs(n_events, n_events // 10, None)
    ours(make_events(1000), make_cutoffs(1000, 10, None))  # imports are done
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
    ours(events, cutoffs)
    done.set()
    thread.join()
    return max(0.0, (peak[0] - before) / 1e6)


def speed_table(events: pd.DataFrame, cutoffs: pd.DataFrame, peers: dict[str, tuple], runs: int) -> list[str]:
    lines = [
        "| what | cutoffs | seconds | seconds per 1,000 cutoffs | ours on them, seconds | ratio "
        "| largest difference |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    whole, _ = seconds(ours, events, cutoffs, runs)
    n = len(cutoffs)
    lines.append(f"| `point_in_time_aggregates` | {n:,} | {whole:.2f} | {whole / n * 1e3:.4f} | | 1 | |")
    for name, (function, n_rows) in peers.items():
        some = cutoffs.head(n_rows)
        taken, result = seconds(function, events, some)
        mine, expected = seconds(ours, events, some, runs)
        difference = compare(name, expected, result)
        lines.append(
            f"| {name} | {len(some):,} | {taken:.1f} | {taken / len(some) * 1e3:.3f} | {mine:.2f} "
            f"| {taken / mine:.{0 if taken > 10 * mine else 1}f} | {difference:.0e} |"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the events and cutoffs")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path, help="default: results/point_in_time.md; none with --quick")
    parser.add_argument("--memory-of", type=int, help="used by the benchmark itself")
    args = parser.parse_args()
    if args.memory_of:
        print(peak_above_start(args.memory_of))
        return
    share = 20 if args.quick else 1
    n_events, n_rows = 1_000_000 // share, 100_000 // share
    events = make_events(n_events)
    own = {
        "pandas loop, a mask over all events": (loop_with_mask, 8_000 // share),
        "pandas loop, grouped and sorted once": (loop_with_groups, n_rows),
        "Featuretools with cutoff times": (with_featuretools, 4_000 // share),
    }
    shared = {
        "pandas, one groupby a moment": (groupby_by_moment, n_rows),
        "Featuretools with cutoff times": (with_featuretools, n_rows),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import featuretools
    text = [
        "# Point-in-time aggregates: speed and memory",
        "",
        f"{n_events:,} events of {n_events // 50:,} customers; for each cutoff 16 columns: count, days since "
        "the last, sum, mean, min, max, std, last; over 30 days and over all history, strictly before the "
        "cutoff. Peers get all events but, where they are slow, only the first cutoffs; ours "
        f"(median of {args.runs} runs) is timed on the same cutoffs, nothing is extrapolated. Values are "
        "compared cell by cell, missing ones included; the largest difference is relative to the larger of 1 "
        "and the value.",
        "",
        f"Python {platform.python_version()}, pandas {pd.__version__}, numpy {np.__version__}, "
        f"featuretools {featuretools.__version__}, {psutil.cpu_count()} cores.",
        "",
        "## Each cutoff at a moment of its own",
        "",
        *speed_table(events, make_cutoffs(n_events, n_rows, None), own, args.runs),
        "",
        "## All cutoffs at 12 shared moments, as in monthly scoring",
        "",
        "Here the peers work moment by moment, which suits them far better: with few moments, one groupby "
        "each is a good choice, too.",
        "",
        *speed_table(events, make_cutoffs(n_events, n_rows, 12), shared, args.runs),
        "",
        "## Memory",
        "",
        "| events | cutoffs | peak memory above start, MB | bytes per event |",
        "|---:|---:|---:|---:|",
    ]
    for part in (4, 2, 1):
        used = megabytes(n_events // part)
        per_event = used * 1e6 / (n_events // part)
        text.append(f"| {n_events // part:,} | {n_rows // part:,} | {used:,.0f} | {per_event:,.0f} |")
    content = "\n".join(text) + "\n"
    print(content)
    output = args.output or Path(__file__).parent / "results" / "point_in_time.md"
    if args.output or not args.quick:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
