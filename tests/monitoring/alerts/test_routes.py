import logging
import socket

import pytest

from mlhelpers.monitoring.alerts import (
    AlertsError,
    Delivery,
    LogRoute,
    Message,
    WebhookRoute,
    deliver,
    load_alerts,
    make_routes,
)
from mlhelpers.monitoring.alerts.route_kinds import RouteError

MESSAGE = Message("w044-data-data_gb", "ticket", "data_gb is broken", "# Incident\n\nLook.", {"week": 44})


def test_failure_is_recorded_and_logged_and_the_next_route_still_runs(caplog):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/s3cret"
    with caplog.at_level(logging.WARNING, "mlhelpers.monitoring"):
        answers = deliver(MESSAGE, [WebhookRoute(url, attempts=1), LogRoute()])
    assert [answer.delivered for answer in answers] == [False, True]
    assert answers[0].error == "127.0.0.1: ConnectionRefusedError"
    assert "route webhook failed for w044-data-data_gb" in caplog.text
    assert "ticket w044-data-data_gb data_gb is broken" in caplog.text


def test_route_that_breaks_in_any_way_never_stops_the_monitor(receiver):
    class Broken:
        name = "broken"

        def send(self, message):
            raise RuntimeError("out of order")

    answers = deliver(MESSAGE, [Broken(), WebhookRoute(receiver.url)])
    assert answers[0] == Delivery("broken", MESSAGE.key, False, 1, "RuntimeError: out of order")
    assert answers[1].delivered
    unfit = Message("k", "page", "t", "x", {"when": object()})
    assert "not JSON serializable" in deliver(unfit, [WebhookRoute(receiver.url)])[0].error


def test_routes_come_from_the_definition_and_secrets_from_the_environment(receiver):
    definition = load_alerts()
    routes = make_routes(definition, "page", environment={"MLE_ALERT_WEBHOOK": receiver.url})
    assert [route.name for route in routes] == ["log", "chat", "mail"]
    assert deliver(MESSAGE, routes[:2])[1] == Delivery("chat", MESSAGE.key, True, 1)
    assert [route.name for route in make_routes(definition, "ticket")] == ["log", "mail"]


def test_unusable_routes_are_refused():
    with pytest.raises(AlertsError, match="no severity 'pager'; there are page, ticket"):
        make_routes(load_alerts(), "pager")
    with pytest.raises(ValueError, match="must start with http"):
        WebhookRoute("file:///etc/passwd")
    with pytest.raises(ValueError, match="attempts >= 1"):
        WebhookRoute("http://a.example", attempts=0)
    assert RouteError("x", 2).attempts == 2
