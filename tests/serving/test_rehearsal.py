"""Updates and peaks with real processes: what is lost and restarted, and that nothing is left running."""

import asyncio
import sys

import psutil
import pytest

from mlhelpers.serving.rehearsal import Rehearsal, RehearsalError, rehearse_peak, rehearse_update

SERVER = """
import asyncio, signal, sys

async def main(port, start, hold, deaf):
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    await asyncio.sleep(start)
    lock = asyncio.Lock()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        if b"/predict" in head:
            async with lock:
                await asyncio.sleep(hold)
        if b"/gone" in head:
            return writer.close()
        status = b"404 Not Found"
        if b"/predict" in head or b"/health" in head:
            status = b"200 OK"
        if head.startswith(b"POST"):
            length = int(head.partition(b"content-length: ")[2].partition(b"\\r\\n")[0])
            status = b"200 OK" if await reader.readexactly(length) == b"[1]" else b"400 Bad"
        writer.write(b"HTTP/1.1 " + status + b"\\r\\nconnection: close\\r\\n\\r\\ndone")
        writer.close()

    await asyncio.start_server(serve, "127.0.0.1", port)
    await asyncio.sleep(60)

asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "deaf"))
"""


def replica(start=0.2, hold=0.0, deaf=False):
    def words(port):
        return [sys.executable, "-c", SERVER, str(port), str(start), str(hold), "deaf" if deaf else "hears"]

    return words


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


def test_update_with_readiness_and_a_wait_loses_nothing():
    told = rehearse_update(replica(), path="/predict", readiness="/health", pre_stop=0.8, lag=0.2)
    assert told.failed == 0 and told.outcomes == {"answered": told.requests}
    assert told.requests > 40 and told.restarts == 0


def test_without_a_readiness_probe_requests_reach_replicas_that_do_not_listen_yet():
    options = {"readiness": None, "pre_stop": 0.5, "lag": 0.1, "replicas": 2}
    told = rehearse_update(replica(start=1.0), path="/predict", **options)
    assert told.outcomes["connection refused"] == told.failed > 5
    assert all(0.3 < second < 10 for second in told.failed_at)


def test_without_a_wait_requests_reach_replicas_that_are_gone():
    told = rehearse_update(replica(), path="/predict", readiness="/health", lag=1.0, replicas=1)
    assert told.outcomes["connection refused"] + told.outcomes.get("cut off", 0) == told.failed > 5


def test_replica_that_does_not_hear_is_killed_at_the_end_of_its_grace():
    options = {"readiness": "/health", "lag": 0.1, "grace": 0.4, "replicas": 1}
    told = rehearse_update(replica(deaf=True), path="/predict", **options)
    assert told.failed == 0  # until then it answers, so the lag does no harm


def test_liveness_behind_the_requests_restarts_and_a_cheap_one_does_not():
    options = {"path": "/predict", "phases": [(0.3, 10), (1.2, 60), (0.8, 10)], "replicas": 2, "timeout": 1.0}
    options |= {"readiness": "/health", "period": 0.15, "probe_timeout": 0.25, "failures": 2}
    behind = rehearse_peak(replica(hold=0.1), liveness="/predict", **options)
    assert behind.restarts == len(behind.restarted_at) > 0
    assert behind.requests == 3 + 72 + 8 and 0 <= behind.behind < 60
    assert rehearse_peak(replica(hold=0.1), liveness="/health", **options).restarts == 0


def test_restart_without_readiness_waits_for_the_port_and_sends_requests_meanwhile():
    options = {"path": "/predict", "phases": [(1.5, 20)], "replicas": 1, "readiness": None}
    told = rehearse_peak(replica(), liveness="/none", failures=1, period=0.2, **options)
    assert told.restarts > 1 and told.outcomes["connection refused"] > 0


def test_every_outcome_has_its_name():
    options = {"phases": [(0.2, 20)], "replicas": 1, "readiness": "/health", "liveness": None}
    assert rehearse_peak(replica(), path="/nothing", **options).outcomes == {"status 404": 4}
    assert rehearse_peak(replica(), path="/gone", **options).outcomes == {"cut off": 4}
    late = rehearse_peak(replica(hold=9), path="/predict", timeout=0.2, **options)
    assert late.outcomes == {"no answer in time": 4}
    assert rehearse_peak(replica(), path="/x", body=b"[1]", **options).outcomes == {"answered": 4}
    assert rehearse_peak(replica(), path="/x", body=b"[2]", **options).outcomes == {"status 400": 4}


def test_who_is_not_ready_is_sent_nothing():
    options = {"readiness": "/predict", "liveness": None, "probe_timeout": 0.2, "period": 0.1}
    phases = [(0.8, 60), (0.4, 10)]
    told = rehearse_peak(replica(hold=0.1), path="/predict", phases=phases, replicas=1, **options)
    assert told.outcomes["no pod is ready"] > 0


def test_it_runs_where_an_event_loop_runs():
    async def notebook():
        return rehearse_update(
            replica(), path="/predict", readiness="/health", replicas=1, pre_stop=0.4, lag=0.1
        )

    assert asyncio.run(notebook()).failed == 0


def test_replica_that_does_not_start_is_told():
    def broken(port):
        return [sys.executable, "-c", "raise SystemExit(3)"]

    with pytest.raises(RehearsalError, match=r"ended with code 3 before it was ready: .*SystemExit"):
        rehearse_update(broken, path="/predict")
    with pytest.raises(RehearsalError, match=r"was not ready at /nothing after 0.8 s"):
        rehearse_update(replica(), path="/predict", readiness="/nothing", start_seconds=0.8)


@pytest.mark.parametrize(
    "wrong", [{"replicas": 0}, {"rate": -1}, {"grace": float("inf")}, {"lag": -1}, {"pre_stop": float("nan")}]
)
def test_numbers_that_make_no_sense_are_told_by_name(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be"):
        rehearse_update(replica(), path="/predict", **wrong)


def test_a_peak_needs_phases():
    with pytest.raises(ValueError, match="phases is empty"):
        rehearse_peak(replica(), path="/predict", phases=[])
    with pytest.raises(ValueError, match="rate must be above 0"):
        rehearse_peak(replica(), path="/predict", phases=[(1, 0)])


def test_report_counts_what_it_lists():
    told = Rehearsal({"answered": 5, "cut off": 2}, failed_at=(0.5, 0.7), restarted_at=(0.6,))
    assert (told.requests, told.failed, told.restarts) == (7, 2, 1)
