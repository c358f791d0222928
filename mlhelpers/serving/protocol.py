"""The server's HTTP protocol, with an end to request heads that never end.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
HEAD_BYTES = 65_536


class LimitedHeads(HttpToolsProtocol):
    """Uvicorn's protocol that waits for a request's head, its first line and headers, only so long.

    Taught in lesson 7.2. A connection whose head is not complete after ``HEAD_SECONDS`` is answered with 408
    and closed, one whose head is larger than ``HEAD_BYTES`` with 431; one that sends nothing is closed.
    Without that, a client keeps a connection with a byte now and then, and thousands of them leave
    no file descriptor for others. Bodies are the application's to limit.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; wait for the rest of a head that they do not complete."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._timer is None:
                self._wait()
            if self._head_bytes > HEAD_BYTES:
                self._end(b"431 Request Header Fields Too Large")
        elif self._timer is not None:
            self._stop_waiting()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that it is complete."""
        self._in_head = False
        super().on_headers_complete()

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait()  # an earlier request of the same connection is still being answered
        else:
            self._end(b"408 Request Timeout" if self._in_head else b"")

    def _end(self, status: bytes) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if not self.transport.is_closing():
            if status and not busy:
                self.transport.write(
                    b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                )
            self.transport.close()
