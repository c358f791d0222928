"""Who is told of an alarm: the log, a webhook, an e-mail; a route that fails never stops the monitor.

Taught in lesson 9.2 (alerts and incidents).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlhelpers.monitoring.alerts.definition import AlertDefinition, AlertsError
from mlhelpers.monitoring.alerts.route_kinds import (
    EmailRoute,
    LogRoute,
    Message,
    RouteError,
    WebhookRoute,
)

__all__ = [
    "Delivery",
    "EmailRoute",
    "LogRoute",
    "Message",
    "Route",
    "RouteError",
    "WebhookRoute",
    "deliver",
    "make_routes",
]


@dataclass(frozen=True)
class Delivery:
    """What became of a message on one route.

    Attributes
    ----------
    route, key : str
    delivered : bool
    attempts : int
    error : str
        Empty if it was delivered; never holds the path or query of an address, which may be a secret.
    """

    route: str
    key: str
    delivered: bool
    attempts: int
    error: str = ""


class Route(Protocol):
    """Anything with a name that can send; it raises if it cannot."""

    name: str

    def send(self, message: Message) -> int:
        """Send, and return how many attempts it took."""


def deliver(message: Message, routes: Sequence[Route]) -> list[Delivery]:
    """Send a message on each route; what fails is recorded and logged, never raised.

    Taught in lesson 9.2.

    Parameters
    ----------
    message : Message
    routes : sequence of Route

    Returns
    -------
    list of Delivery
        One for each route, in their order.
    """
    deliveries = []
    for route in routes:
        try:
            attempts = route.send(message)
            deliveries.append(Delivery(route.name, message.key, True, attempts))
        except Exception as error:  # noqa: BLE001  a broken route must not end the monitor
            attempts = getattr(error, "attempts", 1)
            text = str(error) if isinstance(error, RouteError) else f"{type(error).__name__}: {error}"
            deliveries.append(Delivery(route.name, message.key, False, attempts, text))
            logging.getLogger("mlhelpers.monitoring").error(
                "route %s failed for %s: %s", route.name, message.key, text
            )
    return deliveries


def make_routes(
    definition: AlertDefinition, severity: str, *, environment: Mapping[str, str] | None = None
) -> list[Route]:
    """Routes of a severity, as the definition of alerts has them.

    Taught in lesson 9.2.

    Parameters
    ----------
    definition : AlertDefinition
    severity : str
        Such as "page".
    environment : mapping of str to str, optional
        Where secret addresses are looked up; ``os.environ`` without it.

    Returns
    -------
    list of Route
        A webhook whose variable is not set is there too: it fails with that reason when it is used, so that
        the other routes still are.

    Raises
    ------
    AlertsError
        If there is no such severity.
    """
    if severity not in definition.severities:
        raise AlertsError(f"no severity {severity!r}; there are {', '.join(definition.severities)}")
    environment = os.environ if environment is None else environment
    made: list[Route] = []
    for name in definition.severities[severity]:
        plan = definition.routes[name]
        if plan.kind == "log":
            made.append(LogRoute(name))
        elif plan.kind == "email":
            made.append(
                EmailRoute(
                    str(plan.sender),
                    plan.to,
                    name,
                    host=plan.host,
                    port=plan.port,
                    timeout=plan.timeout_seconds,
                )
            )
        else:
            url = plan.url or environment.get(str(plan.url_env), "")
            try:
                made.append(WebhookRoute(url, name, timeout=plan.timeout_seconds, attempts=plan.attempts))
            except ValueError:
                where = plan.url_env or "url"
                made.append(_Unusable(name, f"{where} holds no address that starts with http:// or https://"))
    return made


@dataclass(frozen=True)
class _Unusable:
    name: str
    reason: str

    def send(self, message: Message) -> int:
        raise RouteError(self.reason, 0)
