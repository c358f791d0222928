"""The prediction service as a FastAPI application made from a bundle.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from mlhelpers.packaging.bundle import Bundle
from mlhelpers.packaging.rows import Problem
from mlhelpers.serving.answers import Answer, Refusal
from mlhelpers.serving.guard import ApiKeys, InFlight, RateLimit
from mlhelpers.serving.jobs import Jobs
from mlhelpers.serving.logs import RequestLog
from mlhelpers.serving.metrics import CONTENT_TYPE, ServiceMetrics
from mlhelpers.serving.openapi import openapi_document
from mlhelpers.serving.page import card_page, docs_page, home_page, read_form
from mlhelpers.serving.payload import parse_json, rows_of, rows_of_invocation
from mlhelpers.serving.predictions import invocation_csv, invocation_predictions, predict_fields
from mlhelpers.serving.reading import CSV, BodyReader, ClientGone, media_type
from mlhelpers.serving.scoring import Scorer
from mlhelpers.serving.slots import Slots, identity

_MAX_EXPLAINED = 10
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_Handler = Callable[[dict[bytes, bytes], Any, str, Mapping[str, Any]], Awaitable[Answer]]


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
        paths: Mapping[str, str] | None = None,
    ):
        self.slots, self.metrics, self.log, self.draining = slots, metrics, log, False
        self.watch, self.watch_seconds, self.drain_seconds = watch, watch_seconds, drain_seconds
        self.in_flight = InFlight(max_in_flight)
        self.reader = BodyReader(max_bytes=max_bytes, seconds=read_seconds)
        self.jobs = Jobs(limit=max(8, max_in_flight // 4), seconds=predict_seconds)
        self.scorer = Scorer(slots, metrics, self.jobs, log, max_rows=max_rows)
        self._keys, self._rate = api_keys, rate_limit
        self._limits = {"max_bytes": max_bytes, "max_in_flight": max_in_flight}
        self._prefix, self._numbers = secrets.token_hex(6), itertools.count(1)
        self._paths: dict[str, dict[str, _Handler]] = {
            "/v1/predict": {"POST": self._predict},
            "/v1/explain": {"POST": self._explain},
            "/invocations": {"POST": self._invocations},
            "/v1/models": {"GET": self._models},
            "/health/live": {"GET": self._live},
            "/health/ready": {"GET": self._ready},
            "/ping": {"GET": self._ready},
            "/execution-parameters": {"GET": self._transform},
            "/metrics": {"GET": self._metrics},
            "/": {"GET": self._home, "POST": self._asked},
            "/docs": {"GET": self._docs},
            "/card": {"GET": self._card},
        }
        for path, own in (paths or {}).items():
            if own not in self._paths:
                raise ValueError(f"paths: {path} leads to {own}, which the service does not have")
            if path in self._paths and self._paths[path] is not self._paths[own]:
                raise ValueError(f"paths: {path} is a path of the service already")
            self._paths[path] = self._paths[own]
        champion = slots["champion"].bundle
        super().__init__(
            title=f"{champion.name} predictions",
            version=champion.version,
            lifespan=lifespan,
            redirect_slashes=False,
            docs_url=None,  # FastAPI's pages load their scripts from elsewhere; ours are in `page`
            redoc_url=None,
        )
        self.add_exception_handler(HTTPException, _problem_of_framework)

    def openapi(self) -> dict[str, Any]:
        """OpenAPI document of the service, from the champion's signature."""
        return openapi_document(
            self.slots["champion"].bundle,
            max_rows=self.scorer.max_rows,
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
            _check_host(headers, scope)
            handler = methods.get("GET" if method == "HEAD" else method)
            if handler is None:
                allow = ", ".join(methods).encode()
                raise Refusal(405, f"{method} is not for {path}", headers=((b"allow", allow),))
            answer = await handler(headers, receive, request_id, scope)
        except Refusal as refusal:
            self.scorer.count(refusal.problems, self.metrics.errors)
            answer, problem = refusal.answer(request_id), refusal.detail
        except ClientGone:
            answer, problem = None, "the client closed the connection"
        except Exception as error:  # noqa: BLE001  (whatever it is, the client learns no more than 500)
            self.log.error(request_id, path, error)
            detail = "the service failed; its log says why under this request's id"
            answer, problem = Refusal(500, detail).answer(request_id), "internal error"
        finally:
            self.metrics.in_flight.dec()
        status = 499 if answer is None else answer.status
        seconds = time.perf_counter() - start
        self.metrics.observe(path, status, seconds)
        bundle = "" if answer is None else answer.bundle
        self.log.request(request_id, method, path, status, seconds, problem, bundle)
        if answer is not None:
            unread = receive if status == 413 and b"expect" not in headers else None
            await self._send(send, answer, request_id, with_body=method != "HEAD", unread=unread)

    async def _send(
        self, send: Any, answer: Answer, request_id: str, *, with_body: bool, unread: Any = None
    ) -> None:
        """Send an answer; what is `unread` of its request is read for a moment.

        A client that is cut off while it sends never reads why.
        """
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request_id.encode()),
            *answer.headers,
        ]
        if self.draining or answer.status in (408, 413):  # what is left of the request is not read
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = {"type": "http.response.body", "body": answer.body if with_body else b""}
        if unread is not None:
            await send(body | {"more_body": True})
            await self.reader.discard(unread)
            body["body"] = b""
        await send(body)

    # --- the paths ------------------------------------------------------------------------------

    async def _predict(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        body = await self.reader.read(headers, receive)
        with self.in_flight:
            media_type(headers, json_only=True)
            slot = self.slots.choose(request_id)
            probabilities, changed = await self.scorer.score(slot, body, lambda: rows_of(parse_json(body)))
        tail = b',"changed":' + _told(changed) + b"}" if changed else b"}"
        told = predict_fields(probabilities, slot.classes)
        return Answer(200, slot.head + told + tail, bundle=slot.bundle.sha256)

    async def _invocations(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        body = await self.reader.read(headers, receive)
        with self.in_flight:
            kind = media_type(headers, json_only=False)
            slot = self.slots.choose(request_id)
            probabilities, changed = await self.scorer.score(
                slot, body, lambda: rows_of_invocation(body, kind, slot.reader.names)
            )
        if headers.get(b"accept", b"").startswith(CSV):
            return Answer(200, invocation_csv(probabilities, slot.classes), CSV, bundle=slot.bundle.sha256)
        tail = b',"changed":' + _told(changed) + b"}" if changed else b"}"
        told = invocation_predictions(probabilities, slot.classes)
        return Answer(200, b'{"predictions":' + told + tail, bundle=slot.bundle.sha256)

    async def _explain(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        self._admit(headers, scope)
        body = await self.reader.read(headers, receive)
        with self.in_flight:
            media_type(headers, json_only=True)
            rows = rows_of(parse_json(body))
            if len(rows) > _MAX_EXPLAINED:
                raise Refusal(413, f"{len(rows)} rows, at most {_MAX_EXPLAINED} are explained at once")
            slot = self.slots.choose(request_id)
            explanations = await self.scorer.explain(slot, rows)
        content = {"model": identity(slot.bundle), "explanations": explanations}
        return Answer(200, orjson.dumps(content), bundle=slot.bundle.sha256)

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

    async def _transform(self, *_: Any) -> Answer:
        """What SageMaker's batch transform asks before it sends its files."""
        content = {
            "MaxConcurrentTransforms": min(100, self._limits["max_in_flight"]),
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": max(1, min(100, self._limits["max_bytes"] // 1_000_000)),
        }
        return Answer(200, orjson.dumps(content))

    async def _metrics(self, *_: Any) -> Answer:
        return Answer(200, self.metrics.render(), CONTENT_TYPE)

    async def _home(self, *_: Any) -> Answer:
        return home_page(self.slots["champion"].bundle, keys=self._keys is not None)

    async def _asked(
        self, headers: dict[bytes, bytes], receive: Any, request_id: str, scope: Mapping[str, Any]
    ) -> Answer:
        body = await self.reader.read(headers, receive)
        slot, shown = self.slots["champion"], {"keys": self._keys is not None}
        try:
            values, row, key = read_form(body, slot.bundle)
            shown["values"] = values
            self._admit(headers | ({b"x-api-key": key.encode()} if key else {}), scope)
            with self.in_flight:
                (shown["explanation"],) = await self.scorer.explain(slot, [row])
        except Refusal as refusal:
            self.scorer.count(refusal.problems, self.metrics.errors)
            shown["refusal"] = refusal
        bundle = slot.bundle.sha256 if "explanation" in shown else ""
        return replace(home_page(slot.bundle, **shown), bundle=bundle)

    async def _docs(self, *_: Any) -> Answer:
        return docs_page(self.openapi())

    async def _card(self, *_: Any) -> Answer:
        return card_page(self.slots["champion"].bundle)

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
    drain_seconds: float = 5.0,
    log: RequestLog | None = None,
    paths: Mapping[str, str] | None = None,
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
    drain_seconds : float, default=5.0
        After SIGTERM, so long the service answers that it is not ready and closes each connection with its
        answer, so that a load balancer sends requests elsewhere; then it ends when the last one is
        answered.
    paths : mapping of str to str, optional
        Further paths, each with the path of the service that answers it, such as
        ``{"/predict": "/invocations"}``; what a platform's contract asks for, see `read_contract`.
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
        paths=paths,
    )


async def _problem_of_framework(request: Request, error: HTTPException) -> Response:
    app: PredictionApp = request.app
    status = error.status_code if error.status_code in (404, 405) else 400
    detail = f"there is no {request.url.path}" if status == 404 else str(error.detail)
    answer = Refusal(status, detail).answer(app._request_id(dict(request.scope["headers"])))
    headers = dict(error.headers or {})
    return Response(answer.body, status, headers, media_type=answer.content_type.decode())


def _check_host(headers: Mapping[bytes, bytes], scope: Mapping[str, Any]) -> None:
    """Refuse, as RFC 9112 (3.2) does, no Host or several, which two parties may read differently."""
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    if hosts > 1 or (b"host" not in headers and scope.get("http_version") == "1.1"):
        found = "several Host headers" if hosts else "no Host header"
        raise Refusal(400, f"the request has {found}; send one")


def _told(changed: list[Problem]) -> bytes:
    return orjson.dumps([found.as_dict() for found in changed[:100]])


@asynccontextmanager
async def lifespan(app: PredictionApp):
    """Run the upkeep for as long as the application does."""
    tasks = [asyncio.create_task(app.log.keep_flushing())]
    if app.watch is not None:
        tasks.append(asyncio.create_task(keep_watching(app.watch, app.watch_seconds, app.slots, app.log)))
    if app.drain_seconds > 0:
        drain_first(app)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        app.jobs.stop()
        app.log.flush()


async def keep_watching(
    watch: Callable[[], Bundle | None], seconds: float, slots: Slots, log: RequestLog
) -> None:
    """Exchange the champion when its source has another one; a source that fails changes nothing."""
    while True:
        await asyncio.sleep(seconds)
        try:
            found = await asyncio.to_thread(watch)
            if found is not None:
                slots.swap("champion", found)
                log.event(f"champion is now {found.name} {found.version} {found.sha256[:12]}")
        except Exception as error:  # noqa: BLE001  (the model that serves stays)
            log.error("watch", "the model that serves stays", error)


def drain_first(app: PredictionApp) -> None:
    """On SIGTERM be not ready for a while, then do what the server would have done at once."""
    ends = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def drain(number: int, frame: Any) -> None:
        if app.draining or not callable(ends):
            signal.signal(signal.SIGTERM, ends)
            signal.raise_signal(number)
            return
        app.draining = True
        loop.call_soon_threadsafe(loop.call_later, app.drain_seconds, ends, number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, drain)
