"""How long the stages of an answer take."""

from __future__ import annotations

from indexer.stopwatch import Stopwatch


class Clock(Stopwatch):
    """A stopwatch that gives its laps as the reply to a search does."""

    def laps(self) -> dict[str, float]:
        """Return the milliseconds of all stages so far, and ``total_ms``."""
        milliseconds = {stage: round(took * 1e3, 3) for stage, took in self.seconds.items()}
        return {**milliseconds, "total_ms": round(self.total * 1e3, 3)}
