"""How long the stages of an answer take."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds of each stage, and of all of them together."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Close the running stage under this name."""
        now = time.perf_counter()
        self._laps[name] = round((now - self._last) * 1e3, 3)
        self._last = now

    def laps(self) -> dict[str, float]:
        """All stages so far, and ``total_ms``."""
        return {**self._laps, "total_ms": round((self._last - self._start) * 1e3, 3)}
