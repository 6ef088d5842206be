"""How popular items are: users who met an item, each counted once a type and decayed by age.

A user counts as of the newest event of a type on an item, in whatever order the events came.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from search.personal.event import EventType
    from search.personal.event_reader import EventReader, LoggedEvent

MIN_USERS: Final = 3
"""Users that an item must have before it is called popular: fewer could be told apart."""

_WEIGHTS: Final[Mapping[EventType, float]] = {
    "view": 1.0,
    "click": 1.0,
    "cart": 2.0,
    "purchase": 4.0,
    "hide": -2.0,
    "rating": 1.0,
}
_FRESH_S = 1.0
_HALF_LIFE_S = 14 * 86_400.0


class _Count(NamedTuple):
    """The decayed sum of an item as of ``Popularity._reference``, and its users by type."""

    total: float
    users: dict[str, int]


class Popularity:
    """Counts of the events of one log, kept up to date by reading on. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds; scores are made anew at most once a second."""
        self._clock = clock
        self._scored_at = 0.0
        self._is_newer = False  # something was counted since the scores were made
        self._lock = threading.Lock()
        self._sequence = 0
        self._deletions = 0
        self._reference = 0.0  # sums are as of this time, in seconds since 1970
        self._counts: dict[str, _Count] = {}
        self._scores: dict[str, float] | None = None  # of the counts as they are

    def refresh(self, reader: EventReader) -> None:
        """Count what was stored since the last call; start over if events were deleted."""
        with self._lock:
            if reader.deletions > self._deletions:  # not !=: an older reader may come later
                self._deletions = reader.deletions
                self._sequence, self._reference, self._counts = 0, 0.0, {}
                self._scores = None
            if reader.deletions == self._deletions and reader.sequence > self._sequence:
                self._add(reader.since(self._sequence), reader.kept_from)
                self._sequence = reader.sequence

    def scores(self) -> Mapping[str, float]:
        """Return the items of at least ``MIN_USERS`` users by their score in (0, 1], best first.

        Scores are relative to the best item; all decay alike, so the time does not matter. The
        same object is returned until something new was counted and a second has passed.
        """
        with self._lock:
            now = self._clock()
            if self._scores is None or (self._is_newer and now - self._scored_at >= _FRESH_S):
                self._scores, self._scored_at = _scores(self._counts), now
                self._is_newer = False
            return self._scores

    def _add(self, logged: Iterable[LoggedEvent], kept_from: int) -> None:
        for _, event in logged:
            before = event.newest_before
            # What is older was deleted, so this is the first of those that are left.
            is_first = event.is_first or (before is not None and before < kept_from)
            if not is_first and (before is None or event.time * 1000 <= before):
                continue
            self._is_newer = True
            self._advance(event.time)
            added = self._decayed(event.time)
            if not is_first and before is not None:
                added -= self._decayed(before / 1000)
            total, users = self._counts.get(event.item_id, _Count(0.0, {}))
            if is_first:
                users = users | {event.type: users.get(event.type, 0) + 1}
            self._counts[event.item_id] = _Count(total + _WEIGHTS[event.type] * added, users)

    def _decayed(self, time: float) -> float:
        """What an event of a time counts, as of the reference time."""
        return float(2 ** ((time - self._reference) / _HALF_LIFE_S))

    def _advance(self, time: float) -> None:
        """Move the reference time forward, in steps that keep the sums in range."""
        if time < self._reference + 20 * _HALF_LIFE_S:
            return
        factor = 2 ** ((self._reference - time) / _HALF_LIFE_S)
        self._counts = {
            item: _Count(count.total * factor, count.users) for item, count in self._counts.items()
        }
        self._reference = time


def _scores(counts: Mapping[str, _Count]) -> dict[str, float]:
    totals = {
        item: count.total
        for item, count in counts.items()
        if count.total > 0 and max(count.users.values()) >= MIN_USERS
    }
    best = max(totals.values(), default=1.0)
    ranked = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return {item: math.log1p(9 * total / best) / math.log(10) for item, total in ranked}
