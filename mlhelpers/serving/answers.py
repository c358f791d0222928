"""Answers of the service as bytes: JSON, and problems after RFC 9457.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mlhelpers.packaging.rows import Problem

JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"
MOST_PROBLEMS = 100
TITLES = {
    400: "The body cannot be read",
    401: "No valid API key",
    404: "Not found",
    405: "Method not allowed",
    408: "The request came too slowly",
    413: "The request is too large",
    415: "Media type not supported",
    422: "Rows do not fit the signature",
    429: "Too many requests",
    500: "Internal error",
    503: "The service is busy",
}


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of one answer, and the hash of the bundle whose model gave it."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    bundle: str = ""


@dataclass
class Refusal(Exception):
    """A request that is answered with a problem.

    Attributes
    ----------
    status : int
        HTTP status.
    detail : str
        What is wrong with this request and what to do.
    problems : sequence of Problem
        Rows and columns that are wrong.
    headers : tuple of (bytes, bytes)
        Further headers, such as Retry-After.
    """

    status: int
    detail: str
    problems: Sequence[Problem] = ()
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    def answer(self, request_id: str) -> Answer:
        """The problem document of RFC 9457."""
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:request:{request_id}",
        }
        if self.problems:
            content["problems"] = [found.as_dict() for found in self.problems[:MOST_PROBLEMS]]
        return Answer(self.status, orjson.dumps(content), PROBLEM_JSON, self.headers)


def refuse_rows(problems: Sequence[Problem]) -> Refusal:
    """Refusal of rows that do not fit the signature."""
    detail = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the rows"
    if len(problems) > MOST_PROBLEMS:
        detail += f", the first {MOST_PROBLEMS} are shown"
    return Refusal(422, detail, problems)
