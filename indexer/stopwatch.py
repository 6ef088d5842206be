"""How long the stages of something take."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Seconds by stage. Thread-safe for ``timed``; laps belong to one thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._start = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End the running lap and add its seconds to this stage."""
        now = time.perf_counter()
        self._add(stage, now - self._last)
        self._last = now

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds of the block to this stage; blocks in several threads add up."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._add(stage, time.perf_counter() - start)

    @property
    def total(self) -> float:
        """Seconds from the start to the end of the last lap."""
        return self._last - self._start

    def _add(self, stage: str, seconds: float) -> None:
        with self._lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
