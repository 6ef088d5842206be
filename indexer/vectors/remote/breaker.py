"""A circuit breaker: after several failures in a row, calls fail at once for a while."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = 3  # in a row, before calls are refused
PAUSE_S, MAX_PAUSE_S = 1.0, 30.0


class CircuitBreaker:
    """Refuses calls to a server that has failed several times in a row. Thread-safe.

    After a pause, a single call is admitted. If it succeeds, all calls are; if it fails, the pause
    doubles, up to ``MAX_PAUSE_S``. So few threads wait in vain for a server that is down.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause_s = PAUSE_S
        self._closed_until = 0.0  # calls are refused before this time
        self._probing = False

    @property
    def is_open(self) -> bool:
        """True if the last calls failed, and calls are refused or tried one by one."""
        return self._failures >= FAILURES

    def wait_s(self) -> float:
        """Return 0 and admit a call, or return after how many seconds to try again."""
        with self._lock:
            if self._failures < FAILURES:
                return 0.0
            left = self._closed_until - self._clock()
            if left > 0:
                return left
            if self._probing:
                return PAUSE_S
            self._probing = True
            return 0.0

    def succeeded(self) -> None:
        """Note that an admitted call succeeded."""
        with self._lock:
            self._failures, self._pause_s, self._probing = 0, PAUSE_S, False

    def failed(self) -> None:
        """Note that an admitted call failed."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._closed_until = self._clock() + self._pause_s
                self._pause_s = min(MAX_PAUSE_S, 2 * self._pause_s)
            self._probing = False
