"""A cluster in small: replicas as processes behind a proxy, their probes, a rolling update, a peak of load.

Taught in lesson 7.4 (Kubernetes and serverless). What Kubernetes decides is decided here in a few lines: who
is sent requests, who is started again, who goes when. Processes, connections and lost requests are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import secrets
import socket
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

_POLL = 0.02
_PORTS = (15_000, 32_000)  # below those that systems give to connections
_NO_POD, _REFUSED, _CUT_OFF = "no pod is ready", "connection refused", "cut off"
_TOO_LATE = "no answer in time"

Command = Callable[[int], Sequence[str]]


class RehearsalError(RuntimeError):
    """A replica did not start, so there was nothing to rehearse."""


@dataclass(frozen=True)
class Rehearsal:
    """What the clients and the replicas went through.

    Attributes
    ----------
    outcomes : dict of str to int
        ``answered`` (status 200), ``connection refused``, ``cut off``, ``no pod is ready``,
        ``no answer in time`` or ``status 404`` to the number of requests.
    failed_at : tuple of float
        Second at which each failed request was sent, from the start of the load.
    restarted_at : tuple of float
        Second of each restart by a liveness probe.
    behind : float
        Most seconds that a request was sent later than the rate asks; large on a machine that is busy with
        other work, and then the load was not what it should be.
    """

    outcomes: dict[str, int]
    failed_at: tuple[float, ...] = ()
    restarted_at: tuple[float, ...] = ()
    behind: float = 0.0

    @property
    def requests(self) -> int:
        """Requests that were sent."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> int:
        """Requests without a status 200."""
        return len(self.failed_at)

    @property
    def restarts(self) -> int:
        """Restarts by a liveness probe."""
        return len(self.restarted_at)


def rehearse_update(
    command: Command,
    *,
    path: str,
    body: bytes | None = None,
    replicas: int = 3,
    readiness: str | None = "/health/ready",
    pre_stop: float = 0.0,
    grace: float = 10.0,
    lag: float = 0.5,
    rate: float = 40.0,
    period: float = 0.1,
    timeout: float = 5.0,
    start_seconds: float = 30.0,
) -> Rehearsal:
    """Replace the replicas of a service one by one under load, and count the requests that fail.

    Taught in lesson 7.4. As in Kubernetes with ``maxUnavailable: 0`` and ``maxSurge: 1``: a new replica is
    started; when it is ready, an old one is told to go, and the next new one is started.

    Parameters
    ----------
    command : callable
        From a port of 127.0.0.1 to the words that start one replica on it.
    path : str
        What is asked, such as ``/v1/predict``.
    body : bytes, optional
        JSON to POST; without it the request is a GET.
    replicas : int, default=3
        How many serve before and after.
    readiness : str or None, default="/health/ready"
        Path of the readiness probe. Without one a replica counts as ready as soon as its process runs.
    pre_stop : float, default=0.0
        Seconds between the decision that a replica goes and its SIGTERM.
    grace : float, default=10.0
        Seconds from the decision until it is killed if it still runs.
    lag : float, default=0.5
        Seconds until the proxy hears that a replica goes, or that it is ready or no longer ready.
    rate : float, default=40.0
        Requests a second, sent without waiting for answers.
    period, timeout : float, default=0.1 and 5.0
        Seconds between two probes, and those that a client waits.
    start_seconds : float, default=30.0
        Seconds that a replica has to become ready.

    Returns
    -------
    Rehearsal
        Of the update, half a second before it and half a second after it.

    Raises
    ------
    RehearsalError
        If a replica ends, or is not ready in time; names its command.
    ValueError
        If a number is not positive, or negative where 0 is allowed.
    """
    _positive(replicas=replicas, grace=grace, rate=rate, period=period, timeout=timeout)
    _positive(start_seconds=start_seconds)
    for name, value in {"pre_stop": pre_stop, "lag": lag}.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be at least 0 seconds, got {value}")

    async def rehearse(cluster: _Cluster) -> None:
        old = await cluster.started(replicas)
        load = cluster.task(_ask_on(cluster, path, body, [(math.inf, rate)], timeout))
        await asyncio.sleep(0.5)
        ends = []
        for pod in old:
            new = cluster.launch()
            await cluster.until_ready(new)
            ends.append(cluster.task(cluster.retire(pod, pre_stop=pre_stop, grace=grace)))
        await asyncio.gather(*ends)
        # Without a probe the last new replica may still be starting; its failures belong to the update.
        await cluster.until_listening()
        await asyncio.sleep(0.5)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)  # what was sent is still answered

    options = {"period": period, "lag": lag, "start_seconds": start_seconds}
    return _run(rehearse, command, readiness=readiness, **options)


def rehearse_peak(
    command: Command,
    *,
    path: str,
    phases: Sequence[tuple[float, float]],
    body: bytes | None = None,
    replicas: int = 3,
    readiness: str | None = "/health/ready",
    liveness: str | None = "/health/live",
    failures: int = 3,
    period: float = 0.5,
    probe_timeout: float = 0.5,
    timeout: float = 2.0,
    start_seconds: float = 30.0,
) -> Rehearsal:
    """Send a load that changes to replicas that are probed, and count failed requests and restarts.

    Taught in lesson 7.4.

    Parameters
    ----------
    command : callable
        From a port of 127.0.0.1 to the words that start one replica on it.
    path : str
        What is asked, such as ``/v1/predict``.
    phases : sequence of (seconds, rate)
        The load: for so many seconds so many requests a second, sent without waiting for answers.
    body : bytes, optional
        JSON to POST; without it the request is a GET.
    replicas : int, default=3
        How many serve.
    readiness, liveness : str or None, default="/health/ready" and "/health/live"
        Paths of the probes. A replica that does not answer the first is sent no requests; one that does not
        answer the second is killed and started again. The second is asked only after the first was answered.
    failures : int, default=3
        Liveness probes in a row that must fail before a restart.
    period, probe_timeout : float, default=0.5
        Seconds between two probes, and those that a probe waits.
    timeout : float, default=2.0
        Seconds that a client waits.
    start_seconds : float, default=30.0
        Seconds that a replica has to become ready at the beginning.

    Returns
    -------
    Rehearsal
        Of all phases.

    Raises
    ------
    RehearsalError
        If a replica is not ready in time at the beginning; names its command.
    ValueError
        If a number is not positive, or there is no phase.
    """
    _positive(replicas=replicas, failures=failures, period=period, probe_timeout=probe_timeout)
    _positive(timeout=timeout, start_seconds=start_seconds)
    if not phases:
        raise ValueError("phases is empty; give pairs of seconds and requests a second")
    for seconds, rate in phases:
        _positive(seconds=seconds, rate=rate)

    async def rehearse(cluster: _Cluster) -> None:
        await cluster.started(replicas)
        for pod in cluster.pods:
            if liveness is not None:
                cluster.task(cluster.keep_alive(pod, liveness, failures))
        await _ask_on(cluster, path, body, phases, timeout)

    options = {"period": period, "probe_timeout": probe_timeout, "start_seconds": start_seconds}
    return _run(rehearse, command, readiness=readiness, lag=0.0, **options)


# --- replicas ---------------------------------------------------------------------------------------


def _free_port() -> int:
    """A port on which nobody listens, and which no connection is given before the replica listens on it."""
    while True:
        port = _PORTS[0] + secrets.randbelow(_PORTS[1] - _PORTS[0])
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class _Pod:
    """One replica: its process, whether it is ready, and whether the proxy knows."""

    def __init__(self, command: Command):
        self.command, self.ready, self.listed, self.gone = command, False, False, False
        self.start()

    def become(self, ready: bool, lag: float) -> None:
        """Be ready or not; the proxy hears it later."""
        if ready != self.ready:
            self.ready = ready
            asyncio.get_running_loop().call_later(lag, self._heard, ready)

    def _heard(self, ready: bool) -> None:
        self.listed = ready

    def start(self) -> None:
        self.port = _free_port()
        words = list(self.command(self.port))
        silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self.process = subprocess.Popen(words, **silent)

    async def ended(self, seconds: float) -> None:
        """Wait until the process ends; kill it after so many seconds."""
        end = asyncio.get_running_loop().time() + seconds
        while self.process.poll() is None and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_POLL)
        self.process.kill()
        self.process.wait()


class _Cluster:
    """Replicas, who is ready, and what has happened."""

    def __init__(
        self,
        command: Command,
        *,
        readiness: str | None,
        period: float,
        lag: float,
        start_seconds: float,
        probe_timeout: float = 1.0,
    ):
        self.command, self.readiness, self.period, self.lag = command, readiness, period, lag
        self.start_seconds, self.probe_timeout = start_seconds, probe_timeout
        self.pods: list[_Pod] = []
        self.tasks: set[asyncio.Task] = set()
        self.begin, self.behind = math.nan, 0.0
        self.closing = False  # beside cancellation, which `asyncio.wait_for` may swallow in Python 3.11
        self.port = 0
        self.turn = itertools.count()
        self.outcomes: Counter[str] = Counter()
        self.failed_at: list[float] = []
        self.restarted_at: list[float] = []

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self.begin

    def task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def launch(self) -> _Pod:
        pod = _Pod(self.command)
        self.pods.append(pod)
        if self.readiness is None:
            pod.become(True, self.lag)
        else:
            self.task(self.keep_asking(pod, self.readiness))
        return pod

    async def started(self, replicas: int) -> list[_Pod]:
        pods = [self.launch() for _ in range(replicas)]
        for pod in pods:
            await self.until_ready(pod)
        await self.until_listening()
        await asyncio.sleep(self.lag)
        return pods

    async def until_ready(self, pod: _Pod) -> None:
        await self._until(pod, lambda: _true(pod.ready))

    async def until_listening(self) -> None:
        for pod in [one for one in self.pods if not one.gone]:
            await self._until(pod, lambda pod=pod: _listens(pod.port))

    async def _until(self, pod: _Pod, state: Callable[[], Awaitable[bool]]) -> None:
        end = asyncio.get_running_loop().time() + self.start_seconds
        while not await state():
            words = " ".join(map(str, pod.process.args))
            if pod.process.poll() is not None:
                code = pod.process.returncode
                raise RehearsalError(f"a replica ended with code {code} before it was ready: {words}")
            if asyncio.get_running_loop().time() > end:
                raise RehearsalError(
                    f"a replica was not ready at {self.readiness} after {self.start_seconds:g} s: {words}"
                )
            await asyncio.sleep(_POLL)

    async def keep_asking(self, pod: _Pod, path: str) -> None:
        """Readiness: what does not answer is sent no requests."""
        while not (pod.gone or self.closing):
            answered = await _status(pod.port, path, self.probe_timeout) == 200
            pod.become(answered and not pod.gone, self.lag)
            await asyncio.sleep(self.period)

    async def keep_alive(self, pod: _Pod, path: str, failures: int) -> None:
        """Liveness: what does not answer several times in a row is started again."""
        failed, started = 0, True
        while not self.closing:
            await asyncio.sleep(self.period)
            if not started:  # a startup probe holds liveness back until the replica has been ready once
                started = pod.ready or (self.readiness is None and await _listens(pod.port))
                continue
            answered = await _status(pod.port, path, self.probe_timeout) == 200
            failed = 0 if answered else failed + 1
            if failed == failures and not self.closing:
                self.restarted_at.append(self.now())
                failed, started = 0, False
                pod.become(self.readiness is None, self.lag)
                pod.process.kill()
                pod.process.wait()
                pod.start()

    async def retire(self, pod: _Pod, *, pre_stop: float, grace: float) -> None:
        """Take a replica off the list, wait, send SIGTERM, and kill it at the end of its grace."""
        end = self.now() + grace
        pod.gone = True
        pod.become(False, self.lag)
        await asyncio.sleep(min(pre_stop, grace))
        pod.process.terminate()
        await pod.ended(max(0.0, end - self.now()))

    async def end(self) -> None:
        self.closing = True
        for _ in range(3):  # what was accepted last becomes a task only now
            for task in (tasks := list(self.tasks)):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(_POLL)
        for pod in self.pods:
            pod.process.kill()
            pod.process.wait()

    def next_ready(self) -> _Pod | None:
        ready = [pod for pod in self.pods if pod.listed]
        return ready[next(self.turn) % len(ready)] if ready else None


def _run(work: Callable[[_Cluster], Awaitable[None]], command: Command, **options: Any) -> Rehearsal:
    async def main() -> Rehearsal:
        cluster = _Cluster(command, **options)
        cluster.begin = asyncio.get_running_loop().time()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            cluster.task(_pass_on(cluster, reader, writer))

        proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
        cluster.port = proxy.sockets[0].getsockname()[1]
        try:
            await work(cluster)
        finally:
            proxy.close()
            await cluster.end()
        failed, restarted = tuple(sorted(cluster.failed_at)), tuple(cluster.restarted_at)
        return Rehearsal(dict(cluster.outcomes), failed, restarted, cluster.behind)

    # A notebook has an event loop of its own, so ours runs in a thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, main()).result()


# --- requests -----------------------------------------------------------------------------------------


async def _ask_on(
    cluster: _Cluster,
    path: str,
    body: bytes | None,
    phases: Sequence[tuple[float, float]],
    timeout: float,
) -> None:
    """Send requests at a rate, whether the earlier ones are answered or not; then wait for the last ones."""
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    if body is not None:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    request = f"{head}\r\n".encode() + (body or b"")
    cluster.begin = asyncio.get_running_loop().time()
    start, sent = 0.0, set()

    async def ask() -> None:
        at = cluster.now()
        try:
            answer = await asyncio.wait_for(_exchange(cluster.port, request), timeout)
            outcome = _outcome(answer)
        except OSError:  # a TimeoutError too
            outcome = _TOO_LATE
        cluster.outcomes[outcome] += 1
        if outcome != "answered":
            cluster.failed_at.append(at)

    try:
        for seconds, rate in phases:
            for number in itertools.count():
                if number >= round(seconds * rate, 6):
                    break
                await asyncio.sleep(max(0.0, start + number / rate - cluster.now()))
                cluster.behind = max(cluster.behind, cluster.now() - start - number / rate)
                sent.add(asyncio.create_task(ask()))
            start += seconds
    finally:
        await asyncio.gather(*sent)


async def _pass_on(cluster: _Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The proxy: one request to one replica that is ready, in turn; no second try."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        request = head + await reader.readexactly(int(length or 0))
        pod = cluster.next_ready()
        if pod is None:
            answer = _own_answer(503, _NO_POD)
        else:
            try:
                answer = await _exchange(pod.port, request)
            except ConnectionRefusedError:
                answer = _own_answer(502, _REFUSED)
            except OSError:
                answer = b""
        writer.write(answer if answer.startswith(b"HTTP/1.1 ") else _own_answer(502, _CUT_OFF))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client gave up
    finally:
        writer.close()


async def _exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read(-1)
    finally:
        writer.close()


async def _status(port: int, path: str, timeout: float) -> int | None:
    """Status that a probe gets, None without one."""
    request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
    try:
        answer = await asyncio.wait_for(_exchange(port, request), timeout)
    except OSError:  # a TimeoutError too
        return None
    code = answer[9:12]
    return int(code) if answer.startswith(b"HTTP/1.1 ") and code.isdigit() else None


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _true(value: bool) -> bool:
    return value


def _own_answer(status: int, why: str) -> bytes:
    return f"HTTP/1.1 {status} Proxy\r\nx-why: {why}\r\n\r\n".encode()


def _outcome(answer: bytes) -> str:
    if answer.startswith(b"HTTP/1.1 200 "):
        return "answered"
    why = answer.partition(b"x-why: ")[2].partition(b"\r\n")[0].decode()
    return why or f"status {answer[9:12].decode()}"


def _positive(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be above 0, got {value}")
