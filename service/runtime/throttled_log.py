"""A log with at most one line a minute for each kind of event that clients can cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

_INTERVAL_S = 60.0


class ThrottledLog:
    """Logs the first event of a kind at once, then one line a minute with the number of others."""

    def __init__(self, logger: logging.Logger, level: int) -> None:
        self._logger = logger
        self._level = level
        self._logged_at: dict[str, float] = {}
        self._omitted: dict[str, int] = {}

    def log(self, kind: str, text: str) -> None:
        """Log ``text``, unless an event of this kind was logged in the last minute.

        Memory grows with the number of kinds, so a kind must not contain what a client sent.
        """
        now = time.monotonic()
        if kind in self._logged_at and now - self._logged_at[kind] < _INTERVAL_S:
            self._omitted[kind] = self._omitted.get(kind, 0) + 1
            return
        omitted = self._omitted.pop(kind, 0)
        self._logged_at[kind] = now
        suffix = f" ({omitted} more since the last)" if omitted else ""
        self._logger.log(self._level, "%s%s", text, suffix)
