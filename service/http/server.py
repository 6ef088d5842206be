"""The server: its socket, uvicorn, and a shutdown within a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import logging
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from indexer.errors import VitrineError
from service.extras import check_extras
from service.http.app import KEEP_ALIVE_S, create_app
from service.http.protocol import HttpProtocol
from service.http.server_log import log_to_stderr
from service.openfiles import raise_file_limit
from service.runtime.blas import use_one_thread_each
from service.runtime.exit_timer import ExitTimer
from service.runtime.metrics import share_metrics
from service.runtime.shared_connections import FairListener
from service.runtime.supervisor import Supervisor, end_with_parent, report_ready
from service.runtime.throttled_log import ThrottledLog
from service.runtime.worker_process import WorkerProcess, shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from types import FrameType

    from fastapi import FastAPI

    from service.http.protocol import ProtocolContext
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

_BACKLOG = 2048  # connections that the kernel holds until they are accepted
# Connections accepted in one iteration of the event loop: they open files before they are counted.
_ACCEPTED_AT_ONCE = 16
# The longest time that a thread holds the GIL. The event loop releases it at every system call, and
# while photos are decoded waits this long to get it back.
_SWITCH_INTERVAL_S = 0.0005
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class CannotListen(VitrineError):
    """The address is in use, or does not belong to this machine."""


def serve(settings: Settings, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; then running requests get ``settings.shutdown_grace_s``.

    After that time the process ends, whatever still runs. ``ready`` is called with the URL once
    requests are answered. With several ``settings.workers``, this process only supervises those.
    Raises CannotListen, and BadSetting as ``create_app`` does.
    """
    check_extras(settings)  # before there are workers, which would die one after the other
    with listen(settings.host, settings.port) as listener:
        url = url_of(listener)
        report = (lambda: ready(url)) if ready else (lambda: None)
        if settings.workers == 1:
            _serve(WorkerProcess(), settings, listener, report)
            return
        with log_to_stderr(as_json=settings.log_format == "json"), shared_folder() as folder:
            Supervisor(settings, listener, folder, _serve_as_worker, ready=report).run()


def _serve_as_worker(
    worker: WorkerProcess, settings: Settings, listener: socket.socket, link: Connection
) -> None:
    """Serve in a worker process, until the supervisor sends SIGTERM or dies."""
    assert worker.metrics is not None
    share_metrics(worker.metrics, worker.number)
    end_with_parent(link)
    connections = worker.connections()
    assert connections is not None
    fair = FairListener(listener, connections)
    _serve(worker, settings, fair, lambda: report_ready(link))


def _serve(
    worker: WorkerProcess,
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[], None],
) -> None:
    """Serve in this process. ``settings`` are those of the whole service."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    use_one_thread_each()
    settings = worker.share_of(settings)
    raise_file_limit(settings.max_connections)
    with log_to_stderr(as_json=settings.log_format == "json") as flush, _graceful_signals():
        app = create_app(settings, worker=worker, own_process=True)
        accepted_at_once = _ACCEPTED_AT_ONCE if worker.count == 1 else 1
        server = server_of(app, settings, accepted_at_once, flush=flush)
        server.ready = ready
        server.run(sockets=[listener])


def server_of(
    app: FastAPI,
    settings: Settings,
    accepted_at_once: int = _ACCEPTED_AT_ONCE,
    *,
    flush: Callable[[], None] = lambda: None,
) -> Server:
    """Return the server of an app; ``flush`` writes the queued log.

    ``accepted_at_once`` is the most connections accepted in one iteration of the event loop. Of
    several processes with one socket, each should take a single one, so that others get some too.
    """
    context: ProtocolContext = app.state.protocol_context
    config = uvicorn.Config(
        app,
        http=functools.partial(HttpProtocol, context=context),  # type: ignore[arg-type]
        ws="none",
        loop="asyncio",
        access_log=False,
        log_config=None,
        lifespan="on",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=accepted_at_once,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
    )

    def before_exit() -> None:
        app.state.kill_rebuild()
        flush()

    timer = ExitTimer(settings.shutdown_grace_s, before_exit)
    return Server(config, context, timer, app.state.stop_events)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free port. Raises CannotListen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio turns Nagle's algorithm off only if the protocol is named. With it, a reply may be
        # held back for 40 ms, until the client has acknowledged its headers.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # on Windows, this lets two servers share a port
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
    """Return the URL to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn's server, with limits on connections and a time limit on the shutdown."""

    def __init__(
        self,
        config: uvicorn.Config,
        context: ProtocolContext,
        exit_timer: ExitTimer,
        stop_events: Callable[[], None] = lambda: None,
    ) -> None:
        """``stop_events`` ends the replies that otherwise last as long as their clients want."""
        super().__init__(config)
        self._stop_events = stop_events
        self.ready: Callable[[], None] | None = None
        self._context = context
        self._exit_timer = exit_timer
        self._limiter: asyncio.Task[None] | None = None
        self._throttled = ThrottledLog(logger, logging.ERROR)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        super().run(sockets)
        if not self.force_exit:  # after a second SIGINT, threads may still run
            self._exit_timer.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        asyncio.get_running_loop().set_exception_handler(self._log_loop_error)
        await super().startup(sockets)
        for listener in sockets or ():
            # asyncio uses one number for the kernel's queue and for the connections that it accepts
            # in one iteration.
            listener.listen(_BACKLOG)
        self._limiter = asyncio.create_task(self._context.connections.enforce_limits_forever())
        if self.started and self.ready is not None:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        self._exit_timer.start()
        self._stop_events()
        if self._limiter is not None:
            self._limiter.cancel()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See ``uvicorn.Server``."""
        self._exit_timer.start()
        super().handle_exit(sig, frame)

    def _log_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Log an error of the event loop; one that clients can cause, at most once a minute."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            self._throttled.log("files", f"cannot accept connections: {error.strerror}")
            return
        loop.default_exception_handler(context)


@contextlib.contextmanager
def _graceful_signals() -> Iterator[None]:
    """Ignore the SIGINT or SIGTERM that uvicorn raises again after it has stopped.

    With the default handlers, SIGINT would print a traceback, and SIGTERM would kill the process
    before it has written the last log lines.
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
