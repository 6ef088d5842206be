"""The profile of a user: decayed sums over the user's events, computed for each request.

An event counts ``weight * 2 ** (-age / half_life)``. The sums do not depend on the order in which
the events came. A profile is not stored, so it always agrees with the events, and nothing of it is
left after the events of a user were deleted.

Of the time since the user's newest event, at most 60 days count as age: a user who returns after a
year keeps the taste of that time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.items import ORIGINAL
from search.personal.repeats import due_again

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from search.personal.event import Event, EventType
    from search.personal.event_reader import UserEvent

MAX_EVENTS: Final = 1_000  # the newest of a user; older ones have decayed, or the user is a robot

TYPE_WEIGHTS: Final[Mapping[EventType, float]] = {
    "view": 1.0,
    "click": 2.0,
    "cart": 4.0,
    "purchase": 6.0,
    "hide": -8.0,
}
"""What a new event counts. A rating counts by its distance from the user's mean rating."""
_RATING_WEIGHT = 2.0  # times the distance from the user's mean rating
_MIDDLE_RATING = 3.0
_MIDDLE_RATINGS = 5.0  # ratings of 3 that are assumed of every user before the first
_HALF_LIFE_S = 30 * 86_400.0
_MAX_IDLE_S = 60 * 86_400.0
_RECENT_HALF_LIFE = 5.0  # items: the sixth newest counts half as much as the newest
_RECENT_ITEMS = 30
_MET_ITEMS = 60
_SATURATION = 8.0  # of one item: a sum of 8 counts half as much as infinitely many events
_LEAST_FOR_STYLE = 2.5  # three views of one week, or a cart: fewer may be chance


class Profile(NamedTuple):
    """The interests of a user at one time, from the user's events; empty without events.

    ``liked`` maps items to positive weights in (0, 1), the strongest first, with slow decay.
    ``recent`` does so for the newest items that are not disliked: 1 for the newest, half of that
    for the sixth newest. ``met`` are the newest items that are not hidden, including disliked ones,
    the newest first. ``disliked`` maps items whose sum is negative to positive weights. ``seen``
    are all items of any event, ``hidden`` those hidden after the last purchase, ``bought`` maps
    items to the time of the last purchase. ``due`` are those to buy again, see
    ``repeats``. ``renditions`` maps the styles of the pictures that were
    shown to the weights of the events on them, decayed by their age at the newest event; events
    that name none are left out.
    ``events`` is how many events were looked at.
    """

    liked: dict[str, float]
    recent: dict[str, float]
    met: tuple[str, ...]
    disliked: dict[str, float]
    seen: frozenset[str]
    hidden: frozenset[str]
    bought: dict[str, float]
    due: tuple[str, ...]
    renditions: dict[str, float]
    events: int

    @property
    def style(self) -> str:
        """The style of pictures to which the user reacts most; else ``ORIGINAL``.

        It needs a sum of 2.5, which three views of one week have, and more than any other style.
        """
        best = max(self.renditions, key=lambda name: (self.renditions[name], name), default="")
        return best if best and self.renditions[best] >= _LEAST_FOR_STYLE else ORIGINAL


def profile_of(
    events: Iterable[UserEvent | Event], now: float, hidden: frozenset[str] = frozenset()
) -> Profile:
    """Return the profile of one user at the time ``now``, from events in any order.

    Events later than ``now`` count as new. Of more than ``MAX_EVENTS``, only the newest count;
    ``hidden`` are the items of earlier events of the type hide.
    """
    newest = sorted(events, key=lambda event: (-event.time, event.event_id))[:MAX_EVENTS]
    mean_rating = _mean_rating(newest)
    sums: dict[str, list[float]] = {}
    renditions: dict[str, list[float]] = {}
    last = newest[0].time if newest else now
    for event in newest:
        weight = _weight(event, mean_rating)
        age = last - event.time + min(max(0.0, now - last), _MAX_IDLE_S)
        sums.setdefault(event.item_id, []).append(weight * 2 ** (-age / _HALF_LIFE_S))
        if event.rendition:
            before_last = 2 ** (-(last - event.time) / _HALF_LIFE_S)
            renditions.setdefault(event.rendition, []).append(weight * before_last)
    # fsum is exact, so that the order of the events cannot change the last bits.
    totals = {item: math.fsum(weights) for item, weights in sums.items()}
    bought = _newest_times(newest, "purchase")
    hides = _newest_times(newest, "hide")
    before = hidden - hides.keys() - bought.keys()
    hidden = before | {item for item, time in hides.items() if time >= bought.get(item, 0.0)}
    return Profile(
        liked=_strongest_first({item: _saturated(x) for item, x in totals.items() if x > 0}),
        recent=_recent(newest, totals),
        met=_met(newest, hidden),
        disliked=_strongest_first({item: _saturated(-x) for item, x in totals.items() if x < 0}),
        seen=frozenset(sums),
        hidden=hidden,
        bought=bought,
        due=due_again(newest, now),
        renditions={name: math.fsum(weights) for name, weights in sorted(renditions.items())},
        events=len(newest),
    )


def _weight(event: UserEvent | Event, mean_rating: float) -> float:
    if event.type != "rating":
        return TYPE_WEIGHTS[event.type]
    # An item rated at the mean was still chosen, so it counts like a view.
    return TYPE_WEIGHTS["view"] + _RATING_WEIGHT * ((event.value or 0.0) - mean_rating)


def _recent(newest: list[UserEvent | Event], totals: Mapping[str, float]) -> dict[str, float]:
    """Return the newest items with their weights, the newest first."""
    items = [item for item in dict.fromkeys(event.item_id for event in newest) if totals[item] > 0]
    return {
        item: 2 ** (-rank / _RECENT_HALF_LIFE) for rank, item in enumerate(items[:_RECENT_ITEMS])
    }


def _met(newest: list[UserEvent | Event], hidden: frozenset[str]) -> tuple[str, ...]:
    items = dict.fromkeys(event.item_id for event in newest if event.item_id not in hidden)
    return tuple(items)[:_MET_ITEMS]


def _mean_rating(events: list[UserEvent | Event]) -> float:
    """Return the user's mean rating, drawn towards the middle of the scale if there are few."""
    ratings = [
        event.value for event in events if event.type == "rating" and event.value is not None
    ]
    total = math.fsum([*ratings, _MIDDLE_RATINGS * _MIDDLE_RATING])
    return total / (len(ratings) + _MIDDLE_RATINGS)


def _saturated(total: float) -> float:
    return total / (total + _SATURATION)


def _newest_times(events: list[UserEvent | Event], kind: str) -> dict[str, float]:
    times: dict[str, float] = {}
    for event in events:  # the newest first
        if event.type == kind:
            times.setdefault(event.item_id, event.time)
    return times


def _strongest_first(weights: dict[str, float]) -> dict[str, float]:
    return dict(sorted(weights.items(), key=lambda pair: (-pair[1], pair[0])))
