"""Restarts by a liveness probe that waits behind the requests (lesson 7.4).

Three replicas, each with one lock and 50 ms a request, so 20 requests a second each. The load is 36 or 50
requests a second, and 90 for six seconds. The probe asks every 0.5 s, waits 0.5 s, and kills after three
failures in a row; a start takes 2 s; a client waits 2 s. Cases differ in the paths of the two probes:
`/predict` waits for the lock, `/health` does not, `/deep` asks a database that answers after 2 s from the 2nd
to the 8th second. In the cases with `/deep` there is no peak. `queue` is how many requests a replica holds
before it answers 503 at once; -1 is no end. Per second: failed requests (by the second in which they were
sent) and restarts. Four cases at a time, eight runs; it takes about 10 minutes. The machine was busy with
other work; by its figures the load of run 6 came late.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from shared.script import command, save

from mlhelpers.serving.rehearsal import rehearse_peak

OUTPUT = Path(__file__).with_suffix(".csv")
PEAK, SECONDS, SLOW = 90, (2, 6, 16), (2, 8)
SERVER = """
import asyncio, sys, time

async def main(port, begin, queue):
    await asyncio.sleep(2)
    lock, held = asyncio.Lock(), 0

    async def serve(reader, writer):
        nonlocal held
        head, status = await reader.readuntil(b"\\r\\n\\r\\n"), b"200 OK"
        if b"/predict" in head and held == queue:
            status = b"503 Full"
        elif b"/predict" in head:
            held += 1
            async with lock:
                await asyncio.sleep(0.05)
            held -= 1
        if b"/deep" in head and %d <= time.time() - begin < %d:
            await asyncio.sleep(2)
        writer.write(b"HTTP/1.1 " + status + b"\\r\\nconnection: close\\r\\n\\r\\ndone")
        writer.close()

    await asyncio.start_server(serve, "127.0.0.1", port)
    await asyncio.sleep(60)

asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
"""
CASES = [  # load before and after the peak, whether there is one, liveness, readiness, queue
    (36, True, "/predict", "/health", -1),
    (36, True, "/predict", "none", -1),
    (36, True, "/health", "/predict", -1),
    (36, True, "/health", "/health", -1),
    (50, True, "/predict", "/health", -1),
    (50, True, "/health", "/health", -1),
    (36, True, "/health", "/health", 20),
    (50, True, "/health", "/health", 20),
    (36, False, "/deep", "/health", -1),
    (36, False, "/health", "/health", -1),
]


def rehearsed(case: tuple) -> list[dict]:
    run, base, peak, liveness, readiness, queue = case

    def replica(port: int) -> list[str]:
        return [sys.executable, "-c", SERVER % SLOW, str(port), str(begin), str(queue)]

    phases = list(zip(SECONDS, (base, PEAK if peak else base, base), strict=True))
    ready = None if readiness == "none" else readiness
    begin = time.time() + 3  # the replicas, which need 2 s, are ready by then
    told = rehearse_peak(replica, path="/predict", phases=phases, readiness=ready, liveness=liveness)
    edges = np.arange(sum(SECONDS) + 1)
    failed = np.histogram(told.failed_at, edges)[0]
    restarts = np.histogram(told.restarted_at, [*edges[:-1], np.inf])[0]
    where = {"base": base, "peak": peak, "liveness": liveness, "readiness": readiness}
    where |= {"queue": queue, "run": run}
    return [
        where | {"second": second, "failed": int(failed[second]), "restarts": int(restarts[second])}
        for second in edges[:-1]
    ]


def main(repeats: int = 8, output: Path = OUTPUT):
    jobs = [(run, *case) for run in range(repeats) for case in CASES]
    with ProcessPoolExecutor(4) as pool:
        records = [record for rows in pool.map(rehearsed, jobs) for record in rows]
    return save(records, output, 0)


if __name__ == "__main__":
    command(main)
