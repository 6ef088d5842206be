"""Rate-limited log lines, for events that strangers can cause at will."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

_EVERY_S = 60.0


class Seldom:
    """Logs the first of many like events at once, then one line a minute with their number."""

    def __init__(self, logger: logging.Logger, level: int) -> None:
        self._logger = logger
        self._level = level
        self._since: dict[str, float] = {}
        self._more: dict[str, int] = {}

    def log(self, kind: str, text: str) -> None:
        """Log ``text``, unless one of this kind was logged in the last minute. Kinds are few."""
        now = time.monotonic()
        if kind in self._since and now - self._since[kind] < _EVERY_S:
            self._more[kind] = self._more.get(kind, 0) + 1
            return
        more = self._more.pop(kind, 0)
        self._since[kind] = now
        self._logger.log(self._level, "%s%s", text, f" ({more} more since the last)" * bool(more))
