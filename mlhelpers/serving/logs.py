"""The service's log: one line of JSON a request, without anything that a request held.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson

_FLUSH_SECONDS = 0.2
_MOST_LINES = 500


class RequestLog:
    """Collects lines and writes them a few times a second.

    Taught in lesson 7.2.

    Parameters
    ----------
    stream : binary file or None
        Such as ``sys.stderr.buffer``; None logs nothing but faults of the service, and those to standard
        error.
    requests : str, default="all"
        "all", "refused" (status 400 and above) or "none".
    """

    def __init__(self, stream: BinaryIO | None, *, requests: str = "all"):
        if requests not in ("all", "refused", "none"):
            raise ValueError(f"requests must be 'all', 'refused' or 'none', got {requests!r}")
        self._stream = stream
        self._from = {"all": 0, "refused": 400, "none": 1000}[requests] if stream is not None else 1000
        self._lines: list[bytes] = []

    def request(
        self,
        request_id: str,
        method: str,
        path: str,
        status: int,
        seconds: float,
        problem: str,
        bundle: str = "",
    ) -> None:
        """One answered request.

        `problem` is what was wrong with its form, never a value of it; `bundle` the hash of the bundle whose
        model answered, so that an answer can be followed back to its model.
        """
        if status < self._from:
            return
        line: dict[str, Any] = {
            "time": _now(),
            "request": request_id,
            "method": method,
            "path": path,
            "status": status,
            "ms": round(seconds * 1000, 3),
        }
        if problem:
            line["problem"] = problem
        if bundle:
            line["bundle"] = bundle
        self._add(line)

    def event(self, text: str) -> None:
        """Something that is no request."""
        self._add({"time": _now(), "event": text})

    def error(self, request_id: str, where: str, error: BaseException) -> None:
        """A fault of the service: type and place, not the message, which may quote a value."""
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
        line = {"time": _now(), "request": request_id, "where": where, "error": type(error).__name__}
        self._add(line | {"at": places}, sys.stderr.buffer if self._stream is None else None)
        self.flush()

    def _add(self, line: dict[str, Any], stream: BinaryIO | None = None) -> None:
        if stream is not None:
            stream.write(orjson.dumps(line) + b"\n")
            stream.flush()
        elif self._stream is not None:
            self._lines.append(orjson.dumps(line))
            if len(self._lines) >= _MOST_LINES:
                self.flush()

    def flush(self) -> None:
        """Write what was collected."""
        if self._lines and self._stream is not None:
            lines, self._lines = self._lines, []
            self._stream.write(b"\n".join(lines) + b"\n")
            self._stream.flush()

    async def keep_flushing(self) -> None:
        """Write a few times a second until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self.flush()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
