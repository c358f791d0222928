"""The prediction service as a FastAPI application made from a bundle.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from mlhelpers.packaging.bundle import Bundle
from mlhelpers.packaging.rows import Problem
from mlhelpers.serving.answers import Answer, Refusal, refuse_rows
from mlhelpers.serving.explain import shapley_to_reference, typical_codes
from mlhelpers.serving.guard import ApiKeys, InFlight, RateLimit
from mlhelpers.serving.logs import RequestLog
from mlhelpers.serving.metrics import CONTENT_TYPE, ServiceMetrics
from mlhelpers.serving.openapi import openapi_document
from mlhelpers.serving.payload import parse_json, rows_of, rows_of_invocation
from mlhelpers.serving.slots import Slot, Slots, identity

_INLINE_ROWS = 32  # so many rows take less time than handing them to a thread and back
_INLINE_BYTES = 64_000
_MAX_EXPLAINED = 10
_CSV = b"text/csv"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_Handler = Callable[[dict[bytes, bytes], Any, str, Mapping[str, Any]], Awaitable[Answer]]


class _ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class PredictionApp(FastAPI):
    """FastAPI application whose own paths skip the framework's layers.

    Taught in lesson 7.2. Requests for predictions, health and metrics are answered straight from the ASGI
    messages, which is several times as fast as a route with dependencies; the documentation and everything
    else goes through FastAPI. Made by `create_app`.

    Attributes
    ----------
    slots : Slots
        The models that serve.
    metrics : ServiceMetrics
        What ``/metrics`` shows.
    draining : bool
        While true, ``/health/ready`` answers 503 and every answer closes its connection.
    """

    def __init__(
        self,
        slots: Slots,
        metrics: ServiceMetrics,
        *,
        api_keys: ApiKeys | None,
        rate_limit: RateLimit | None,
        max_rows: int,
        max_bytes: int,
        max_in_flight: int,
        read_seconds: float,
        predict_seconds: float,
        watch: Callable[[], Bundle | None] | None,
        watch_seconds: float,
        drain_seconds: float,
        log: RequestLog,
    ):
        self.slots, self.metrics, self.draining = slots, metrics, False
        self._keys, self._rate, self._in_flight = api_keys, rate_limit, InFlight(max_in_flight)
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self._read_seconds, self._predict_seconds = read_seconds, predict_seconds
        self._watch, self._watch_seconds = watch, watch_seconds
        self._drain_seconds, self._log = drain_seconds, log
        # one: two would take the interpreter from each other and from the event loop, and be no faster
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="predict")
        # A slow body takes no place among the requests in flight, only its bytes.
        self._buffered, self._max_buffered = 0, 20 * max_bytes
        self._jobs = 0
        self._max_jobs = max(8, max_in_flight // 4)
        self._prefix, self._numbers = secrets.token_hex(6), itertools.count(1)
        self._paths: dict[str, dict[str, _Handler]] = {
            "/v1/predict": {"POST": self._predict},
            "/v1/explain": {"POST": self._explain},
            "/invocations": {"POST": self._invocations},
            "/v1/models": {"GET": self._models},
            "/health/live": {"GET": self._live},
            "/health/ready": {"GET": self._ready},
            "/ping": {"GET": self._ready},
            "/metrics": {"GET": self._metrics},
        }
        champion = slots["champion"].bundle
        super().__init__(
            title=f"{champion.name} predictions",
            version=champion.version,
            lifespan=_lifespan,
            redirect_slashes=False,
        )
        self.add_exception_handler(HTTPException, _problem_of_framework)

    def openapi(self) -> dict[str, Any]:
        """OpenAPI document of the service, from the champion's signature."""
        return openapi_document(
            self.slots["champion"].bundle,
            max_rows=self._max_rows,
            max_explained=_MAX_EXPLAINED,
            keys=self._keys is not None,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else None
        methods = self._paths.get(path)
        if methods is None:
            await super().__call__(scope, receive, send)
            return
        start = time.perf_counter()
        headers = dict(scope["headers"])
        request_id, method = self._request_id(headers), scope["method"]
        self.metrics.in_flight.inc()
        problem = ""
        try:
            handler = methods.get("GET" if method == "HEAD" else method)
            if handler is None:
                allow = ", ".join(methods).encode()
                raise Refusal(405, f"{method} is not for {path}", headers=((b"allow", allow),))
            answer = await handler(headers, receive, request_id, scope)
        except Refusal as refusal:
            self._count(refusal.problems, self.metrics.errors)
            answer, problem = refusal.answer(request_id), refusal.detail
        except _ClientGone:
            answer, problem = None, "the client closed the connection"
        except Exception as error:  # noqa: BLE001  (whatever it is, the client learns no more than 500)
            self._log.error(request_id, path, error)
            detail = "the service failed; its log says why under this request's id"
            answer, problem = Refusal(500, detail).answer(request_id), "internal error"
        finally:
            self.metrics.in_flight.dec()
        status = 499 if answer is None else answer.status
        seconds = time.perf_counter() - start
        self.metrics.observe(path, status, seconds)
        self._log.request(request_id, method, path, status, seconds, problem)
        if answer is not None:
            await self._send(send, answer, request_id, with_body=method != "HEAD")

    async def _send(self, send: Any, answer: Answer, request_id: str, *, with_body: bool) -> None:
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request_id.encode()),
            *answer.headers,
        ]
        if self.draining or answer.status in (408, 413):  # what is left of the request is not read
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body if with_body else b""})

    # --- the paths ------------------------------------------------------------------------------

    async def _predict(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        body = await self._read(headers, receive)
        with self._in_flight:
            _check_type(headers, json_only=True)
            slot = self.slots.choose(request_id)
            probabilities, changed = await self._score(slot, body, lambda: rows_of(parse_json(body)))
        tail = b',"changed":' + _told(changed) + b"}" if changed else b"}"
        return Answer(200, slot.head + _numbers(probabilities) + tail)

    async def _invocations(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        body = await self._read(headers, receive)
        with self._in_flight:
            kind = _check_type(headers, json_only=False)
            slot = self.slots.choose(request_id)
            probabilities, changed = await self._score(
                slot, body, lambda: rows_of_invocation(body, kind, slot.reader.names)
            )
        if headers.get(b"accept", b"").startswith(_CSV):
            lines = "".join(f"{value:.9g}\n" for value in probabilities.tolist())
            return Answer(200, lines.encode(), _CSV)
        tail = b',"changed":' + _told(changed) + b"}" if changed else b"}"
        return Answer(200, b'{"predictions":' + _numbers(probabilities) + tail)

    async def _explain(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        body = await self._read(headers, receive)
        with self._in_flight:
            _check_type(headers, json_only=True)
            rows = rows_of(parse_json(body))
            if len(rows) > _MAX_EXPLAINED:
                raise Refusal(413, f"{len(rows)} rows, at most {_MAX_EXPLAINED} are explained at once")
            slot = self.slots.choose(request_id)
            codes, problems, _ = slot.reader.read(rows)
            if problems:
                raise refuse_rows(problems)
            return await self._in_thread(lambda: _explained(slot, codes))

    async def _models(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        return Answer(200, orjson.dumps({"models": self.slots.described()}))

    async def _live(self, *_: Any) -> Answer:
        return Answer(200, b'{"status":"alive"}')

    async def _ready(self, *_: Any) -> Answer:
        if self.draining:
            raise Refusal(503, "the service is about to end; send requests elsewhere")
        model = identity(self.slots["champion"].bundle)
        return Answer(200, orjson.dumps({"status": "ready", "model": model}))

    async def _metrics(self, *_: Any) -> Answer:
        return Answer(200, self.metrics.render(), CONTENT_TYPE)

    # --- their parts ----------------------------------------------------------------------------

    def _request_id(self, headers: Mapping[bytes, bytes]) -> str:
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode()
        return f"{self._prefix}-{next(self._numbers):x}"

    def _admit(self, headers: Mapping[bytes, bytes], scope: Mapping[str, Any]) -> None:
        client = self._keys.client(headers) if self._keys is not None else None
        if self._rate is not None:
            self._rate.take(client or (scope.get("client") or ("unknown",))[0])

    async def _read(self, headers: Mapping[bytes, bytes], receive: Any) -> bytes:
        if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
            raise Refusal(415, "the body is compressed; send it as it is")
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._read_seconds):
                message = await receive()
                body = message.get("body", b"")
                if message.get("more_body"):
                    body, message = await self._read_pieces(body, receive)
        except TimeoutError:
            raise Refusal(408, f"the body was not complete after {self._read_seconds:g} s") from None
        if message["type"] == "http.disconnect":
            raise _ClientGone
        if len(body) > self._max_bytes:
            raise self._too_large()
        return body

    async def _read_pieces(self, first: bytes, receive: Any) -> tuple[bytes, Any]:
        """Rest of a body that comes in pieces, and the last message."""
        parts, size, more = [first], len(first), True
        self._buffered += size
        try:
            while more:
                if size > self._max_bytes:  # counted as it comes: a header may be left out or lie
                    raise self._too_large()
                if self._buffered > self._max_buffered:
                    busy = "too many large requests are arriving; try again, or another copy of the service"
                    raise Refusal(503, busy, headers=((b"retry-after", b"1"),))
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                self._buffered += len(parts[-1])
                more = message.get("more_body", False)
        finally:
            self._buffered -= size
        return b"".join(parts), message

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self._max_bytes} bytes; send fewer rows")

    async def _score(
        self, slot: Slot, body: bytes, parse: Callable[[], list[Any]]
    ) -> tuple[np.ndarray, list[Problem]]:
        """Probabilities of a body's rows, and the cells that a policy changed."""
        if len(body) > _INLINE_BYTES:
            codes, probabilities, changed = await self._in_thread(lambda: self._computed(slot, parse()))
        else:
            rows = parse()
            if slot.fast and len(rows) <= _INLINE_ROWS:
                codes, probabilities, changed = self._computed(slot, rows)
            else:
                codes, probabilities, changed = await self._in_thread(lambda: self._computed(slot, rows))
        self._count(changed, self.metrics.changed)
        self.metrics.observe_predictions(slot.version, probabilities)
        shadow = self.slots["shadow"]
        if shadow is not None and self._jobs < self._max_jobs:
            self._submit(lambda: self._shadow(shadow, slot, codes, probabilities))
        return probabilities, changed

    def _computed(self, slot: Slot, rows: list[Any]) -> tuple[np.ndarray, np.ndarray, list[Problem]]:
        if len(rows) > self._max_rows:
            raise Refusal(413, f"{len(rows)} rows, at most {self._max_rows} in one request")
        codes, problems, changed = slot.reader.read(rows)
        if problems:
            raise refuse_rows(problems)
        return codes, slot.bundle.predict_codes(codes), changed

    def _shadow(self, shadow: Slot, slot: Slot, codes: np.ndarray, answered: np.ndarray) -> None:
        # decoded and coded again: the shadow's signature may order columns and categories otherwise
        try:
            found = shadow.bundle.predict(slot.reader.decode(codes))
        except Exception as error:  # noqa: BLE001  (a shadow may fail; nobody waits for it)
            self._log.error("shadow", shadow.version, error)
            return
        for difference in np.abs(found - answered)[:1000].tolist():
            self.metrics.shadow.labels(shadow.version).observe(difference)

    def _submit(self, work: Callable[[], Any]) -> Future:
        loop = asyncio.get_running_loop()
        self._jobs += 1
        job = self._pool.submit(work)

        def done(_: Future) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed before the job ended
                loop.call_soon_threadsafe(self._done)

        job.add_done_callback(done)
        return job

    def _done(self) -> None:
        self._jobs -= 1

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        if self._jobs >= self._max_jobs:
            busy = f"{self._jobs} large requests are waiting; try again, or another copy of the service"
            raise Refusal(503, busy, headers=((b"retry-after", b"1"),))
        try:
            async with asyncio.timeout(self._predict_seconds):
                return await asyncio.wrap_future(self._submit(work))
        except TimeoutError:
            raise Refusal(503, f"no answer within {self._predict_seconds:g} s; send fewer rows") from None

    def _count(self, problems: Any, counter: Any) -> None:
        if not problems:
            return
        names = frozenset(self.slots["champion"].reader.names)
        # a client's own names would make a metric of any size; counted first: there may be 100,000 problems
        found = Counter(problem.column if problem.column in names else "other" for problem in problems)
        for name, number in found.items():
            counter.labels(name).inc(number)

    def _drain_first(self) -> None:
        """On SIGTERM be not ready for a while, then do what the server would have done at once."""
        ends = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()

        def drain(number: int, frame: Any) -> None:
            if self.draining or not callable(ends):
                signal.signal(signal.SIGTERM, ends)
                signal.raise_signal(number)
                return
            self.draining = True
            loop.call_soon_threadsafe(loop.call_later, self._drain_seconds, ends, number, frame)

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, drain)

    async def _keep_watching(self) -> None:
        """Exchange the champion when its source has another one; a source that fails changes nothing."""
        while True:
            await asyncio.sleep(self._watch_seconds)
            try:
                found = await asyncio.to_thread(self._watch)
                if found is not None:
                    self.slots.swap("champion", found)
                    self._log.event(f"champion is now {found.name} {found.version} {found.sha256[:12]}")
            except Exception as error:  # noqa: BLE001  (the model that serves stays)
                self._log.error("watch", "the model that serves stays", error)


def create_app(
    bundle: Bundle,
    *,
    max_rows: int = 10_000,
    max_bytes: int = 10_000_000,
    max_in_flight: int = 256,
    read_seconds: float = 10.0,
    predict_seconds: float = 30.0,
    policies: Mapping[str, str] | None = None,
    unknown_columns: str = "refuse",
    api_keys: Mapping[str, str] | None = None,
    rate: float | None = None,
    burst: int | None = None,
    canary: Bundle | None = None,
    canary_share: float = 0.0,
    shadow: Bundle | None = None,
    watch: Callable[[], Bundle | None] | None = None,
    watch_seconds: float = 2.0,
    drain_seconds: float = 0.0,
    log: RequestLog | None = None,
) -> PredictionApp:
    """Make the service of a bundle.

    Taught in lesson 7.2. ``POST /v1/predict`` takes ``{"rows": [{...}, ...]}`` or one object as ``rows`` and
    answers with a probability per row; ``/v1/explain`` says which columns moved it; ``/invocations`` and
    ``/ping`` are those of MLflow and SageMaker; ``/v1/models`` describes the models; ``/health/live``,
    ``/health/ready`` and ``/metrics`` are for the platform. Refusals are problem documents (RFC 9457).

    Parameters
    ----------
    bundle : Bundle
        From `mlhelpers.packaging.load_bundle`: the champion.
    max_rows : int, default=10_000
        Most rows of one request; more are answered with 413.
    max_bytes : int, default=10_000_000
        Largest body of a request, in bytes; a larger one is answered with 413.
    max_in_flight : int, default=256
        Requests being answered at once; more are answered with 503 and Retry-After.
    read_seconds, predict_seconds : float
        Seconds until a body must be complete (408) and an answer ready (503).
    policies, unknown_columns
        What to do with values that do not fit, see `mlhelpers.packaging.RowReader`.
    api_keys : mapping of str to str, optional
        Client's name to the SHA-256 of its key, from `hash_key`; without it, everybody may ask.
    rate, burst : float and int, optional
        Requests a second and at once of one client (by key, else by address); more are answered with 429.
    canary, canary_share, shadow
        Other models, see `Slots`.
    watch : callable, optional
        Called every `watch_seconds` in a thread; returns a new champion, or None if there is none.
    watch_seconds : float, default=2.0
        Seconds.
    drain_seconds : float, default=0.0
        After SIGTERM, so long the service answers that it is not ready and closes each connection with its
        answer, so that a load balancer sends requests elsewhere; then it ends when the last one is
        answered.
    log : RequestLog, optional
        Where requests are logged, never with their values; nowhere without it.

    Returns
    -------
    PredictionApp
        400 if the body is no JSON, 422 with a list of problems (row, column, problem) if rows do not fit the
        signature. A fault of the service itself is a 500 without details.
    """
    metrics = ServiceMetrics()
    slots = Slots(
        bundle,
        canary=canary,
        canary_share=canary_share,
        shadow=shadow,
        policies=policies,
        unknown_columns=unknown_columns,
        on_change=lambda role, new: new and metrics.set_model(role, new.version, new.sha256),
    )
    return PredictionApp(
        slots,
        metrics,
        api_keys=ApiKeys(api_keys) if api_keys is not None else None,
        rate_limit=RateLimit(rate, burst) if rate is not None else None,
        max_rows=max_rows,
        max_bytes=max_bytes,
        max_in_flight=max_in_flight,
        read_seconds=read_seconds,
        predict_seconds=predict_seconds,
        watch=watch,
        watch_seconds=watch_seconds,
        drain_seconds=drain_seconds,
        log=log or RequestLog(None),
    )


@asynccontextmanager
async def _lifespan(app: PredictionApp):
    watching = asyncio.create_task(app._keep_watching()) if app._watch is not None else None
    flushing = asyncio.create_task(app._log.keep_flushing())
    if app._drain_seconds > 0:
        app._drain_first()
    try:
        yield
    finally:
        for task in (watching, flushing):
            if task is not None:
                task.cancel()
        app._pool.shutdown(wait=False, cancel_futures=True)
        app._log.flush()


async def _problem_of_framework(request: Request, error: HTTPException) -> Response:
    app: PredictionApp = request.app
    status = error.status_code if error.status_code in (404, 405) else 400
    detail = f"there is no {request.url.path}" if status == 404 else str(error.detail)
    answer = Refusal(status, detail).answer(app._request_id(dict(request.scope["headers"])))
    headers = dict(error.headers or {})
    return Response(answer.body, status, headers, media_type=answer.content_type.decode())


def _check_type(headers: Mapping[bytes, bytes], *, json_only: bool) -> str:
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind in (b"", b"application/json") or kind.endswith(b"+json"):
        return "application/json"
    if kind == _CSV and not json_only:
        return "text/csv"
    wanted = "application/json" if json_only else "application/json or text/csv"
    raise Refusal(415, f"the content type is {kind.decode('latin-1')}; send {wanted}")


def _numbers(values: np.ndarray) -> bytes:
    return orjson.dumps([round(value, 9) for value in values.tolist()])


def _told(changed: list[Problem]) -> bytes:
    return orjson.dumps([found.as_dict() for found in changed[:100]])


def _explained(slot: Slot, codes: np.ndarray) -> Answer:
    typical = typical_codes(slot.bundle.signature)
    predict = slot.bundle.predict_codes
    base, *probabilities = predict(np.vstack([typical, codes])).tolist()
    explanations = []
    for row, probability in zip(codes, probabilities, strict=True):
        parts = shapley_to_reference(predict, row, typical)
        explanations.append(
            {
                "probability": round(probability, 9),
                "typical_probability": round(base, 9),
                "contributions": {
                    name: round(part, 9) for name, part in zip(slot.reader.names, parts.tolist(), strict=True)
                },
            }
        )
    content = {"model": identity(slot.bundle), "explanations": explanations}
    return Answer(200, orjson.dumps(content))
