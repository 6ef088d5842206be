"""The server: a socket, a log, uvicorn, and a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import json
import logging
import logging.handlers
import os
import queue
import re
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from indexer.errors import VitrineError
from service.http.app import KEEP_ALIVE_S, create_app
from service.http.connections import raise_open_files
from service.http.protocol import HttpProtocol
from service.runtime.ending import Ending
from service.runtime.seldom import Seldom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fastapi import FastAPI

    from service.http.protocol import Front
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

_ACCESS = ("method", "path", "status", "bytes", "ms", "request_id")
_LOGGED = {
    "vitrine": logging.INFO,
    "search": logging.INFO,
    "indexer": logging.INFO,
    "uvicorn": logging.WARNING,
    "asyncio": logging.ERROR,
    "python_multipart": logging.ERROR,  # it warns of every broken form; the client is told
}
_BACKLOG = 2048  # connections that the system keeps until they are accepted
# Accepted in one turn of the event loop: each takes a file before anybody can count it.
_ACCEPTED_AT_ONCE = 16
# How long a thread may keep the interpreter from the others. The event loop lets go of it with
# each packet that it reads or writes, and waits so long to get it back while photos are decoded.
_SWITCH_S = 0.0005
_FLUSH_S = 0.5
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class CannotListen(VitrineError):
    """The address is taken, or not ours."""


def serve(settings: Settings, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; running requests get ``settings.shutdown_grace_s``.

    What still runs then is cut: the process ends. ``ready`` is called with the URL once requests
    are answered. Raises CannotListen, in one line, when the address cannot be had.
    """
    sys.setswitchinterval(_SWITCH_S)
    raise_open_files(settings.max_connections)
    with listen(settings.host, settings.port) as listener, _logging() as flush, _graceful_signals():
        server = server_of(create_app(settings), settings, flush=flush)
        server.ready = (lambda: ready(url_of(listener))) if ready else None
        server.run(sockets=[listener])


def server_of(
    app: FastAPI, settings: Settings, *, flush: Callable[[], None] = lambda: None
) -> Server:
    """Return the server of an app that ``create_app`` made; ``flush`` writes the log out."""
    front: Front = app.state.front
    config = uvicorn.Config(
        app,
        http=functools.partial(HttpProtocol, front=front),  # type: ignore[arg-type]
        ws="none",
        loop="asyncio",
        access_log=False,
        log_config=None,
        lifespan="on",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=_ACCEPTED_AT_ONCE,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
    )

    def last() -> None:
        app.state.cut()
        flush()

    return Server(config, front, Ending(settings.shutdown_grace_s, last))


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free port. Raises CannotListen."""
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
    """Return the address to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn's server, with bounded connections and a bounded end."""

    def __init__(self, config: uvicorn.Config, front: Front, ending: Ending) -> None:
        super().__init__(config)
        self.ready: Callable[[], None] | None = None
        self._front = front
        self._ending = ending
        self._sweeper: asyncio.Task[None] | None = None
        self._seldom = Seldom(logger, logging.ERROR)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        super().run(sockets)
        if not self.force_exit:  # forced by a second SIGINT, threads may still run
            self._ending.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        asyncio.get_running_loop().set_exception_handler(self._note)
        await super().startup(sockets)
        for listener in sockets or ():
            # asyncio takes one number for both: what waits in the system, and what it accepts
            # in one turn.
            listener.listen(_BACKLOG)
        self._sweeper = asyncio.create_task(self._front.connections.sweep_forever())
        if self.started and self.ready is not None:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        self._ending.begin()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See ``uvicorn.Server``."""
        self._ending.begin()
        super().handle_exit(sig, frame)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Log what went wrong in the event loop; effects of a flood once a minute."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            self._seldom.log("files", f"no connection can be accepted: {error.strerror}")
            return
        loop.default_exception_handler(context)


@contextlib.contextmanager
def _graceful_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the service gracefully.

    uvicorn raises them again once it has stopped, to whoever handled them before; that would be
    a traceback for the one and a killed process, its last log lines unwritten, for the other.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in ends]
    try:
        yield
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)


class _Lines(logging.Formatter):
    """An access record as one line of JSON, anything else as text without control characters.

    A path, an id or a title that is logged must neither forge a line nor command a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "vitrine.access":
            fields = {name: getattr(record, name) for name in _ACCESS}
            return json.dumps({"time": self.formatTime(record), **fields})
        return _CONTROL.sub(_escaped, super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = record.message.replace("\n", "\\n")  # a traceback keeps its lines
        return super().formatMessage(record)


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


@contextlib.contextmanager
def _logging() -> Iterator[Callable[[], None]]:
    """Log to stderr from a thread of its own: a slow terminal must not slow a request.

    Gives what writes out all that is queued, or as much as half a second allows.
    """
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(_Lines("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    listener = logging.handlers.QueueListener(records, out)
    handler = _Enqueue(records)
    loggers = [logging.getLogger(name) for name in _LOGGED]
    before = [logged.level for logged in loggers]
    for logged, level in zip(loggers, _LOGGED.values(), strict=True):
        logged.addHandler(handler)
        logged.setLevel(level)
    listener.start()

    def flush() -> None:
        # Not in this thread: the reader of stderr may have stopped reading.
        stopping = threading.Thread(target=listener.stop, daemon=True)
        stopping.start()
        stopping.join(_FLUSH_S)

    try:
        yield flush
    finally:
        listener.stop()
        for logged, level in zip(loggers, before, strict=True):
            logged.removeHandler(handler)
            logged.setLevel(level)


class _Enqueue(logging.handlers.QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # formatted by the listener: the records do not leave the process
