"""The service as a function that is called with one event: AWS Lambda behind API Gateway or a load balancer.

Taught in lesson 7.4 (Kubernetes and serverless). It is the service of `mle serve`, asked without a socket.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote

from mlhelpers.serving.app import PredictionApp

_TEXT = ("application/json", "application/problem+json", "text/", "image/svg")


class EventError(ValueError):
    """An event is none of those that a function is called with over HTTP."""


def lambda_handler(app: PredictionApp) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """Make the handler of a function from an application.

    Taught in lesson 7.4. Made once, while the function starts, and called for each event after that; the work
    of loading the model is in the start.

    Parameters
    ----------
    app : PredictionApp
        From `create_app`. Make it with ``drain_seconds=0``: a function is frozen between two events, so
        nothing can run in the background, and no bundle is watched.

    Returns
    -------
    callable
        ``handler(event, context)``: from an event of API Gateway (REST API, version 1.0; HTTP API or function
        URL, version 2.0) or of an application load balancer to the answer that they expect: statusCode,
        headers, body, isBase64Encoded.

    Raises
    ------
    EventError
        By the handler, if the event is of another kind, such as one of a queue; named by what it lacks.
    """

    def handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        scope, body = _scope(event)
        answer: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer["status"], answer["headers"] = message["status"], message["headers"]
            else:
                answer["body"] += message.get("body", b"")

        asyncio.run(app(scope, receive, send))
        app.log.flush()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer["headers"]}
        plain = headers.get("content-type", "").startswith(_TEXT)
        content = (
            answer["body"].decode("utf-8") if plain else base64.b64encode(answer["body"]).decode("ascii")
        )
        return {
            "statusCode": answer["status"],
            "headers": headers,
            "body": content,
            "isBase64Encoded": not plain,
        }

    return handler


def _scope(event: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    if not isinstance(event, Mapping):
        raise EventError(f"the event is {type(event).__name__}, not an object")
    about = event.get("requestContext") or {}
    if "http" in about:  # version 2.0
        method, path, query = about["http"]["method"], event["rawPath"], event.get("rawQueryString") or ""
        source, stage = about["http"].get("sourceIp"), about.get("stage", "$default")
        if stage != "$default":
            path = path.removeprefix(f"/{stage}") or "/"
    elif "httpMethod" in event and "path" in event:  # version 1.0, and load balancers
        method, path = event["httpMethod"], event["path"]
        query = "&".join(
            f"{quote_plus(name)}={quote_plus(str(value))}"
            for name, value in (event.get("queryStringParameters") or {}).items()
        )
        source = (about.get("identity") or {}).get("sourceIp")
    else:
        raise EventError(
            "the event has neither requestContext.http nor httpMethod and path: "
            "call this function through API Gateway, a function URL or a load balancer"
        )
    given = event.get("headers") or {
        name: ",".join(values) for name, values in (event.get("multiValueHeaders") or {}).items()
    }
    headers = {str(name).lower(): str(value) for name, value in given.items()}
    headers.setdefault("host", "lambda")
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            content = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise EventError(f"the body is said to be base64 and is not: {error}") from error
    else:
        content = body.encode("utf-8")
    headers["content-length"] = str(len(content))  # of what is read here, whatever the event was before
    headers.pop("transfer-encoding", None)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode("utf-8"),
        "root_path": "",
        "query_string": query.encode("utf-8"),
        "headers": [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers.items()],
        "client": (source, 0) if source else None,
        "server": ("lambda", 443),
    }
    return scope, content
