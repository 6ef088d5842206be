"""Measure the time of the stages of a job or request."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Measures seconds per stage. ``timed`` is thread-safe; call ``lap`` from one thread only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._start = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since the last call (or the start) to a stage."""
        now = time.perf_counter()
        self.add(stage, now - self._last)
        self._last = now

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the ``with`` block to a stage; blocks in several threads add up."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    @property
    def total(self) -> float:
        """The seconds from the start to the last call of ``lap``."""
        return self._last - self._start

    def add(self, stage: str, seconds: float) -> None:
        """Add seconds that were measured elsewhere to a stage; thread-safe."""
        with self._lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
