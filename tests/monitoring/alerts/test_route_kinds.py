import logging
import smtplib
import socket
import threading

import pytest

from mlhelpers.monitoring.alerts import (
    Delivery,
    EmailRoute,
    LogRoute,
    Message,
    WebhookRoute,
    deliver,
    load_alerts,
    make_routes,
)

MESSAGE = Message("w044-data-data_gb", "ticket", "data_gb is broken", "# Incident\n\nLook.", {"week": 44})


def test_webhook_gets_the_whole_message_and_a_key_against_repetition(receiver):
    assert deliver(MESSAGE, [WebhookRoute(receiver.url)]) == [Delivery("webhook", MESSAGE.key, True, 1)]
    path, headers, body = receiver.got[0]
    assert (path, headers["Idempotency-Key"]) == ("/hook/s3cret", MESSAGE.key)
    assert body == {
        "key": MESSAGE.key, "severity": "ticket", "title": "data_gb is broken", "text": MESSAGE.text,
        "content": {"week": 44},
    }  # fmt: skip


def test_webhook_tries_again_and_waits_twice_as_long_each_time(receiver):
    receiver.statuses, waits = [503, None, 429, 200], []
    route = WebhookRoute(receiver.url, attempts=5, backoff=0.5, sleep=waits.append)
    assert deliver(MESSAGE, [route]) == [Delivery("webhook", MESSAGE.key, True, 4)]
    assert waits == [0.5, 1.0, 2.0]


def test_webhook_gives_up_after_its_attempts(receiver):
    receiver.statuses, waits = [500], []
    answer = deliver(MESSAGE, [WebhookRoute(receiver.url, attempts=3, sleep=waits.append)])[0]
    assert (answer.delivered, answer.attempts, answer.error) == (False, 3, "127.0.0.1: status 500")
    assert len(receiver.got) == 3


def test_refused_message_is_not_sent_again(receiver):
    receiver.statuses = [404]
    answer = deliver(MESSAGE, [WebhookRoute(receiver.url, sleep=pytest.fail)])[0]
    assert (answer.attempts, answer.error) == (1, "127.0.0.1 answered status 404")


def test_receiver_that_never_answers_is_left_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/s3cret"
        route = WebhookRoute(url, timeout=0.1, attempts=2, sleep=lambda seconds: None)
        answer = deliver(MESSAGE, [route])[0]
    assert (answer.delivered, answer.attempts, answer.error) == (False, 2, "127.0.0.1: TimeoutError")


def test_secret_address_is_neither_shown_nor_logged(receiver, caplog):
    receiver.statuses = [400]
    route = WebhookRoute(receiver.url)
    answer = deliver(MESSAGE, [route])[0]
    assert "s3cret" not in repr(route) + repr(answer) + caplog.text


def test_log_line_stays_one_line(caplog):
    with caplog.at_level(logging.WARNING, "mlhelpers.monitoring"):
        LogRoute().send(Message("k", "page", "a\nERROR forged", ""))
    assert caplog.messages == ["page k a\\nERROR forged"]


def test_email_is_made_and_kept_without_a_host():
    outbox = []
    route = EmailRoute("mle@example.com", ("a@example.com", "b@example.com"), outbox=outbox.append)
    assert deliver(MESSAGE, [route])[0].delivered
    mail = outbox[0]
    assert mail["To"] == "a@example.com, b@example.com"
    assert mail["Subject"] == "[ticket] data_gb is broken"
    assert mail.get_content().startswith("# Incident")


def test_title_cannot_add_a_header_to_the_email():
    mail = EmailRoute("a@example.com", ("b@example.com",)).compose(
        Message("k", "page", "x\r\nBcc: everyone@example.com", "text")
    )
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[page] x Bcc: everyone@example.com"


def test_email_without_host_and_outbox_is_a_recorded_failure():
    answer = deliver(MESSAGE, [EmailRoute("a@example.com", ("b@example.com",))])[0]
    assert (answer.delivered, answer.error) == (
        False,
        "no host to send by and no outbox to keep the text in",
    )


def test_email_is_sent_by_smtp_if_a_host_is_given():
    """A mail server that speaks as much SMTP as one message needs."""
    got = []

    def serve(listener):
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb", 0) as stream:
            stream.write(b"220 ready\r\n")
            for line in stream:
                word = line[:4].upper()
                if word == b"DATA":
                    stream.write(b"354 go on\r\n")
                    for part in iter(stream.readline, b".\r\n"):
                        got.append(part)
                stream.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        host, port = listener.getsockname()
        route = EmailRoute("a@example.com", ("b@example.com",), host=host, port=port)
        assert deliver(MESSAGE, [route])[0].delivered
        thread.join(5)
    assert b"Subject: [ticket] data_gb is broken\r\n" in got


def test_mail_server_that_is_not_there_is_a_recorded_failure():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    route = EmailRoute("a@example.com", ("b@example.com",), host="127.0.0.1", port=port)
    assert "ConnectionRefusedError" in deliver(MESSAGE, [route])[0].error
    with pytest.raises((OSError, smtplib.SMTPException)):
        route.send(MESSAGE)


def test_webhook_without_its_variable_fails_when_used_and_not_before(monkeypatch):
    monkeypatch.delenv("MLE_ALERT_WEBHOOK", raising=False)
    answers = deliver(MESSAGE, make_routes(load_alerts(), "page")[:2])
    assert [answer.delivered for answer in answers] == [True, False]
    assert answers[1].error == "MLE_ALERT_WEBHOOK holds no address that starts with http:// or https://"
