"""A server of pictures on this machine, for tests of what fetches them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


class ImageServer:
    """Serves ``pictures`` by path; ``answers`` replace what is sent, ``hits`` count the requests.

    With ``marks``, a picture has an ETag, and the answer to a request with it is 304.
    """

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], Answer | None]] = {}
        self.hits: Counter[str] = Counter()
        self.sent: Counter[int] = Counter()  # answers by status
        self.marks = True
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, path: str) -> str:
        """The URL of a path that begins with a slash."""
        return f"http://{self.host}{path}"

    def close(self) -> None:
        """Stop serving."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> Answer | None:
        """Count a request, and return the answer; None if it was sent already."""
        with self._lock:
            self.hits[request.path] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            made = self.answers.get(request.path)
            found = self._picture(request) if made is None else made(request)
        finally:
            with self._lock:
                self._at_once -= 1
        if found is not None:
            self.sent[found[0]] += 1
        return found

    def _picture(self, request: BaseHTTPRequestHandler) -> Answer:
        data = self.pictures.get(request.path)
        if data is None:
            return 404, {}, b"no such picture"
        if not self.marks:
            return 200, {}, data
        etag = f'"{hash(data):x}"'
        if request.headers["If-None-Match"] == etag:
            return 304, {"ETag": etag}, b""
        return 200, {"ETag": etag, "Content-Type": "image/jpeg"}, data


def _handler(server: ImageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client left without reading a whole answer
                super().handle()

        def do_GET(self) -> None:
            found = server.answer(self)
            if found is None:
                self.close_connection = True
                return
            status, headers, body = found
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # the client may be gone
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler
