import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest
import uvicorn

from mlhelpers.serving import protocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.8)
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port():
    before, protocol.HEAD_SECONDS = protocol.HEAD_SECONDS, 0.4
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol.LimitedHeads, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    protocol.HEAD_SECONDS = before


@pytest.fixture
def link(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        yield link


def everything(link):
    found = b""
    while chunk := link.recv(65536):
        found += chunk
    return found


def test_complete_head_is_answered_however_it_comes(link):
    for part in (REQUEST[:5], REQUEST[5:], REQUEST):  # one in two parts, another on the same connection
        link.sendall(part)
        time.sleep(0.1)
    assert link.recv(65536).count(b"200 OK") == 2
    link.sendall(REQUEST[:5])  # and a third that never ends
    assert everything(link).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", [b"GET / HTT", REQUEST[:-2], REQUEST + REQUEST[:-2]])
def test_head_that_never_ends_is_answered_with_408(link, sent):
    start = time.monotonic()
    link.sendall(sent)
    found = everything(link)
    assert b"HTTP/1.1 408 Request Timeout" in found
    assert found.count(b"200 OK") == sent.count(b"\r\n\r\n")
    assert 0.3 < time.monotonic() - start < 3


def test_bytes_now_and_then_do_not_help(link):
    start = time.monotonic()
    link.settimeout(0.05)
    link.sendall(REQUEST[:-2] + b"X: ")
    found = b""
    while time.monotonic() - start < 3 and not found:
        link.sendall(b"x")
        try:
            found = link.recv(65536)
        except TimeoutError:
            continue
    assert found.startswith(b"HTTP/1.1 408")


def test_connection_without_a_byte_is_closed(link):
    assert everything(link) == b""


def test_large_head_is_answered_with_431(link):
    link.sendall(REQUEST[:-2] + b"X: ")
    for _ in range(80):
        try:
            link.sendall(b"x" * 1000)
        except ConnectionError:  # the answer came before everything was sent
            break
        time.sleep(0.001)
    with suppress(ConnectionResetError):
        assert b"HTTP/1.1 431" in everything(link)


def test_request_being_answered_is_not_cut_off_by_the_next_head(link):
    link.sendall(REQUEST.replace(b"/ ", b"/slow ") + REQUEST[:-2])
    found = everything(link)
    assert found.index(b"200 OK") < found.index(b"408 Request Timeout")
