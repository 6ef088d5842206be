"""Starts the worker processes of a service, restarts those that die, and ends all of them."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from service.runtime.worker_process import WorkerProcess

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from service.settings import Settings

    Serve = Callable[[WorkerProcess, Settings, socket.socket, Connection], None]

logger = logging.getLogger("vitrine.service")

_FIRST_PAUSE_S = 0.5  # before a worker that never answered is restarted; doubled each time
_MAX_PAUSE_S = 30.0
_MARGIN_S = 5.0  # added to the grace period before a worker is killed; it ends itself earlier
_READY = b"ready"


@dataclass
class _Place:
    """The place of one worker: its process, or the time when the next one is due."""

    number: int
    process: BaseProcess | None = None
    link: Connection | None = None  # closed by the system if either process dies
    began: float = 0.0
    due: float = 0.0  # when to start it, if there is no process
    pause_s: float = 0.0
    was_started: bool = False
    is_ready: bool = False  # the process answers requests


class Supervisor:
    """Runs ``count`` worker processes that accept connections from one listening socket.

    This process holds the socket too, so it stays open while workers die and start: connections
    wait in the kernel's queue. Workers are spawned, not forked, because FAISS, LMDB and threads do
    not survive a fork. They end if this process dies.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        folder: Path,
        serve: Serve,
        *,
        ready: Callable[[], None],
    ) -> None:
        """``serve`` runs in each worker: it gets its place, settings, socket and link.

        A worker calls ``report_ready`` when it answers requests. ``ready`` is called here when the
        first one does.
        """
        self._settings = settings
        self._listener = listener
        self._folder = folder
        self._serve = serve
        self._ready: Callable[[], None] | None = ready
        self._places = [_Place(number) for number in range(settings.workers)]
        self._waker, self._woken = multiprocessing.Pipe()
        self._ending = threading.Event()

    def run(self) -> None:
        """Run until SIGINT or SIGTERM, then end all workers within the grace period.

        Call it in the main thread, because it handles these signals.
        """
        self._handle_signals()
        while not self._ending.is_set():
            self._start_due()
            self._wait()
        self._end_all()

    def stop(self) -> None:
        """Make ``run`` end. Safe in a signal handler."""
        self._ending.set()
        with contextlib.suppress(OSError):
            self._waker.send_bytes(b"stop")

    def _handle_signals(self) -> None:
        # Not restored at the end: a second signal must not end this process before its workers.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())

    def _start_due(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.process is None and place.due <= now:
                self._start(place)

    def _start(self, place: _Place) -> None:
        context = multiprocessing.get_context("spawn")
        place.link, theirs = context.Pipe()
        worker = WorkerProcess(
            place.number, len(self._places), self._folder, is_replacement=place.was_started
        )
        place.process = context.Process(
            target=self._serve,
            args=(worker, self._settings, self._listener, theirs),
            name=f"vitrine-worker-{place.number}",
        )
        place.began = time.monotonic()
        place.was_started = True
        place.process.start()
        theirs.close()
        logger.info("worker %d is process %d", place.number, place.process.pid)

    def _wait(self) -> None:
        """Wait until a worker is ready or has died, one is due, or a signal has arrived."""
        waiting: list[Connection | int] = [self._woken]
        due: list[float] = []
        for place in self._places:
            if place.process is None:
                due.append(place.due)
            else:
                waiting.append(place.process.sentinel)
                if place.link is not None and not place.is_ready:
                    waiting.append(place.link)
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        found = wait(waiting, timeout)
        for place in self._places:
            if place.process is None:
                continue
            if place.link in found:
                self._read(place)
            if place.process.sentinel in found:
                self._note_death(place)

    def _read(self, place: _Place) -> None:
        assert place.link is not None
        try:
            message = place.link.recv_bytes()
        except (EOFError, OSError):  # it has died; its sentinel says so
            place.link.close()
            place.link = None
            return
        place.is_ready = message == _READY
        if place.is_ready and self._ready is not None:
            self._ready()
            self._ready = None

    def _note_death(self, place: _Place) -> None:
        assert place.process is not None
        place.process.join()
        code = place.process.exitcode
        lived = time.monotonic() - place.began
        longer = min(_MAX_PAUSE_S, max(_FIRST_PAUSE_S, 2 * place.pause_s))
        place.pause_s = 0.0 if place.is_ready else longer
        place.due = time.monotonic() + place.pause_s
        if not self._ending.is_set():
            logger.error(
                "worker %d (process %d) ended with status %s after %.0f s; it is restarted%s",
                place.number, place.process.pid, code, lived,
                f" in {place.pause_s:g} s" if place.pause_s else "",
            )  # fmt: skip
        _close(place)

    def _end_all(self) -> None:
        places = [place for place in self._places if place.process is not None]
        for place in places:
            assert place.process is not None
            place.process.terminate()
        until = time.monotonic() + self._settings.shutdown_grace_s + _MARGIN_S
        for place in places:
            assert place.process is not None
            place.process.join(max(0.0, until - time.monotonic()))
            if place.process.is_alive():
                logger.error("worker %d did not end in time; it is killed", place.number)
                place.process.kill()
                place.process.join()
            _close(place)


def _close(place: _Place) -> None:
    if place.link is not None:
        place.link.close()
        place.link = None
    if place.process is not None:
        place.process.close()
        place.process = None
    place.is_ready = False


def report_ready(link: Connection) -> None:
    """Tell the supervisor, from a worker, that it answers requests."""
    with contextlib.suppress(OSError):
        link.send_bytes(_READY)


def end_with_parent(link: Connection) -> None:
    """End this worker as by SIGTERM when the supervisor dies, even if it is killed."""

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            link.recv_bytes()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="vitrine-parent", daemon=True).start()
