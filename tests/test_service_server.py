"""The service as a process serves it: a real socket, a log, clients that hang up, a clean end."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn

from indexer.encoders.color import ColorEncoder
from search.hits import Reply
from service.http.app import create_app
from service.http.server import CannotListen, listen, url_of
from service.settings import Settings

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def listening(app):
    """Serve an app on a free port, in a thread; gives the port and uvicorn's server."""
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1], server
        finally:
            server.should_exit = True
            thread.join(120)
            assert not thread.is_alive()


@pytest.fixture
def served(tiny_shop):
    """The port of a service on ``tiny_shop``, and its server."""
    settings = Settings(shop=tiny_shop, max_upload_mb=1, queue_deadline_s=120)
    with listening(create_app(settings)) as (port, server):
        yield port, server


@pytest.fixture
def port(served):
    return served[0]


def form(photo: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    return head + photo + b"\r\n--b--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def test_photos_are_answered_over_a_kept_connection(port, photo):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for color in ("red", "green", "blue"):
        connection.request("POST", "/v1/search/image", form(photo(color)), FORM)
        reply = json.loads(connection.getresponse().read())
        assert reply["hits"][0]["item_id"].startswith(color)
    connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_reads_the_refusal(port, chunked):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    block = bytes(100_000)
    if chunked:
        blocks = (block for _ in range(15))
        connection.request("POST", "/v1/search/image", blocks, FORM, encode_chunked=True)
    else:
        connection.request("POST", "/v1/search/image", block * 15, FORM)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["code"] == "too_large"
    connection.close()


def test_a_client_that_asks_before_sending_is_refused_before_sending(port):
    with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
        client.sendall(
            b"POST /v1/search/image HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n"
            b"Expect: 100-continue\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_head_request_gets_a_length_and_no_body(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("HEAD", "/v1/items/red-shoe/image")
    response = connection.getresponse()
    assert response.status == 200
    assert int(response.headers["content-length"]) > 100
    assert response.read() == b""
    connection.request("GET", "/livez")
    assert connection.getresponse().read().startswith(b'{"status":"ok"')
    connection.close()


def test_a_client_that_hangs_up_is_not_searched_for(photo):
    began = threading.Event()
    free = threading.Event()
    searched: list[int] = []

    class SlowEncoder(ColorEncoder):
        def encode_images(self, pixels):
            began.set()
            assert free.wait(120)
            return super().encode_images(pixels)

    class Engine:
        encoder = SlowEncoder()
        generation = "000001"

        def search(self, query):
            searched.append(len(query.parts))
            return Reply(
                hits=[],
                total=0,
                generation="000001",
                encoder="color",
                mode="exact",
                timings={},
            )

        def refresh(self):
            return False

        def close(self):
            pass

    settings = Settings(queue_deadline_s=120)
    app = create_app(settings, open_engine=lambda _: Engine(), current=lambda: "000001")
    with listening(app) as (port, server):
        body = form(photo("red"))
        request = (
            b"POST /v1/search/image HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" % len(body)
        )
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request + body)
            assert began.wait(120)
        for _ in range(12_000):
            if not server.server_state.connections:  # the server sees that the client is gone
                break
            time.sleep(0.01)
        assert not server.server_state.connections
        free.set()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v1/search/image", body, FORM)
        assert connection.getresponse().status == 200
        connection.close()
    assert searched == [1]  # the second client's question alone


def test_a_port_that_is_taken_is_said_in_one_line():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen) as error:
            listen("127.0.0.1", port)
    assert str(error.value) == (
        f"cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another with --port"
    )


def test_an_address_that_is_not_ours_is_said_in_one_line():
    with pytest.raises(CannotListen, match=r"cannot listen on 203\.0\.113\.7 port 80"):
        listen("203.0.113.7", 80)
    with pytest.raises(CannotListen, match=r"no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 80)


def test_replies_are_not_held_back_for_an_acknowledgment(served):
    """Nagle's algorithm against delayed acknowledgments costs 40 ms a reply, where it is on."""
    port, server = served
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v1/items/red-shoe")
    connection.getresponse().read()
    (accepted,) = server.server_state.connections
    socket_of = accepted.transport.get_extra_info("socket")
    assert socket_of.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_the_address_is_one_to_type_into_a_browser():
    with listen("0.0.0.0", 0) as listener:
        assert url_of(listener) == f"http://localhost:{listener.getsockname()[1]}"
    with listen("127.0.0.1", 0) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")


SERVE = """
import sys
from pathlib import Path
from service.http.server import serve
from service.settings import Settings
serve(Settings(shop=Path(sys.argv[1]), port=0), ready=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_a_process_tells_its_address_logs_requests_and_ends_well(tiny_shop, end):
    command = [sys.executable, "-c", SERVE, str(tiny_shop)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        connection.request("GET", "/v1/items/red-shoe?x=1", headers={"X-Request-ID": "me-1"})
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(end)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0
    (line,) = (line for line in log.splitlines() if " access " in line)
    found = dict(field.split("=") for field in line.split(" access ")[1].split())
    assert (found["path"], found["method"]) == ("/v1/items/red-shoe", "GET")
    assert (found["status"], found["request_id"]) == ("200", "me-1")
    assert int(found["bytes"]) > 100
    assert float(found["ms"]) > 0
    assert "generation 000001 serves" in log
    assert "Traceback" not in log


STUCK = """
import sys, threading
from pathlib import Path
from service.http import app
from service.http import server
from service.settings import Settings
from indexer.encoders.color import ColorEncoder

class Stuck(ColorEncoder):
    def encode_images(self, pixels):
        print("stuck", flush=True)
        threading.Event().wait()

def create(settings, **_):
    real = app._open_shop(settings, None, None)
    real.encoder = Stuck()
    return app.create_app(settings, open_engine=lambda _: real, current=lambda: "000001")

server.create_app = create
server.serve(
    Settings(shop=Path(sys.argv[1]), port=0, shutdown_grace_s=1),
    ready=lambda url: print(url, flush=True),
)
"""


@pytest.mark.slow
def test_a_process_ends_within_its_grace_whatever_still_runs(tiny_shop, photo):
    command = [sys.executable, "-c", STUCK, str(tiny_shop)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        connection.request("POST", "/v1/search/image", form(photo("red")), FORM)
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)  # for ever without the cut
    assert process.returncode == 0
    assert "some work did not end within 1 s; it is cut off" in log
    connection.close()


def test_a_log_line_can_neither_be_forged_nor_command_a_terminal():
    from service.http.server_log import LineFormatter

    record = logging.LogRecord("x", 40, "", 0, "no %s", ("a\n\x1b[31m\x9bm",), None)
    assert LineFormatter(as_json=False).format(record).endswith(r" ERROR no a\n\x1b[31m\x9bm")
    line = LineFormatter(as_json=True).format(record)
    assert json.loads(line)["message"] == "no a\n\x1b[31m\x9bm"
    assert line.isprintable()


def test_a_request_is_logged_in_the_format_of_all_other_lines():
    from service.http.server_log import LineFormatter

    record = logging.LogRecord("vitrine.audit", 20, "", 0, "", (), None)
    fields = {"key": "the till", "client": "10.0.0.7", "method": "PUT", "path": "/v1/items\x1b",
              "status": 200, "request_id": "a-1"}  # fmt: skip
    vars(record).update(fields)
    time, rest = LineFormatter(as_json=False).format(record).split(" ", 1)
    assert re.fullmatch(r".{19}[+-]\d{4}", time)  # with its zone
    assert rest == (
        'INFO audit key="the till" client=10.0.0.7 method=PUT path=/v1/items\\x1b status=200 '
        "request_id=a-1"
    )
    line = json.loads(LineFormatter(as_json=True).format(record))
    assert line == {"time": time, "log": "audit", **fields}


def test_what_a_flood_causes_is_logged_once_a_minute(caplog, monkeypatch):
    from service.runtime import throttled_log

    now = [0.0]
    monkeypatch.setattr(throttled_log.time, "monotonic", lambda: now[0])
    log = throttled_log.ThrottledLog(logging.getLogger("flood"), logging.ERROR)
    for _ in range(1000):
        log.log("files", "no room")
    now[0] = 61
    log.log("files", "no room")
    assert [one.getMessage() for one in caplog.records] == [
        "no room",
        "no room (999 more since the last)",
    ]
