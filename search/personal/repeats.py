"""What a user buys again and again, and is due to buy now.

The interval of an item is the median of the times between its purchases. It is due from 0.8
intervals after the last purchase until three intervals: by then the user has stopped buying it.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.personal.event import Event
    from search.personal.event_reader import UserEvent

SHARE: Final = 4  # of a list, one place of so many
_FEWEST: Final = 3  # purchases: a single repetition may be chance
_APART_S: Final = 86_400.0  # purchases within a day are one
_FROM: Final = 0.8  # intervals after the last purchase
_UNTIL: Final = 3.0


def due_again(events: Iterable[UserEvent | Event], now: float) -> tuple[str, ...]:
    """Return the items of one user's events that are due, those that were bought most first."""
    times: dict[str, list[float]] = {}
    for event in events:
        if event.type == "purchase":
            times.setdefault(event.item_id, []).append(event.time)
    counts: dict[str, int] = {}
    for item_id, bought in times.items():
        days = _distinct(sorted(bought))
        if len(days) >= _FEWEST:
            interval = median(later - earlier for earlier, later in pairwise(days))
            if _FROM * interval <= now - days[-1] <= _UNTIL * interval:
                counts[item_id] = len(days)
    return tuple(sorted(counts, key=lambda item_id: (-counts[item_id], item_id)))


def _distinct(times: list[float]) -> list[float]:
    """Return times in ascending order without those less than a day after the last one kept."""
    kept = times[:1]
    for time in times[1:]:
        if time - kept[-1] >= _APART_S:
            kept.append(time)
    return kept
