"""Bodies of requests read with a limit on their size, their time and the memory they take together.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from mlhelpers.serving.answers import Refusal

CSV = b"text/csv"
_TOGETHER = 20  # largest bodies whose pieces may wait in memory at once
_DISCARD_SECONDS = 3.0


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class BodyReader:
    """Reads bodies from ASGI messages.

    Taught in lesson 7.2. A body that comes slowly takes no place among the requests that are answered, only
    memory, so that slow clients cannot keep others out.

    Parameters
    ----------
    max_bytes : int
        Largest body.
    seconds : float
        Until a body must be complete.
    """

    def __init__(self, *, max_bytes: int, seconds: float):
        self.max_bytes, self.seconds = max_bytes, seconds
        self.buffered = 0  # bytes of bodies that are not complete

    async def read(self, headers: Mapping[bytes, bytes], receive: Any) -> bytes:
        """Whole body of a request.

        Raises
        ------
        Refusal
            408, 413, 415 or 503.
        ClientGone
            If the client left.
        """
        if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
            raise Refusal(415, "the body is compressed; send it as it is")
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.seconds):
                message = await receive()
                body = message.get("body", b"")
                if message.get("more_body"):
                    body, message = await self._pieces(body, receive)
        except TimeoutError:
            raise Refusal(408, f"the body was not complete after {self.seconds:g} s") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > self.max_bytes:
            raise self._too_large()
        return body

    async def discard(self, receive: Any) -> None:
        """Read the rest of a body, or as much of it as comes in a moment, and keep nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self.seconds, _DISCARD_SECONDS)):
                while (await receive()).get("more_body"):
                    pass

    async def _pieces(self, first: bytes, receive: Any) -> tuple[bytes, Any]:
        """Rest of a body that comes in pieces, and the last message."""
        parts, size, more = [first], len(first), True
        self.buffered += size
        try:
            while more:
                if size > self.max_bytes:  # counted as it comes: a header may be left out or lie
                    raise self._too_large()
                if self.buffered > _TOGETHER * self.max_bytes:
                    busy = "too many large requests are arriving; try again, or another copy of the service"
                    raise Refusal(503, busy, headers=((b"retry-after", b"1"),))
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                self.buffered += len(parts[-1])
                more = message.get("more_body", False)
        finally:
            self.buffered -= size
        return b"".join(parts), message

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self.max_bytes} bytes; send fewer rows")


def media_type(headers: Mapping[bytes, bytes], *, json_only: bool) -> str:
    """Either "application/json" or, unless `json_only`, "text/csv"; a Refusal with 415 for anything else."""
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind in (b"", b"application/json") or kind.endswith(b"+json"):
        return "application/json"
    if kind == CSV and not json_only:
        return "text/csv"
    wanted = "application/json" if json_only else "application/json or text/csv"
    raise Refusal(415, f"the content type is {kind.decode('latin-1')}; send {wanted}")
