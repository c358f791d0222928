"""Read a table from a paged REST API: every page, or an error.

Taught in lesson 2.2; `demo_server` is the API that the lesson and the tests ask.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pandas as pd

from mlhelpers.data.sources.readers import Kind, Provenance, SourceError, typed_frame

__all__ = ["DemoServer", "demo_server", "read_rest"]
RETRY_STATUS = (429, 500, 502, 503, 504)


def read_rest(
    url: str,
    *,
    columns: Mapping[str, Kind],
    key: str | Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: tuple[float, float] = (3.05, 10.0),
    retries: int = 5,
    backoff: float = 0.5,
) -> tuple[pd.DataFrame, Provenance]:
    """Read all pages of a JSON collection.

    A page is ``{"items": [...], "next": address or null, "total": number}``. Answers 429 and 5xx, lost
    connections and timeouts are tried again, with exponential backoff and as ``Retry-After`` asks. What still
    fails is an error: a table without one of its pages looks like a table.

    Taught in lesson 2.2.

    Parameters
    ----------
    url : str
        Address of the first page.
    columns : mapping of str to {"integer", "number", "text", "date"}
        Fields every item must have, and what each holds. Other fields are dropped.
    key : str or sequence of str, optional
        Fields that must identify an item; a collection that changes while it is read repeats some.
    params : mapping, optional
        Query of the first request; the addresses of the next pages come from the server. It is recorded.
    headers : mapping, optional
        Headers of each request, for example an API key; they are not recorded.
    timeout : tuple of float, default=(3.05, 10.0)
        Seconds to connect, and between two parts of an answer.
    retries : int, default=5
        Repetitions of one request at most.
    backoff : float, default=0.5
        Seconds before the second repetition, doubled for each further one.

    Returns
    -------
    frame : DataFrame of shape (n_items, n_columns)
    provenance : Provenance
        Its `sha256` is that of the items as received, its `query` that of the first address with `params`.

    Raises
    ------
    SourceError
        If a page cannot be had or is not of that form, if the pages lead in a circle or to another host, if
        the number of items is not the `total`, or if a field is missing, of another type or not unique.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    policy = Retry(
        total=retries,
        backoff_factor=backoff,
        status_forcelist=RETRY_STATUS,
        allowed_methods=["GET"],
        respect_retry_after_header=True,
        raise_on_status=False,
    )
    name = urlsplit(url).path
    items: list[dict[str, Any]] = []
    seen: set[str] = set()
    digest = hashlib.sha256()
    following: str | None = url
    asked = ""
    with requests.Session() as session:
        session.headers.update(headers or {})
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=policy))
        while following is not None:
            if following in seen:
                raise SourceError(
                    f"{name}: page {len(seen)} leads back to {urlsplit(following).query or following}"
                )
            seen.add(following)
            try:
                answer = session.get(following, params=params if len(seen) == 1 else None, timeout=timeout)
            except requests.RequestException as error:
                raise SourceError(
                    f"{name}: page {len(seen)}: no answer after {retries} retries ({type(error).__name__})"
                ) from error
            if len(seen) == 1:
                asked = urlsplit([*answer.history, answer][0].request.url).query
            page = _page(answer, name, len(seen))
            items.extend(page["items"])
            for item in page["items"]:
                digest.update(json.dumps(item, sort_keys=True).encode())
            following = _next(page, answer.url, name, len(seen))
    total = page.get("total")
    if total is not None and total != len(items):
        raise SourceError(f"{name}: {len(items)} items in {len(seen)} pages, the server says {total}")
    frame = typed_frame(pd.DataFrame(items, dtype=object), columns, name=name, key=key, first_row=1)
    return frame, Provenance(name, "rest", digest.hexdigest(), *frame.shape, query=asked or None)


def _page(answer: Any, name: str, number: int) -> dict[str, Any]:
    if answer.status_code != 200:
        raise SourceError(f"{name}: page {number}: status {answer.status_code}: {answer.text[:200]}")
    try:
        page = answer.json()
    except ValueError as error:
        raise SourceError(f"{name}: page {number}: not JSON ({error})") from error
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        raise SourceError(f"{name}: page {number}: an object with a list 'items' is wanted")
    return page


def _next(page: Mapping[str, Any], current: str, name: str, number: int) -> str | None:
    if not page.get("next"):
        return None
    following = urljoin(current, page["next"])
    if urlsplit(following)[:2] != urlsplit(current)[:2]:
        raise SourceError(f"{name}: page {number} leads to another host: {urlsplit(following).netloc}")
    return following


@dataclass
class DemoServer:
    """A running demo API.

    Attributes
    ----------
    url : str
        Address of the first page.
    log : list of tuple (int, int)
        Page and status of each answer, in order; status 0 for an answer that came too late.
    """

    url: str
    log: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def demo_server(
    items: Sequence[Mapping[str, Any]],
    *,
    per_page: int = 100,
    faults: Mapping[int, Sequence[str | int]] | None = None,
    slow_seconds: float = 1.0,
    path: str = "/v1/items",
) -> Iterator[DemoServer]:
    """Serve a collection page by page on a free port of this machine, with faults on request.

    Taught in lesson 2.2.

    Parameters
    ----------
    items : sequence of mapping
        The collection.
    per_page : int, default=100
        Items of a page.
    faults : mapping of int to sequence, optional
        Per page number, from 1, what happens at the first requests for it, in order: a status such as 503 or
        429 (with ``Retry-After: 1``), ``"slow"`` (the answer comes after `slow_seconds`) or ``"cut"`` (the
        connection is closed). Afterwards the page is served.
    slow_seconds : float, default=1.0
        Delay of a slow answer.
    path : str, default="/v1/items"
        Path of the collection.

    Yields
    ------
    DemoServer

    Raises
    ------
    ValueError
        If `per_page` is not positive.
    """
    if per_page < 1:
        raise ValueError(f"per_page must be at least 1, got {per_page}")
    waiting = {page: list(what) for page, what in (faults or {}).items()}
    pages = max(1, -(-len(items) // per_page))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            number = int(parse_qs(address.query).get("page", ["1"])[0])
            with lock:
                fault = waiting[number].pop(0) if waiting.get(number) else None
                known = address.path == path and 1 <= number <= pages
                status = fault if isinstance(fault, int) else (200 if known else 404)
                server.log.append((number, 0 if fault in ("slow", "cut") else status))
            if fault == "cut":
                self.close_connection = True
                return
            if fault == "slow":
                time.sleep(slow_seconds)
            body: dict[str, Any] = {"error": f"status {status}"}
            if status == 200:
                following = f"{path}?page={number + 1}" if number < pages else None
                chosen = list(items[(number - 1) * per_page : number * per_page])
                body = {"items": chosen, "next": following, "total": len(items)}
            self._answer(status, json.dumps(body, default=str).encode())

        def _answer(self, status: int, content: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(content)
            except ConnectionError:
                self.close_connection = True  # the client gave up waiting

        def log_message(self, *_: Any) -> None:
            """Stay silent: `DemoServer.log` holds what happened."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server = DemoServer(f"http://127.0.0.1:{listener.server_address[1]}{path}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
