"""Count how popular items are: the users who met an item, once for each type, decayed by age.

A user counts as of the newest event of a type on an item, in whatever order the events came.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from search.personal.event import EventType
    from search.personal.event_reader import EventReader, UserEvent

MIN_USERS: Final = 3
"""Users that an item must have before it is called popular; fewer could be identified."""

_WEIGHTS: Final[Mapping[EventType, float]] = {
    "view": 1.0,
    "click": 1.0,
    "cart": 2.0,
    "purchase": 4.0,
    "hide": -2.0,
    "rating": 1.0,
}
_FRESH_S = 1.0
_AT_ONCE: Final = 10_000  # events: counting them takes about a tenth of a second
_HALF_LIFE_S = 14 * 86_400.0


class _Count(NamedTuple):
    """The decayed sum of an item as of the reference time, and its users by type."""

    total: float
    users: dict[str, int]


class _Counting:
    """Sums over the events of a log up to a sequence number, as of a reference time."""

    def __init__(self, deletions: int) -> None:
        self.deletions = deletions  # of the log, when the counting began
        self.sequence = 0
        self.counts: dict[str, _Count] = {}
        self._reference = 0.0  # in seconds since 1970

    def read_on(self, reader: EventReader) -> bool:
        """Count the next some thousand events; return True if all of the reader's are counted."""
        is_more = False
        last = self.sequence
        for number, entry in enumerate(reader.since(self.sequence)):
            if number == _AT_ONCE:
                is_more = True
                break
            last = entry.event.sequence
            self._add(entry.event, reader.kept_from)
        self.sequence = last if is_more else reader.sequence
        return not is_more

    def _add(self, event: UserEvent, kept_from: int) -> None:
        before = event.newest_before
        # What is older was deleted, so this is the first of those that are left.
        is_first = event.is_first or (before is not None and before < kept_from)
        if not is_first and (before is None or event.time * 1000 <= before):
            return
        self._advance(event.time)
        added = self._decayed(event.time)
        if not is_first and before is not None:
            added -= self._decayed(before / 1000)
        total, users = self.counts.get(event.item_id, _Count(0.0, {}))
        if is_first:
            users = users | {event.type: users.get(event.type, 0) + 1}
        self.counts[event.item_id] = _Count(total + _WEIGHTS[event.type] * added, users)

    def _decayed(self, time: float) -> float:
        """Return what an event of this time counts, as of the reference time."""
        return float(2 ** ((time - self._reference) / _HALF_LIFE_S))

    def _advance(self, time: float) -> None:
        """Move the reference time forward, in steps that keep the sums in range."""
        if time < self._reference + 20 * _HALF_LIFE_S:
            return
        factor = 2 ** ((self._reference - time) / _HALF_LIFE_S)
        self.counts = {
            item: _Count(count.total * factor, count.users) for item, count in self.counts.items()
        }
        self._reference = time


class Popularity:
    """Counts of the events of one log, kept up to date by reading on. Thread-safe.

    A request counts some thousand events at most. After the start of a service, and after events
    were deleted, it takes some requests until all are counted; until then the last scores hold.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds; scores are made anew at most once a second."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counting = _Counting(0)
        self._served = self._counting
        self._scored_at = 0.0
        self._is_newer = False  # something was counted since the scores were made
        self._scores: dict[str, float] = {}

    def refresh(self, reader: EventReader) -> bool:
        """Count what was stored since the last call; start over if events were deleted.

        Returns True if all is counted. Does nothing while another thread counts.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if reader.deletions > self._counting.deletions:  # an older reader may come later
                self._counting = _Counting(reader.deletions)
            counting = self._counting
            if reader.deletions < counting.deletions or reader.sequence < counting.sequence:
                return False
            is_first = self._served is not counting
            before = counting.sequence
            is_done = counting.read_on(reader)
            if is_done:
                self._served = counting
                self._is_newer |= is_first or counting.sequence > before
                self._score(at_once=is_first)
            return is_done
        finally:
            self._lock.release()

    def scores(self) -> Mapping[str, float]:
        """Return the items of at least ``MIN_USERS`` users by their score in (0, 1], best first.

        Scores are relative to the best item; all decay alike, so the time does not matter. The
        same object is returned until something new was counted and a second has passed.
        """
        if self._is_newer and self._lock.acquire(blocking=False):
            try:
                self._score(at_once=False)
            finally:
                self._lock.release()
        return self._scores

    def _score(self, *, at_once: bool) -> None:
        now = self._clock()
        if self._is_newer and (at_once or not self._scores or now - self._scored_at >= _FRESH_S):
            self._scores, self._scored_at = _scores(self._served.counts), now
            self._is_newer = False


def _scores(counts: Mapping[str, _Count]) -> dict[str, float]:
    totals = {
        item: count.total
        for item, count in counts.items()
        if count.total > 0 and max(count.users.values()) >= MIN_USERS
    }
    best = max(totals.values(), default=1.0)
    ranked = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return {item: math.log1p(9 * total / best) / math.log(10) for item, total in ranked}
