"""Who may ask and how much at once: API keys, rate limit, number of requests in flight.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from mlhelpers.serving.answers import Refusal

_MOST_CLIENTS = 10_000


class ApiKeys:
    """Names of clients by their API key; only hashes of the keys are kept.

    Taught in lesson 7.2.

    Parameters
    ----------
    keys : mapping of str to str
        Client's name to the SHA-256 of its key in hexadecimal, from `hash_key`.

    Raises
    ------
    ValueError
        If there is no key or a hash is not one.
    """

    def __init__(self, keys: Mapping[str, str]):
        if not keys:
            raise ValueError("no API keys; leave api_keys out for a service that needs none")
        for name, digest in keys.items():
            if not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ValueError(f"API key of {name!r} is not a SHA-256 in hexadecimal; use hash_key")
        self._keys = [(name, digest.encode()) for name, digest in keys.items()]

    def client(self, headers: Mapping[bytes, bytes]) -> str:
        """Name of the client, from ``X-API-Key`` or ``Authorization: Bearer``.

        Raises
        ------
        Refusal
            401. Every key is compared in constant time, so that an answer's time tells nothing.
        """
        given = headers.get(b"x-api-key")
        if given is None:
            kind, _, value = headers.get(b"authorization", b"").partition(b" ")
            given = value.strip() if kind.lower() == b"bearer" else b""
        digest = hashlib.sha256(given).hexdigest().encode()
        found = ""
        for name, known in self._keys:
            if hmac.compare_digest(digest, known):
                found = name
        if not found:
            raise Refusal(401, "give a valid key as X-API-Key", headers=((b"www-authenticate", b"Bearer"),))
        return found


def hash_key(key: str) -> str:
    """SHA-256 of an API key, which is what the service is given.

    Taught in lesson 7.2. A key is a long random text, such as of ``secrets.token_urlsafe(32)``; a plain
    hash is enough for those, not for passwords.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class RateLimit:
    """Token bucket for each client: so many requests a second, and so many at once after a pause.

    Taught in lesson 7.2.

    Parameters
    ----------
    rate : float
        Requests a second that a client may make in the long run.
    burst : int, optional
        Requests at once after a pause; `rate` rounded up without it.
    clock : callable, optional
        Seconds; ``time.monotonic`` without it.
    """

    def __init__(self, rate: float, burst: int | None = None, *, clock: Callable[[], float] = time.monotonic):
        if not rate > 0:
            raise ValueError(f"rate must be above 0 requests a second, got {rate}")
        self.rate, self.burst = rate, float(burst if burst is not None else max(1, -(-rate // 1)))
        if self.burst < 1:
            raise ValueError(f"burst must be at least 1, got {burst}")
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client: tokens, when counted

    def take(self, client: str) -> None:
        """Count a request.

        Raises
        ------
        Refusal
            429 with Retry-After in seconds.
        """
        now = self._clock()
        tokens, then = self._buckets.pop(client, (self.burst, now))
        tokens = min(self.burst, tokens + (now - then) * self.rate)
        if tokens < 1:
            self._buckets[client] = (tokens, now)
            wait = str(max(1, -int(-(1 - tokens) // self.rate))).encode()
            raise Refusal(
                429, f"more than {self.rate:g} requests a second", headers=((b"retry-after", wait),)
            )
        self._buckets[client] = (tokens - 1, now)
        if len(self._buckets) > _MOST_CLIENTS:  # the client that was silent longest has a full bucket anyway
            self._buckets.popitem(last=False)


class InFlight:
    """Number of requests being answered, with a limit above which more are refused at once.

    Taught in lesson 7.2. A queue that only grows answers everybody too late; a refusal lets the client try
    another copy.
    """

    def __init__(self, limit: int):
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        self.limit, self.count = limit, 0

    def __enter__(self):
        if self.count >= self.limit:
            detail = f"{self.limit} requests are being answered; try again, or another copy of the service"
            raise Refusal(503, detail, headers=((b"retry-after", b"1"),))
        self.count += 1

    def __exit__(self, *_):
        self.count -= 1
