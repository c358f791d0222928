"""Three ways to tell someone: a line in the log, JSON to a webhook, an e-mail.

Taught in lesson 9.2 (alerts and incidents); part of `mlhelpers.monitoring.alerts.routes`.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

_REPEAT = (408, 425, 429, 500, 502, 503, 504)  # answers after which another attempt can help


@dataclass(frozen=True)
class Message:
    """What is sent.

    Attributes
    ----------
    key : str
        Of the incident; the same key means the same message, so a receiver can drop a repetition.
    severity : str
        Chooses the routes.
    title, text : str
        One line, and Markdown.
    content : mapping
        The same for machines; must be fit for JSON.
    """

    key: str
    severity: str
    title: str
    text: str
    content: Mapping[str, Any] = field(default_factory=dict, hash=False)


class RouteError(RuntimeError):
    """A message could not be sent."""

    def __init__(self, text: str, attempts: int):
        super().__init__(text)
        self.attempts = attempts


@dataclass(frozen=True)
class LogRoute:
    """Writes one line to the standard log, as a warning.

    Taught in lesson 9.2.
    """

    name: str = "log"
    logger: str = "mlhelpers.monitoring"

    def send(self, message: Message) -> int:
        """Write the line; line breaks in it are escaped, so that one message is one line."""
        line = json.dumps(message.title, ensure_ascii=False)[1:-1]
        logging.getLogger(self.logger).warning("%s %s %s", message.severity, message.key, line)
        return 1


@dataclass(frozen=True)
class WebhookRoute:
    """Posts JSON; tries again after an error of the network or the receiver, waiting twice as long each time.

    Taught in lesson 9.2.

    Attributes
    ----------
    url : str
        Address, http or https. Taken as a secret: it is neither shown nor put into errors.
    timeout : float, default=5.0
        Seconds that one attempt may take to connect and between two parts of the answer.
    attempts : int, default=3
    backoff : float, default=0.5
        Seconds before the second attempt.
    sleep : callable
        Waits; replaced in tests.
    """

    url: str = field(repr=False)
    name: str = "webhook"
    timeout: float = 5.0
    attempts: int = 3
    backoff: float = 0.5
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)

    def __post_init__(self):
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"route {self.name}: the address must start with http:// or https:// and a host")
        if self.attempts < 1 or self.timeout <= 0 or self.backoff < 0:
            raise ValueError(f"route {self.name}: needs attempts >= 1, timeout > 0 and backoff >= 0")

    def send(self, message: Message) -> int:
        """Post the message; the key goes along as ``Idempotency-Key``.

        Raises
        ------
        RouteError
            If the last attempt failed, or the receiver refuses the message.
        """
        content = {"key": message.key, "severity": message.severity, "title": message.title}
        body = json.dumps({**content, "text": message.text, "content": message.content}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
        error = ""
        for attempt in range(1, self.attempts + 1):
            if attempt > 1:
                self.sleep(self.backoff * 2 ** (attempt - 2))
            request = urllib.request.Request(self.url, body, headers, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=self.timeout):
                    return attempt
            except urllib.error.HTTPError as refused:
                error = f"status {refused.code}"
                refused.close()
                if refused.code not in _REPEAT:
                    raise RouteError(f"{self._host} answered {error}", attempt) from None
            except (OSError, HTTPException) as failed:  # of the network, or an answer that is no HTTP
                reason = getattr(failed, "reason", failed)
                error = type(reason).__name__ if isinstance(reason, BaseException) else str(reason)
        raise RouteError(f"{self._host}: {error}", self.attempts)

    @property
    def _host(self) -> str:
        return str(urlsplit(self.url).hostname)


@dataclass(frozen=True)
class EmailRoute:
    """Makes an e-mail, and sends it if a host is given.

    Taught in lesson 9.2.

    Attributes
    ----------
    sender : str
    to : tuple of str
    host : str, optional
        Mail server. Without it the text is only made, and handed to `outbox`.
    port : int, default=25
    timeout : float, default=5.0
        Seconds.
    outbox : callable, optional
        Takes the `EmailMessage`, such as ``list.append``.
    """

    sender: str
    to: tuple[str, ...]
    name: str = "email"
    host: str | None = None
    port: int = 25
    timeout: float = 5.0
    outbox: Callable[[EmailMessage], Any] | None = field(default=None, repr=False, compare=False)

    def compose(self, message: Message) -> EmailMessage:
        """Text of the e-mail; a title with line breaks cannot add a header."""
        mail = EmailMessage()
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail["Subject"] = f"[{message.severity}] {' '.join(message.title.split())}"
        mail["X-Incident"] = " ".join(message.key.split())
        mail.set_content(message.text)
        return mail

    def send(self, message: Message) -> int:
        """Send by SMTP, or hand the text to `outbox`; raises what `smtplib` raises."""
        mail = self.compose(message)
        if self.outbox is not None:
            self.outbox(mail)
        if self.host is not None:
            import smtplib

            with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as server:
                server.send_message(mail)
        elif self.outbox is None:
            raise RouteError("no host to send by and no outbox to keep the text in", 0)
        return 1
