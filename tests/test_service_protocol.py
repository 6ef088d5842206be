"""One connection at a time, byte by byte: what is refused, what is closed, what is forgotten."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time

import pytest

from service.http.app import create_app
from service.http.gate import RequestQueue
from service.http.server import listen, server_of
from service.settings import Settings

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = GET[:-2] + b"Connection: close\r\n\r\n"
PATIENCE = 120  # seconds until a test gives a server up; no test takes a part of that


@contextlib.contextmanager
def listening(shop, **options):
    """The service as ``vitrine serve`` runs it, in a thread; gives its port and its app."""
    settings = Settings(shop=shop, request_log=False, **options)
    app = create_app(settings)
    with listen("127.0.0.1", 0) as listener:
        server = server_of(app, settings)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1], app
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def port(tiny_shop):
    with listening(tiny_shop) as (port, _):
        yield port


def connected(port, source: str | None = None) -> socket.socket:
    """A connection to the server, from another address of this machine if ``source`` names one."""
    return socket.create_connection(
        ("127.0.0.1", port), PATIENCE, source_address=(source, 0) if source else None
    )


def rest_of(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    got = b""
    while more := client.recv(65536):
        got += more
    return got


def sent(port, data: bytes, *, source: str | None = None) -> bytes:
    """All that comes back until the server closes, which ``data`` must make it do."""
    with connected(port, source) as client:
        client.sendall(data)
        return rest_of(client)


def post(*headers: str, body: bytes = b"") -> bytes:
    lines = ["POST /v1/search HTTP/1.1", "Host: x", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


NOT_HTTP = {
    "length and coding": post("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding and length": post("Transfer-Encoding: chunked", "Content-Length: 0", body=b"0\r\n\r\n"),
    "coding in 1.0": GET.replace(b"1.1", b"1.0").replace(
        b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "bare line feeds": GET.replace(b"\r\n", b"\n"),
    "one bare line feed": b"GET /livez HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "a bare line feed at the end": b"GET /livez HTTP/1.1\r\nHost: x\r\n\n",
    "folded by a blank": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    "folded by a tab": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n\r\n",
    "a bare line feed in a trailer": post("Transfer-Encoding: chunked", body=b"0\r\nX: y\n\r\n"),
    "a bare line feed for a trailer": post("Transfer-Encoding: chunked", body=b"0\r\n\n"),
    "a folded trailer": post("Transfer-Encoding: chunked", body=b"0\r\nX: y\r\n z\r\n\r\n"),
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "nonsense": b"hello\r\n\r\n",
    "differing lengths": post("Content-Length: 5", "Content-Length: 6", body=b"null "),
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_two_readers_could_read_differently_is_refused_and_closes(port, name):
    got = sent(port, NOT_HTTP[name] + GET)
    assert got.count(b"HTTP/1.1 ") == 1, got
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    lower = head.lower()
    assert b"connection: close" in lower
    assert b"content-type: application/problem+json" in lower
    assert b"content-security-policy: " in lower
    problem = json.loads(body)
    assert problem["code"] == "bad_request"
    assert f"x-request-id: {problem['request_id']}".encode() in lower
    assert "bytearray" not in problem["detail"]


CHUNKED = ("Transfer-Encoding: chunked", "Connection: close")


def test_a_body_in_a_million_tiny_chunks_is_refused(port):
    body = b"1\r\n \r\n" * 10_000 + b"0\r\n\r\n"
    got = sent(port, post(*CHUNKED, body=body))
    assert got.startswith(b"HTTP/1.1 400 ")
    assert b"the body has 5040 chunks for 5040 bytes" in got


def test_a_long_body_in_chunks_of_a_line_is_read(port):
    line = b" " * 200
    chunks = (b"%x\r\n%s\r\n" % (len(part), part) for part in [line] * 10_000 + [b"null"])
    got = sent(port, post(*CHUNKED, body=b"".join(chunks) + b"0\r\n\r\n"))
    assert got.startswith(b"HTTP/1.1 422 ")
    assert b"should be an object" in got


def test_an_unknown_coding_and_long_headers_have_their_own_status(port):
    assert sent(port, post("Transfer-Encoding: gzip")).startswith(b"HTTP/1.1 501 ")
    assert sent(port, GET[:-2] + b"X: " + b"y" * 70_000).startswith(b"HTTP/1.1 431 ")


def test_what_the_parser_refuses_is_counted(tiny_shop):
    with listening(tiny_shop) as (port, _):
        sent(port, b"hello\r\n\r\n")
        text = sent(port, LAST.replace(b"/livez", b"/metrics")).decode()
    assert 'vitrine_requests_total{method="other",pid=' in text
    assert 'route="other",status="400"} 1.0' in text


def test_two_requests_in_one_packet_have_two_answers(port):
    assert sent(port, GET + LAST).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("begun", [b"", b"GET /livez HTTP/1.1\r\nX: ", GET + b"GET /l"])
def test_a_connection_that_sends_no_headers_is_closed(tiny_shop, begun):
    with listening(tiny_shop, header_timeout_s=0.3) as (port, app):
        assert app.state.protocol_context.connections.limits.head == 0.3
        got = sent(port, begun)
        assert (b"HTTP/1.1 408" in got) == bool(begun)


def test_a_body_that_trickles_is_given_up(tiny_shop):
    with (
        listening(tiny_shop, body_timeout_s=0.5, header_timeout_s=5) as (port, _),
        connected(port) as client,
    ):
        client.sendall(post("Content-Length: 1000"))
        sent_bytes = 0
        while not select.select([client], [], [], 0.1)[0]:  # never a pause of half a second
            client.sendall(b" ")
            sent_bytes += 1
            assert sent_bytes < 1000, "all of the body could be sent"
        assert client.recv(100).startswith(b"HTTP/1.1 408")


def test_the_rest_of_a_refused_body_cannot_trickle_for_ever(tiny_shop):
    def trickle(client) -> None:
        for _ in range(PATIENCE * 10):
            client.sendall(b" ")
            time.sleep(0.1)

    with (
        listening(tiny_shop, header_timeout_s=0.3, max_upload_mb=1) as (port, _),
        connected(port) as client,
    ):
        client.sendall(post("Content-Length: 9000000"))
        assert client.recv(100).startswith(b"HTTP/1.1 413")
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken, as the system likes
            trickle(client)


def test_a_flood_of_connections_displaces_itself_and_no_other(tiny_shop):
    with listening(tiny_shop, max_connections=8) as (port, app), contextlib.ExitStack() as stack:
        other = stack.enter_context(connected(port, "127.0.0.2"))
        flood = [stack.enter_context(connected(port)) for _ in range(30)]
        assert sent(port, LAST, source="127.0.0.3").startswith(b"HTTP/1.1 200")
        assert len(app.state.protocol_context.connections) <= 8
        other.sendall(GET)
        assert other.recv(100).startswith(b"HTTP/1.1 200")
        with contextlib.suppress(ConnectionResetError):  # the oldest went first
            assert flood[0].recv(1) == b""


def test_a_full_line_refuses_by_the_headers_and_the_connection_goes_on(tiny_shop, monkeypatch):
    with listening(tiny_shop) as (port, _):
        monkeypatch.setattr(RequestQueue, "refusal", lambda self: "64 photos wait already")
        body = b"x" * 100_000
        with connected(port) as client:
            client.sendall(post(f"Content-Length: {len(body)}"))
            got = client.recv(65536)  # before any of the body is sent
            assert got.startswith(b"HTTP/1.1 503")
            assert b"\r\nretry-after: 1\r\n" in got
            problem = json.loads(got.partition(b"\r\n\r\n")[2])
            assert (problem["code"], problem["title"]) == ("overloaded", "Overloaded")
            assert problem["detail"] == "64 photos wait already"
            client.sendall(body + GET)
            assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_health_is_never_refused_for_a_full_line(http, monkeypatch):
    monkeypatch.setattr(RequestQueue, "refusal", lambda self: "full")
    assert http.get("/livez").status_code == 200
    assert http.get("/readyz").status_code == 200
    assert http.get("/v1/items/red-shoe").status_code == 503
    assert http.post("/v1/search", json={"parts": [{"text": "mug"}]}).status_code == 503


def test_who_sends_only_headers_takes_half_of_the_room_at_most():
    queue = RequestQueue("photos", room=4)
    for _ in range(9):
        queue.expect()
    assert queue.refusal() is None
    queue.arrive()
    queue.arrive()
    assert queue.refusal() == "4 photos wait already; try again in a moment"
    queue.leave(arrived=True)
    assert queue.refusal() is None
