"""Limit the requests to one host, and stop asking a host that cannot be reached."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.errors import BadImage

_MOST_FAILURES = 10  # pictures in a row for which a host could not be reached


class HostPace:
    """The limits of one host. Thread-safe."""

    def __init__(self, host: str, at_once: int, per_second: float) -> None:
        """A ``per_second`` of 0 means no limit."""
        self._host = host
        self._slots = threading.Semaphore(at_once)
        self._interval = 1 / per_second if per_second else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._failures = 0
        self.sent = 0
        """The pictures that the host has sent, or has said to be unchanged."""

    @contextmanager
    def turn(self, stopped: threading.Event) -> Iterator[None]:
        """Wait until another request may be sent; send it inside the block.

        Raises BadImage if the host could not be reached for many pictures in a row.
        """
        with self._slots:
            if self._failures >= _MOST_FAILURES:
                raise BadImage(
                    f"not fetched: {self._host} could not be reached for {_MOST_FAILURES} pictures "
                    "in a row, and is not asked again in this run"
                )
            with self._lock:
                now = time.monotonic()
                at = max(now, self._next)
                self._next = at + self._interval
            if at > now:
                stopped.wait(at - now)
            yield

    def hold(self, seconds: float) -> None:
        """Send no request before ``seconds`` have passed, because the host asks for that."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def note(self, *, reached: bool, sent: bool = False) -> None:
        """Note whether the host could be reached for a picture, after all attempts, and sent it."""
        with self._lock:
            self._failures = 0 if reached else self._failures + 1
            self.sent += sent
