"""Events as arrays, split by time to evaluate recommendations, and an audit of the split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.errors import BadQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.personal.event import Event

FEW_EVENTS = 5  # an item with fewer before the split is cold
_MIN_EVENTS = 100


@dataclass(frozen=True)
class Interactions:
    """Events in the order of time: as arrays (n,) of users, items and times, and as ``Event``s.

    Users and items are numbers; ``item_ids`` names all items, also those without an event.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    times: NDArray[np.float64]
    events: Sequence[Event]
    item_ids: Sequence[str]
    user_count: int

    def __len__(self) -> int:
        """The number of events."""
        return len(self.events)

    def until(self, end: int) -> Interactions:
        """Return the first ``end`` events, with all items and users."""
        return replace(
            self,
            users=self.users[:end],
            items=self.items[:end],
            times=self.times[:end],
            events=self.events[:end],
        )

    def item_counts(self) -> NDArray[np.int64]:
        """Return how many events each item has: (items,)."""
        return np.bincount(self.items, minlength=len(self.item_ids))


class Split(NamedTuple):
    """The event numbers at which validation and test begin; the test ends with the events."""

    validation: int
    test: int


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the data that are needed to understand the figures.

    Shares are of the test events: ``cold_items`` of items with fewer than five earlier events,
    ``new_items`` of items without any, ``new_users`` of users without events before the test,
    ``repeats`` of items that the user has met before (they cannot be recommended, and are left
    out). ``same_time`` is the share of events at the very time of the user's event before.
    ``leaks`` counts training events that are not before the test; it must be 0.
    """

    events: int
    users: int
    items: int
    unknown_items: int
    first: str
    validation_from: str
    test_from: str
    last: str
    test_events: int
    cold_items: float
    new_items: float
    new_users: float
    repeats: float
    same_time: float
    leaks: int


def interactions_of(events: Sequence[Event], item_ids: Sequence[str]) -> Interactions:
    """Return events in the order of time, without those of other items and of the type hide.

    Events of the same time keep their order. Raises BadQuery for fewer than 100.
    """
    numbers = {item_id: number for number, item_id in enumerate(item_ids)}
    known = [event for event in events if event.item_id in numbers and event.type != "hide"]
    if len(known) < _MIN_EVENTS:
        unknown = next((event.item_id for event in events if event.item_id not in numbers), None)
        example = "" if unknown is None else f"; the shop has no item {unknown[:80]!r}, for example"
        raise BadQuery(
            f"an evaluation needs at least {_MIN_EVENTS} events of items in the shop, got "
            f"{len(known)} of {len(events)}{example}",
            param="events",
        )
    known.sort(key=lambda event: event.time)
    users: dict[str, int] = {}
    owners = [users.setdefault(event.user_id, len(users)) for event in known]
    return Interactions(
        users=np.array(owners, dtype=np.int64),
        items=np.array([numbers[event.item_id] for event in known], dtype=np.int64),
        times=np.array([event.time for event in known]),
        events=known,
        item_ids=item_ids,
        user_count=len(users),
    )


def split_by_time(log: Interactions, validation: float, test: float) -> Split:
    """Split at the times before the last ``validation + test`` and ``test`` of the events.

    Events of one time stay on one side, so nothing of the test's first moment is known before.
    """
    bounds = []
    for share in (validation + test, test):
        place = min(len(log) - 1, int(len(log) * (1 - share)))
        bounds.append(int(np.searchsorted(log.times, log.times[place], side="left")))
    if not 0 < bounds[0] < bounds[1] < len(log):
        raise BadQuery(
            "the events cannot be split by time: too many have the same time", param="events"
        )
    return Split(*bounds)


def audit(log: Interactions, split: Split, unknown_items: int) -> Audit:
    """Look at a split for leaks and for what its figures depend on."""
    before = log.until(split.test)
    counts = before.item_counts()
    test = slice(split.test, len(log))
    old_users = np.zeros(log.user_count, dtype=np.bool_)
    old_users[before.users] = True
    tested = counts[log.items[test]]
    order = np.lexsort((np.arange(len(log)), log.users))
    users, times = log.users[order], log.times[order]
    same = (users[1:] == users[:-1]) & (times[1:] == times[:-1])
    return Audit(
        events=len(log),
        users=log.user_count,
        items=len(log.item_ids),
        unknown_items=unknown_items,
        first=_day(log.times[0]),
        validation_from=_day(log.times[split.validation]),
        test_from=_day(log.times[split.test]),
        last=_day(log.times[-1]),
        test_events=len(log) - split.test,
        cold_items=_share(tested < FEW_EVENTS),
        new_items=_share(tested == 0),
        new_users=_share(~old_users[log.users[test]]),
        repeats=_share(repeats(log)[test]),
        same_time=float(same.sum() / len(log)),
        leaks=int((before.times >= log.times[split.test]).sum()),
    )


def repeats(log: Interactions) -> NDArray[np.bool_]:
    """Return which events are of an item that the user met in an earlier event: (n,)."""
    codes = log.users * len(log.item_ids) + log.items
    first = np.unique(codes, return_index=True)[1]
    repeated = np.ones(len(log), dtype=np.bool_)
    repeated[first] = False
    return repeated


def _share(mask: NDArray[np.bool_]) -> float:
    return round(float(mask.mean()), 4) if len(mask) else 0.0


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()
