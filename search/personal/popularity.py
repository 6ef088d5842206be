"""Count how popular items are: the users who met an item, once for each type, decayed by age.

A user counts as of the newest event of a type on an item, in whatever order the events came.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

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
_LEAST: Final = 1e-6  # scores of items that were popular long ago, which else round to 0
_FRESH_S = 1.0
_AT_ONCE: Final = 10_000  # events: counting them takes about a tenth of a second
_HALF_LIFE_S = 14 * 86_400.0


class _Count(NamedTuple):
    """The decayed sum of an item as of the reference time, and its users by type."""

    total: float
    users: dict[str, int]


class _StoredCounting(msgspec.Struct, frozen=True, array_like=True):
    """A counting as ``vitrine events learn`` stores it; the fields are those of ``_Counting``."""

    deletions: int
    sequence: int
    reference: float
    counts: dict[str, tuple[float, dict[str, int]]]


class _Counting:
    """Sums over the events of a log up to a sequence number, as of a reference time."""

    def __init__(self, deletions: int) -> None:
        self.deletions = deletions  # of the log, when the counting began
        self.sequence = 0
        self.counts: dict[str, _Count] = {}
        self._reference = 0.0  # in seconds since 1970

    @classmethod
    def begin(cls, reader: EventReader) -> _Counting:
        """Return the counting that was stored with what was learned; else one of no event."""
        counting = cls(reader.deletions)
        stored = reader.popularity()
        if stored is None:
            return counting
        found = msgspec.msgpack.decode(stored, type=_StoredCounting)
        if found.deletions == reader.deletions:
            counting.sequence, counting._reference = found.sequence, found.reference
            counting.counts = {item: _Count(*count) for item, count in found.counts.items()}
        return counting

    def encoded(self) -> bytes:
        """Return the bytes that ``begin`` reads."""
        counts = {item: (count.total, count.users) for item, count in self.counts.items()}
        return msgspec.msgpack.encode(
            _StoredCounting(self.deletions, self.sequence, self._reference, counts)
        )

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

    A request counts some thousand events at most. Counting begins with what ``count_all`` stored.
    After events were deleted, it begins anew and takes some requests; until then the last scores
    hold.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds; scores are made anew at most once a second."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counting: _Counting | None = None
        self._served = _Counting(0)
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
            counting = self._counting
            # An older reader may come later.
            if counting is None or reader.deletions > counting.deletions:
                counting = self._counting = _Counting.begin(reader)
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


def count_all(reader: EventReader) -> bytes:
    """Count all events of a log, as ``EventReader.popularity`` returns it once it is stored."""
    counting = _Counting.begin(reader)
    while not counting.read_on(reader):
        pass
    return counting.encoded()


def _scores(counts: Mapping[str, _Count]) -> dict[str, float]:
    totals = {
        item: count.total
        for item, count in counts.items()
        if count.total > 0 and max(count.users.values()) >= MIN_USERS
    }
    best = max(totals.values(), default=1.0)
    ranked = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        item: max(math.log1p(9 * total / best) / math.log(10), _LEAST * (1 - place / len(ranked)))
        for place, (item, total) in enumerate(ranked)
    }
