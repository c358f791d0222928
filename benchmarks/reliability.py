"""What the service does when clients, models and processes misbehave: each check counts requests and errors.

Run it with `python benchmarks/reliability.py`; it takes about 40 minutes and writes the counts into
docs/reliability.md. `--quick` takes the size of the tests in tests/serving/test_reliability.py, which run the
same checks, and writes nothing. An error is an answer that the check does not allow, or a complete request
without an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import requests

from mlhelpers.serving import hash_key, running_service
from mlhelpers.serving.process import Service

DOCUMENT = Path(__file__).parent.parent / "docs" / "reliability.md"
START, END = "<!-- counts -->", "<!-- end of counts -->"
KEY = "a-key-of-this-check"
SCHEMATHESIS = """
# More rows than the document allows are refused with 413, which the tool does not expect.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "413", "415", "422"]

# To the document CSV is any text, so a text that is no table of the model's columns counts as valid.
[[operations]]
include-path = "/invocations"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "422"]
"""
HOST = "127.0.0.1"


@dataclass
class Outcome:
    """Counts of one check."""

    what: str
    requests: int
    errors: int
    result: str

    def line(self) -> str:
        return f"| {self.what} | {self.requests:,} | {self.errors:,} | {self.result} |"


# --- clients ----------------------------------------------------------------------------------------------


def raw_request(body: bytes, *headers: str, path: str = "/v1/predict", length: bool = True) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def single(service: Service, number: int = 0) -> bytes:
    """A request with the row that the bundle's example holds."""
    rows = json.loads((Path(service.bundle) / "example.json").read_text())["request"]["rows"]
    return json.dumps({"rows": rows[number % len(rows)]}).encode()


class Connection(asyncio.Protocol):
    """One kept connection; `ask` sends bytes and waits for the whole answer."""

    def __init__(self):
        self.buffer, self.waiter, self.closed = b"", None, False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or self.waiter is None:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) >= length:
            self.buffer = body[length:]
            waiter, self.waiter = self.waiter, None
            if b"connection: close" in lower:
                self.closed = True
            if not waiter.done():
                waiter.set_result((int(head[9:12]), body[:length]))

    def connection_lost(self, error):
        self.closed = True
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(ConnectionResetError("no answer"))

    async def ask(self, request: bytes, *, timeout: float = 30.0) -> tuple[int, bytes]:
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        async with asyncio.timeout(timeout):
            return await self.waiter


async def connect(port: int) -> Connection:
    return (await asyncio.get_running_loop().create_connection(Connection, HOST, port))[1]


@dataclass
class Load:
    """Requests sent over several kept connections until `stop` is set, and what became of them."""

    port: int
    request: bytes
    connections: int = 16
    rate: float | None = None  # requests a second, each at its time whatever became of the others
    statuses: Counter = field(default_factory=Counter)
    bodies: Counter = field(default_factory=Counter)
    lost: int = 0
    refused: int = 0
    seconds: list[float] = field(default_factory=list)
    key: Callable[[bytes], str] | None = None
    ready: bool = True

    @property
    def number(self) -> int:
        return sum(self.statuses.values()) + self.lost

    async def run(self, stop: asyncio.Event) -> Load:
        self.start, self.sent = time.perf_counter(), 0
        await asyncio.gather(*(self._one(stop) for _ in range(self.connections)))
        self.took = time.perf_counter() - self.start
        return self

    async def _one(self, stop: asyncio.Event) -> None:
        connection = None
        while not stop.is_set():
            due = time.perf_counter()
            if self.rate is not None:
                due = self.start + self.sent / self.rate
                self.sent += 1
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                if connection is None or connection.closed:
                    connection = await connect(self.port)
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.02)
                continue
            try:
                status, body = await connection.ask(self.request)
            except (OSError, TimeoutError):
                self.lost, connection = self.lost + 1, None
                continue
            self.seconds.append(time.perf_counter() - due)
            self.statuses[status] += 1
            if self.key is not None:
                self.bodies[self.key(body)] += 1
            if connection.closed:
                connection.transport.close()
        if connection is not None:
            connection.transport.close()

    def bad(self, *allowed: int) -> int:
        return self.lost + sum(
            count for status, count in self.statuses.items() if status not in (allowed or (200,))
        )

    def p99(self) -> float:
        return float(np.percentile(self.seconds, 99)) * 1000


def under_load(load: Load, work: Callable[[], object], *, before: float = 0.3, after: float = 0.5) -> object:
    """Run `work` in a thread while requests are sent; returns what it returned."""

    async def both():
        stop = asyncio.Event()
        running = asyncio.create_task(load.run(stop))
        await asyncio.sleep(before)
        try:
            found = await asyncio.to_thread(work)
            await asyncio.sleep(after)
        finally:
            stop.set()
            await running
        return found

    return run_async(both())


def run_async(work):
    with asyncio.Runner(loop_factory=_loop()) as runner:
        return runner.run(work)


def _loop():
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def send_raw(port: int, request: bytes, *, timeout: float = 30.0) -> tuple[int, bytes]:
    """Status and body of the answer to bytes as they are; status 0 if there was none."""
    with socket.create_connection((HOST, port), timeout=timeout) as link:
        answer = b""
        with suppress(ConnectionError):
            link.sendall(request)
        with suppress(ConnectionError):
            while chunk := link.recv(65536):
                answer += chunk
                head, found, body = answer.partition(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                if found and length and len(body) >= int(length):
                    break
    return (int(answer[9:12]), answer.partition(b"\r\n\r\n")[2]) if answer[:5] == b"HTTP/" else (0, b"")


class serving:
    """`running_service`, with the port and the bundle at hand."""

    def __init__(self, bundle: Path, *options: str):
        self.bundle, self.manager = (
            bundle,
            running_service(bundle, options=["--log", "none", *options], timeout=60),
        )

    def __enter__(self) -> Service:
        service = self.manager.__enter__()
        service.bundle, service.port = self.bundle, int(service.url.rsplit(":", 1)[1])
        return service

    def __exit__(self, *error):
        return self.manager.__exit__(*error)


def answers(service: Service) -> bool:
    return send_raw(service.port, raw_request(single(service)))[0] == 200


def in_flight(service: Service) -> float:
    text = requests.get(f"{service.url}/metrics", timeout=10).text
    line = next(line for line in text.splitlines() if line.startswith("mle_in_flight"))
    return float(line.rsplit(" ", 1)[1]) - 1  # the request for the metrics itself


# --- checks -----------------------------------------------------------------------------------------------


def check_schema(
    bundle: Path, *, examples: int = 100_000, seconds: float | None = None, key: bool = False
) -> Outcome:
    """Schemathesis over the OpenAPI document, every phase, with valid requests and invalid ones."""
    options, headers = [], []
    with tempfile.TemporaryDirectory() as folder:
        if key:
            keys = Path(folder) / "keys.json"
            keys.write_text(json.dumps({"check": hash_key(KEY)}))
            options, headers = ["--api-keys", str(keys)], ["--header", f"X-API-Key: {KEY}"]
        # at most 20 rows: the tool generates more than the document allows, and 10,001 take it seconds
        with serving(bundle, "--max-rows", "20", *options) as service:
            report = Path(folder) / "report.json"
            (Path(folder) / "schemathesis.toml").write_text(SCHEMATHESIS)
            command = [
                str(Path(sys.executable).parent / "schemathesis"),
                "run",
                f"{service.url}/openapi.json",
            ]
            command += [
                "--max-examples",
                str(examples),
                "--mode",
                "all",
                "--seed",
                "1",
                "--continue-on-failure",
            ]
            command += ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--no-shrink"]
            command += ["--suppress-health-check", "all", "--warnings", "off", *headers]
            command += ["--workers", "3"]
            command += ["--max-time", f"{seconds:g}"] if seconds is not None else []
            command += ["--report", "json", "--report-json-path", str(report)]
            run = subprocess.run(
                command, capture_output=True, text=True, cwd=folder, env=os.environ | {"NO_COLOR": "1"}
            )
            assert report.exists(), run.stdout[-3000:] + run.stderr[-3000:]
            told = json.loads(report.read_text())
            assert answers(service) or key
            statuses = Counter()
            asking = {"X-API-Key": KEY} if key else {}
            for line in requests.get(f"{service.url}/metrics", headers=asking, timeout=10).text.splitlines():
                if line.startswith("mle_requests_total{"):
                    statuses[line.partition('status="')[2][:3]] += int(float(line.rsplit(" ", 1)[1]))
    faults = sum(count for status, count in statuses.items() if status[0] == "5")
    failures = [f"{entry['title']} ({entry['count']})" for entry in told["failures"]]
    cases, errors = told["test_cases"]["generated"], faults + told["test_cases"]["with_failures"]
    errors += told["test_cases"]["errored"]
    counted = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    text = f"statuses {counted}; {'; '.join(failures) or 'no check failed'}"
    if told["errors"]:
        text += f"; errors of the tool: {told['errors']}"
    name = "OpenAPI document, generated requests"
    return Outcome(name + (", with API keys" if key else ""), cases, errors, text)


def check_parser(bundle: Path, *, examples: int = 20_000) -> Outcome:
    """Random bytes, JSON and CSV: the parser and the reader give rows or refuse with a status below 500."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from mlhelpers.packaging import load_bundle
    from mlhelpers.serving.answers import Refusal, refuse_rows
    from mlhelpers.serving.payload import parse_json, rows_of, rows_of_invocation

    loaded = load_bundle(bundle, runtime="onnx")
    reader, valid = loaded.reader, loaded.example["request"]["rows"]
    names = st.sampled_from([*reader.names, "rows", "x"]) | st.text(max_size=5)
    leaf = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.integers(-(10**400), 10**400)
    )
    content = st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=20,
    )
    keys = ["rows", "instances", "inputs", "dataframe_records", "dataframe_split"]
    split = st.fixed_dictionaries({"columns": content, "data": content})
    shaped = st.dictionaries(st.sampled_from(keys), content | split, max_size=2)
    bodies = st.binary() | (content | shaped).map(lambda value: json.dumps(value).encode("utf-8", "replace"))
    near = st.dictionaries(st.sampled_from(reader.names), leaf, max_size=2)
    near = st.builds(lambda row, change: row | change, st.sampled_from(valid), near)
    keyed = st.builds(lambda key, row: {key: [row]}, st.sampled_from(["rows", "instances"]), near)
    bodies |= keyed.map(lambda value: json.dumps(value).encode("utf-8", "replace"))
    lines = st.lists(st.lists(st.text(max_size=6) | st.sampled_from(reader.names), max_size=20), max_size=5)
    bodies |= lines.map(lambda table: "\n".join(map(",".join, table)).encode("utf-8", "replace"))
    counts = Counter()

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(bodies, st.sampled_from(["application/json", "text/csv", "rows"]))
    def reads(body, kind):
        try:
            if kind == "rows":
                rows = rows_of(parse_json(body))
            else:
                rows = rows_of_invocation(body, kind, reader.names)
            codes, problems, _ = reader.read(rows)
            assert codes.shape == (len(rows), len(reader.names))
            if problems:
                raise refuse_rows(problems)
            counts["rows"] += 1
        except Refusal as refusal:
            assert 400 <= refusal.status < 500
            refusal.answer("1")
            counts["refused"] += 1

    reads()
    number = sum(counts.values())
    text = f"{counts['refused']:,} refused, {counts['rows']:,} read; nothing else happened"
    return Outcome("random bytes, JSON and CSV to the parser", number, 0, text)


def hostile_bodies(service: Service) -> list[tuple[str, bytes, set[int]]]:
    """Name, raw request and allowed statuses."""
    good = single(service)
    row = json.loads(good)["rows"]
    at = next(name for name, value in row.items() if isinstance(value, int | float))
    number = json.dumps(row[at])

    def with_number(text: str) -> bytes:
        return good.replace(f'"{at}": {number}'.encode(), f'"{at}": {text}'.encode())

    csv = ",".join(row).encode() + b"\n"
    invocations = {"path": "/invocations"}
    large = b'{"rows": "' + b"x" * 11_000_000 + b'"}'
    chunks = "Transfer-Encoding: chunked"
    plain, wide = b"application/json", json.dumps({"rows": {f"x{k}": 1 for k in range(10_000)}}).encode()
    twice = b'{"dataframe_split": {"columns": [1, 1], "data": [[1, 2]]}}'
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(good[k : k + 7]), good[k : k + 7]) for k in range(0, len(good), 7)
    )
    chunked += b"0\r\n\r\n"
    zeros, nowhere = b",".join([b"0"] * 4_900_000), raw_request(good, path="/no")
    return [
        ("NaN", raw_request(with_number("NaN")), {400}),
        ("Infinity", raw_request(with_number("-Infinity")), {400}),
        ("float too large", raw_request(with_number("1e999")), {400, 422}),
        ("integer of 400 digits", raw_request(with_number("9" * 400)), {400, 422}),
        ("integer of 10,000 digits", raw_request(with_number("9" * 10_000)), {400, 422}),
        ("integer of 64 bits", raw_request(with_number(str(2**63 - 1))), {422}),
        ("integer of 400 digits in CSV", _csv(csv + b"9" * 399), {400, 422}),
        ("NaN, inf and underscores in CSV", _csv(csv + b"nan,inf,1_0"), {400, 422}),
        ("NUL in CSV", _csv(csv + b"\x00"), {400, 422}),
        ("nested 100,000 deep", raw_request(b'{"rows": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), {400}),
        ("objects nested 5,000 deep", raw_request(b'{"rows": ' * 5000 + b"1" + b"}" * 5000), {400}),
        ("nested 900 deep", raw_request(b'{"rows": ' + b"[" * 900 + b"]" * 900 + b"}"), {400, 422}),
        ("11 MB with its length", raw_request(large), {413}),
        ("11 MB in chunks", _chunks(large), {413}),
        ("length declared of 10 TB", raw_request(b"{}").replace(b"h: 2", b"h: 10000000000000"), {413}),
        ("length of 400 digits", raw_request(b"{}").replace(b"h: 2", b"h: " + b"9" * 400), {400, 413}),
        ("length below zero", raw_request(b"{}").replace(b"h: 2", b"h: -2"), {400}),
        ("two lengths", raw_request(good, "Content-Length: 3"), {400}),
        ("length and chunks", raw_request(good, chunks), {0, 400}),
        ("chunks without length", raw_request(chunked, chunks, length=False), {200}),
        ("chunk size that is no number", raw_request(b"zz\r\n", chunks, length=False), {400}),
        ("UTF-16", raw_request(good.decode().encode("utf-16")), {400}),
        ("UTF-32", raw_request(good.decode().encode("utf-32")), {400}),
        ("byte order mark", raw_request(b"\xef\xbb\xbf" + good), {400}),
        ("latin-1", raw_request(b'{"rows": {"caf\xe9": 1}}'), {400}),
        ("half of a surrogate pair", raw_request(b'{"rows": {"\\ud800": 1}}'), {400, 422}),
        ("gzip header over plain JSON", raw_request(good, "Content-Encoding: gzip"), {415}),
        ("gzip", raw_request(gzip.compress(good), "Content-Encoding: gzip"), {415}),
        ("no body", raw_request(b""), {400}),
        ("no length", raw_request(b"", length=False), {400}),
        ("one key 10,000 times", raw_request(b'{"rows": {' + b",".join([b'"x": 1'] * 10_000) + b"}}"), {400}),
        ("10,000 unknown columns", raw_request(wide), {422}),
        ("10,000 empty rows", raw_request(b'{"rows": [' + b",".join([b"{}"] * 10_000) + b"]}"), {422}),
        ("10,001 rows", raw_request(b'{"rows": [' + b",".join([b"{}"] * 10_001) + b"]}"), {413}),
        ("4,900,000 zeros as rows", raw_request(b'{"rows": [' + zeros + b"]}"), {413}),
        ("other media type", raw_request(good).replace(plain, b"application/xml"), {415}),
        ("media type of strange bytes", raw_request(good).replace(plain, b"\xff\xfe\x01"), {400, 415}),
        ("request id with a line end", raw_request(good, "X-Request-ID: a\r\n b"), {200, 400}),
        ("Host that is no address", nowhere.replace(HOST.encode(), b"["), {400, 404, 405}),
        ("no Host", raw_request(good).replace(b"Host: 127.0.0.1\r\n", b""), {200, 400}),
        ("path of strange bytes", raw_request(good, path="/%ff%00"), {400, 404}),
        ("path that climbs", raw_request(good, path="/../../etc/passwd"), {400, 404}),
        ("path with two slashes", raw_request(good, path="//v1/predict"), {400, 404}),
        ("path of 60,000 letters", raw_request(good, path="/" + "a" * 60_000), {400, 404, 414}),
        ("header of 60,000 letters", raw_request(good, "X-Long: " + "a" * 60_000), {200, 431}),
        ("header of 1,000,000 letters", raw_request(good, "X-Long: " + "a" * 1_000_000), {0, 431}),
        ("unknown method", raw_request(good).replace(b"POST", b"BREW", 1), {400, 405}),
        ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {0, 400}),
        ("HTTP/1.0", raw_request(good).replace(b"HTTP/1.1", b"HTTP/1.0"), {200}),
        ("columns of numbers", raw_request(twice, **invocations), {422}),
        ("rows of unequal length", raw_request(b'{"inputs": {"a": [1], "b": []}}', **invocations), {422}),
    ]  # fmt: skip


def _csv(body: bytes) -> bytes:
    return raw_request(body, path="/invocations").replace(b"application/json", b"text/csv")


def _chunks(body: bytes) -> bytes:
    parts = [
        b"%x\r\n%s\r\n" % (len(body[k : k + 60_000]), body[k : k + 60_000])
        for k in range(0, len(body), 60_000)
    ]
    return raw_request(b"".join(parts) + b"0\r\n\r\n", "Transfer-Encoding: chunked", length=False)


def check_bodies(bundle: Path, *, rounds: int = 20) -> Outcome:
    """Bodies and requests that nobody should send."""
    with serving(bundle) as service:
        wrong, slowest = Counter(), (0.0, "")
        cases = hostile_bodies(service)
        for _ in range(rounds):
            for name, request, allowed in cases:
                start = time.perf_counter()
                status, _ = send_raw(service.port, request)
                slowest = max(slowest, (time.perf_counter() - start, name))
                if status not in allowed:
                    wrong[f"{name}: {status or 'no answer'}"] += 1
        good = answers(service) and in_flight(service) == 0
    told = "; ".join(f"{name} ({count})" for name, count in wrong.items())
    text = (
        f"{len(cases)} kinds, each refused as it should be; slowest {slowest[0]:.2f} s" if not wrong else told
    )
    return Outcome("hostile bodies and requests", rounds * len(cases), sum(wrong.values()) + (not good), text)


def check_dropped(bundle: Path, *, drops: int = 3000) -> Outcome:
    """Clients that vanish at a random byte of their request, half of them with a reset."""
    draw = random.Random(0)
    with serving(bundle) as service:
        request = raw_request(single(service))

        def drop_all():
            for number in range(drops):
                with socket.create_connection((HOST, service.port), timeout=10) as link:
                    link.sendall(request[: draw.randint(0, len(request))])
                    if number % 2:
                        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        load = Load(service.port, request, connections=4)
        under_load(load, drop_all)
        time.sleep(0.5)
        stuck = in_flight(service)
    text = f"{drops:,} dropped; {load.number:,} requests of others, all answered; {stuck:.0f} left in flight"
    return Outcome("clients that vanish in mid-request", drops + load.number, load.bad() + int(stuck), text)


def check_slow(bundle: Path, *, clients: int = 60, seconds: float = 13.0) -> Outcome:
    """Bodies byte by byte, in time and too slow, and headers that never end; others are answered."""

    async def drip(port: int, head: bytes, request: bytes, pause: float, found: Counter, name: str) -> None:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(head)
            reading = asyncio.create_task(reader.read(100))
            for at in range(len(request)):
                writer.write(request[at : at + 1])
                await asyncio.wait([reading], timeout=pause)
                if reading.done():
                    break
            answer = await asyncio.wait_for(reading, 15)
            found[f"{name} {answer[9:12].decode() or 'closed'}"] += 1
        except TimeoutError:
            found[f"{name} open"] += 1
        except OSError:
            found[f"{name} closed"] += 1
        finally:
            with suppress(UnboundLocalError):
                writer.close()

    with serving(bundle) as service:
        body = single(service)
        request = raw_request(body)
        head = request[: -len(body)]
        found: Counter = Counter()

        async def everybody():
            stop = asyncio.Event()
            load = Load(service.port, request, connections=2, rate=200)
            others = asyncio.create_task(load.run(stop))
            kinds = [
                ("in time", head, body, 4.0 / len(body)),
                ("too slow", head, body, 20.0 / len(body)),
                ("endless headers", b"", head[:-2] + b"X-More: " + b"x" * 5000, 0.2),
            ]
            tasks = [
                asyncio.create_task(drip(service.port, first, sent, pause, found, name), name=name)
                for name, first, sent, pause in kinds
                for _ in range(clients)
            ]
            _, pending = await asyncio.wait(tasks, timeout=seconds)
            for task in pending:
                task.cancel()
                found[f"{task.get_name()} open"] += 1
            stop.set()
            await others
            return load

        load = run_async(everybody())
        stuck = in_flight(service)
    errors = load.bad() + int(stuck) + clients - found["in time 200"] + clients - found["too slow 408"]
    errors += clients - found["endless headers 408"]
    counted = ", ".join(f"{name}: {count}" for name, count in sorted(found.items()))
    text = f"{counted}; others: {load.number:,} answered, p99 {load.p99():.0f} ms"
    return Outcome("slow clients, byte by byte", 3 * clients + load.number, errors, text)


def check_replaced(bundle: Path, other: Path, *, rounds: int = 10) -> Outcome:
    """The bundle's folder exchanged, damaged and deleted under load."""
    kept = {name: json.loads((path / "MANIFEST.json").read_text())["version"] for name, path in
            (("one", bundle), ("two", other))}  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        place, work = Path(name) / "bundle", Path(name) / "work"
        shutil.copytree(bundle, place)
        with serving(place, "--reload-seconds", "0.1") as service:
            service.bundle = bundle

            def version() -> str:
                answer = requests.get(f"{service.url}/health/ready", timeout=10).json()
                return answer["model"]["version"]

            def put(source: Path) -> None:
                shutil.copytree(source, work)
                if place.exists():
                    place.rename(Path(name) / "old")
                work.rename(place)
                shutil.rmtree(Path(name) / "old", ignore_errors=True)

            def until(wanted: str) -> float:
                start = time.perf_counter()
                while version() != wanted:
                    assert time.perf_counter() - start < 20, f"{wanted} was not taken up"
                    time.sleep(0.02)
                return time.perf_counter() - start

            def exchange() -> list[float]:
                took = []
                for _ in range(rounds):
                    put(other)
                    took.append(until(kept["two"]))
                    (place / "model.onnx").write_bytes(b"damaged")
                    (place / "MANIFEST.json").write_text('{"files": {}}')
                    time.sleep(0.3)
                    shutil.rmtree(place)
                    time.sleep(0.3)
                    assert version() == kept["two"], "what served stays"
                    put(bundle)
                    took.append(until(kept["one"]))
                return took

            load = Load(
                service.port, raw_request(single(service)), key=lambda body: body.split(b'"version":"')[1][:5]
            )
            took = under_load(load, exchange)
    text = (
        f"{2 * rounds} exchanges, each taken up within {max(took):.1f} s; {rounds} times damaged and deleted"
    )
    text += (
        f"; {', '.join(f'{key.decode()}: {count:,}' for key, count in sorted(load.bodies.items()))} answers"
    )
    return Outcome(
        "model replaced, damaged, deleted under load", load.number, load.bad() + load.refused, text
    )


def workers_of(service: Service) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def check_killed(bundle: Path, *, kills: int = 5) -> Outcome:
    """kill -9 of one of two workers under load: the other answers, the supervisor starts a new one."""
    with serving(bundle, "--workers", "2") as service:

        def wait_for_two(gone: int = 0) -> float:
            start = time.perf_counter()
            while True:
                alive = [process for process in workers_of(service) if process.pid != gone]
                if len(alive) == 2:
                    return time.perf_counter() - start
                assert time.perf_counter() - start < 30, "no new worker"
                time.sleep(0.05)

        wait_for_two()
        time.sleep(1.5)  # both answer

        def kill_some() -> list[float]:
            took = []
            for number in range(kills):
                victim = workers_of(service)[number % 2].pid
                os.kill(victim, signal.SIGKILL)
                took.append(wait_for_two(victim))
                time.sleep(1.5)
            return took

        load = Load(service.port, raw_request(single(service)), connections=16)
        took = under_load(load, kill_some)
        good = answers(service) and in_flight(service) == 0
    most = 16 * kills
    text = (
        f"{kills} kills; {load.lost} requests that the killed worker held had no answer (at most {most}: "
        f"one a connection), {load.refused} connections refused; replaced within {max(took):.1f} s"
    )
    errors = load.bad() - load.lost + load.refused + (not good) + max(0, load.lost - most)
    return Outcome("kill -9 of a worker of two under load", load.number, errors, text)


def check_stopped(bundle: Path, *, stops: int = 5, workers: int = 1) -> Outcome:
    """SIGTERM under load, a client that leaves when /health/ready says so, as a load balancer does."""
    total, errors, took, refused = 0, 0, [], 0
    for _ in range(stops):
        with serving(bundle, "--drain-seconds", "1", "--workers", str(workers)) as service:
            load = Load(service.port, raw_request(single(service)))

            async def run(service=service, load=load):
                stop = asyncio.Event()
                running = asyncio.create_task(load.run(stop))
                await asyncio.sleep(0.5)
                start = time.perf_counter()
                service.process.send_signal(signal.SIGTERM)
                while not stop.is_set():
                    await asyncio.sleep(0.1)
                    link = await connect(service.port)
                    status, _ = await link.ask(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
                    link.transport.close()
                    if status == 503:
                        await asyncio.sleep(0.3)  # some requests come even so
                        stop.set()
                await running
                return await asyncio.to_thread(service.process.wait, 30), time.perf_counter() - start

            code, seconds = run_async(run())
            took.append(seconds)
            total, refused = total + load.number, refused + load.refused
            errors += load.bad() + (code != 0)
    text = f"{stops} stops, each with exit code 0 after {max(took):.1f} s at most; no request was lost"
    if errors:
        text = f"{stops} stops, {errors} requests lost or exit codes wrong"
    name = f"graceful stop under load, {workers} process{'es' if workers > 1 else ''}"
    return Outcome(name, total, errors + refused, text)


def check_limits(bundle: Path, *, seconds: float = 3.0, bulks: Sequence[int] = (4, 80)) -> Outcome:
    """Rate limit, requests in flight and large requests: 429 and 503, and then the service answers again."""
    errors, total, told = 0, 0, []
    with serving(bundle, "--rate", "50", "--burst", "10") as service:
        load = Load(service.port, raw_request(single(service)))
        under_load(load, lambda: time.sleep(seconds))
        most = 10 + 50 * load.took + 2
        errors += load.bad(200, 429) + (load.statuses[200] > most) + (load.statuses[429] == 0)
        time.sleep(0.3)
        errors += not answers(service)
        total += load.number
        told.append(f"50 a second allowed: {load.statuses[200] / load.took:.0f} a second answered, rest 429")
    with serving(bundle, "--max-in-flight", "4") as service:
        request = raw_request(single(service))
        row = json.loads(single(service))["rows"]
        large = raw_request(json.dumps({"rows": [row] * 10_000}).encode())
        with ThreadPoolExecutor(
            4
        ) as pool:  # four large ones take every place for as long as they are computed
            held = [pool.submit(send_raw, service.port, large) for _ in range(4)]
            busy: Counter[int] = Counter()
            while not all(one.done() for one in held):
                busy[send_raw(service.port, request)[0]] += 1
            finished = Counter(one.result()[0] for one in held)
        others = sum(number for status, number in busy.items() if status not in (200, 503))
        errors += (
            others
            + (busy[503] == 0)
            + (finished[200] == 0)
            + sum(finished.values())
            - finished[200]
            - finished[503]
        )
        errors += not answers(service)
        total += 5 + sum(busy.values())
        told.append(
            f"4 places taken by large requests: others 503 ({busy[503]}) or 200 ({busy[200]}), "
            "then answered again"
        )
    with serving(bundle) as service:
        row = json.loads(single(service))["rows"]
        for clients in bulks:
            # in a process of its own, so that the single rows' times are the service's
            bulk = subprocess.Popen(
                [sys.executable, __file__, "--bulk", str(service.port), str(clients), str(seconds + 1)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            bulk.stdin.write(json.dumps(row))
            bulk.stdin.close()
            time.sleep(1)
            small = Load(service.port, raw_request(single(service)), connections=2, rate=50)
            under_load(small, lambda: time.sleep(seconds))
            found = json.loads(bulk.stdout.read())
            bulk.wait()
            statuses = {int(status): count for status, count in found["statuses"].items()}
            fine = sum(statuses.get(status, 0) for status in (200, 408, 503))  # 408: 4 MB not read in 10 s
            errors += found["number"] - fine + small.bad()
            total += found["number"] + small.number
            counted = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
            median = np.percentile(small.seconds, 50) * 1000
            told.append(
                f"{clients} clients with 10,000 rows each: statuses {counted}; {small.number} single rows "
                f"beside them, {small.bad()} not answered, p50 {median:.0f} ms, p99 {small.p99():.0f} ms"
            )
        errors += (not answers(service)) + int(in_flight(service))
    return Outcome("limits, and recovery from them", total, errors, "; ".join(told))


def check_soak(bundle: Path, *, seconds: float = 600.0, probe: float = 5.0) -> Outcome:
    """80% of the highest rate for a long time, each request when it is due; memory before and after."""
    with serving(bundle) as service:
        request = raw_request(single(service))
        peak = Load(service.port, request)
        under_load(peak, lambda: time.sleep(probe))
        rate = 0.8 * peak.number / peak.took
        process = psutil.Process(service.process.pid)
        first = (process.memory_info().rss / 1e6, process.num_fds())
        load = Load(service.port, request, rate=rate)
        under_load(load, lambda: time.sleep(seconds))
        last = (process.memory_info().rss / 1e6, process.num_fds())
        stuck = in_flight(service)
    grown, highest = last[0] - first[0], peak.number / peak.took
    errors = load.bad() + load.refused + int(stuck) + (grown > 30)
    text = (
        f"{load.number / load.took:,.0f} requests/s for {load.took:.0f} s ({highest:,.0f} at most from this "
        f"client); p50 {np.percentile(load.seconds, 50) * 1000:.1f} ms, p99 {load.p99():.1f} ms from when a "
        f"request was due; memory {first[0]:.0f} to {last[0]:.0f} MB, open files {first[1]} to {last[1]}"
    )
    return Outcome("soak at 80% of the highest rate", load.number, errors, text)


def bulk(port: int, clients: int, seconds: float) -> None:
    """Requests of 10,000 rows; the row comes from standard input, the counts go to standard output."""
    body = json.dumps({"rows": [json.load(sys.stdin)] * 10_000}).encode()
    load = Load(port, raw_request(body), connections=clients)
    under_load(load, lambda: time.sleep(seconds))
    print(json.dumps({"statuses": load.statuses, "number": load.number}))


def build_bundles(folder: Path) -> tuple[Path, Path, Path]:
    """Two versions of the churn model, and one of four columns, for which requests are generated faster."""
    from mlhelpers.data import load
    from mlhelpers.packaging import build_bundle, infer_signature
    from mlhelpers.training import fit, make_boosting

    table = load("churn")
    categorical = ["gender", "region", "contract", "payment_method", "internet"]
    left_out = [*categorical, "customer_id", "signup_date", "sim_batch", "churned"]
    columns = [name for name in table.columns if name not in left_out] + categorical
    few = ["age", "late_payments_6m", "contract", "payment_method"]
    made = []
    for version, trees, names in (("1.0.0", 200, columns), ("2.0.0", 50, columns), ("0.1.0", 50, few)):
        X = table[names]
        kinds = [[name for name in names if (name in categorical) is kind] for kind in (False, True)]
        model = fit(make_boosting(*kinds, max_iter=trees, random_state=0), X, table["churned"])
        made.append(
            build_bundle(
                folder / version, model=model, signature=infer_signature(X), example=X.head(20), metrics={},
                model_card="# Check", data_hash="none", name="churn", version=version,
            )
        )  # fmt: skip
    return made[0], made[1], made[2]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the size of the tests; nothing written")
    parser.add_argument("--only", help="names of checks, separated by commas; nothing written")
    parser.add_argument("--soak-seconds", type=float, default=600.0)
    parser.add_argument("--schema-seconds", type=float, default=1200.0)
    parser.add_argument("--bulk", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.bulk:
        port, clients, seconds = options.bulk
        bulk(int(port), int(clients), float(seconds))
        return
    quick = options.quick

    def sizes(seconds: float) -> dict[str, float]:
        return {"examples": 5} if quick else {"seconds": seconds}

    with tempfile.TemporaryDirectory() as name:
        one, two, small = build_bundles(Path(name))
        checks: dict[str, Callable[[], Outcome]] = {
            "schema": lambda: check_schema(small, **sizes(options.schema_seconds)),
            "schema-keys": lambda: check_schema(small, **sizes(options.schema_seconds / 4), key=True),
            "parser": lambda: check_parser(one, examples=500 if quick else 20_000),
            "bodies": lambda: check_bodies(one, rounds=1 if quick else 20),
            "dropped": lambda: check_dropped(one, drops=200 if quick else 3000),
            "slow": lambda: check_slow(one, clients=20 if quick else 60),
            "replaced": lambda: check_replaced(one, two, rounds=1 if quick else 10),
            "killed": lambda: check_killed(one, kills=1 if quick else 5),
            "stopped": lambda: check_stopped(one, stops=1 if quick else 5),
            "stopped-two": lambda: check_stopped(one, stops=1 if quick else 5, workers=2),
            "limits": lambda: check_limits(one, seconds=1 if quick else 5),
            "soak": lambda: check_soak(one, seconds=5 if quick else options.soak_seconds),
        }
        lines = ["| check | requests | errors | result |", "|---|---:|---:|---|"]
        for key, check in checks.items():
            if options.only and key not in options.only.split(","):
                continue
            lines.append(check().line())
            print(f"{key}: {lines[-1]}", flush=True)
    if not (quick or options.only):
        text = DOCUMENT.read_text(encoding="utf-8")
        head, tail = text.partition(START)[0], text.partition(END)[2]
        DOCUMENT.write_text(f"{head}{START}\n{chr(10).join(lines)}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
