"""Running the service: a socket, a log, uvicorn, and a graceful end."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import queue
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from indexer.errors import VitrineError
from service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.settings import Settings

_ACCESS = ("method", "path", "status", "bytes", "ms", "request_id")
_LOGGED = {
    "vitrine": logging.INFO,
    "search": logging.INFO,
    "indexer": logging.INFO,
    "uvicorn": logging.WARNING,
    "python_multipart": logging.ERROR,  # it warns of every broken form; the client is told
}
_KEEP_ALIVE_S = 30
_BACKLOG = 2048


class CannotListen(VitrineError):
    """The address is taken, or not ours."""


def serve(settings: Settings, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; running requests get ``settings.shutdown_grace_s``.

    ``ready`` is called with the URL once requests are answered. Raises CannotListen, in one line,
    when the address cannot be had.
    """
    with listen(settings.host, settings.port) as listener, _logging(), _ending_well():
        config = uvicorn.Config(
            create_app(settings),
            access_log=False,
            log_config=None,
            lifespan="on",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.shutdown_grace_s,
        )
        _Server(config, url_of(listener), ready).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises CannotListen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol named, asyncio turns Nagle's algorithm off: a reply is then not held
        # back for 40 ms until the client has acknowledged its headers.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere it would let two servers share a port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(
            f"cannot listen on {host} port {port}: {reason}; choose another with --port",
            param="port",
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """The address to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, url: str, ready: Callable[[str], None] | None
    ) -> None:
        super().__init__(config)
        self._url = url
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._ready is not None:
            self._ready(self._url)


@contextlib.contextmanager
def _ending_well() -> Iterator[None]:
    """Let SIGINT and SIGTERM mean a good end.

    uvicorn raises them again once it has stopped, to whoever handled them before; that would be
    a traceback for the one and a killed process, its last log lines unwritten, for the other.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, lambda *_: None) for each in ends]
    try:
        yield
    finally:
        for each, handler in zip(ends, before, strict=True):
            signal.signal(each, handler)


class _Lines(logging.Formatter):
    """An access record as one line of JSON, anything else as text."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "vitrine.access":
            fields = {name: getattr(record, name) for name in _ACCESS}
            return json.dumps({"time": self.formatTime(record), **fields})
        return super().format(record)


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Log to stderr from a thread of its own: a slow terminal must not slow a request."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(_Lines("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    listener = logging.handlers.QueueListener(records, out)
    handler = _Enqueue(records)
    loggers = [logging.getLogger(name) for name in _LOGGED]
    before = [each.level for each in loggers]
    for each, level in zip(loggers, _LOGGED.values(), strict=True):
        each.addHandler(handler)
        each.setLevel(level)
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        for each, level in zip(loggers, before, strict=True):
            each.removeHandler(handler)
            each.setLevel(level)


class _Enqueue(logging.handlers.QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # formatted by the listener: the records do not leave the process
