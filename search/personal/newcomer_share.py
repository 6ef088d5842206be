"""The share of a list's places that newcomers get: that of its hits which are theirs.

Where most of what users meet is new, a calibrated list (Steck, 2018) would have mostly newcomers.
But pictures and facts find fewer of the items that users will meet than behavior does, so each
place of a newcomer costs more hits than it brings. Therefore both kinds are tried on the newest
events, with what the older ones teach, and each gets places in proportion to its hits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.factor_map import learn_factor_map
from search.personal.factors import WARM_FROM, learn_factors
from search.personal.facts import FactCode
from search.personal.item_factors import ItemFactors
from search.personal.newcomers import HALF_LIFE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors

_NEWEST: Final = 0.2  # of what users met, which is predicted from the rest
_TRIED: Final = 1_000  # of these, spread evenly
_LIST: Final = 20  # places
_MET: Final = 60  # newest items of a user


class Meetings(NamedTuple):
    """Each pair of a user and an item at its first time, in order of time: (n,) each.

    ``before`` is how many users had met the item earlier. ``newest`` (k,) are the numbers of those
    to predict: the newest fifth of the newest 60 of each user, so that no user decides alone.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    before: NDArray[np.int64]
    newest: NDArray[np.int64]

    @property
    def newcomers(self) -> float:
        """How many of the newest were new to the shop when they were met: in [0, 1], 0 for none.

        An item is new as long as fewer than ``WARM_FROM`` users met it.
        """
        new = self.before[self.newest] < WARM_FROM
        return float(new.mean()) if len(new) else 0.0


def first_meetings(
    users: NDArray[np.int64], items: NDArray[np.int64], times: NDArray[np.float64]
) -> Meetings:
    """Return the meetings of events (n,); those of a user ascend in time."""
    if not len(users):
        return Meetings(users, items, items, items)
    _, first = np.unique(users * (int(items.max()) + 1) + items, return_index=True)
    first = first[np.argsort(times[first], kind="stable")]
    owners, met = users[first], items[first]
    later = _places(owners[::-1])[::-1]  # meetings of the same user
    counted = np.flatnonzero(later < _MET)
    return Meetings(owners, met, _places(met), counted[-max(1, int(_NEWEST * len(counted))) :])


def _places(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each value occurred before: (n,)."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=-1))
    lengths = np.diff(starts, append=len(values))
    places = np.empty(len(values), dtype=np.int64)
    places[order] = np.arange(len(values)) - np.repeat(starts, lengths)
    return places


class Sides(NamedTuple):
    """What is known of all items without users: pictures (n, dim), facts (n, columns), ranks (n,).

    ``ranks`` are those of their ids, so that the result does not depend on their numbers.
    """

    pictures: Vectors
    facts: NDArray[np.float32]
    ranks: NDArray[np.int64]


def share_of_places(meetings: Meetings, sides: Sides, *, min_users: int) -> float:
    """Return the share of a list's places for newcomers, in [0, 1].

    A list of one kind alone holds, of the newest items of that kind, the part ``c`` of newcomers
    or ``w`` of the others. With a share ``s`` of newcomers among what users meet, they get
    ``s c / (s c + (1 - s) w)``. As popularity, that of a newcomer needs ``min_users``.
    """
    demand = meetings.newcomers
    if not demand:
        return 0.0
    new, others = _found(meetings, sides, min_users)
    return demand * new / (demand * new + (1 - demand) * others)


def _found(meetings: Meetings, sides: Sides, min_users: int) -> tuple[float, float]:
    """Return the parts of the newest items that lists of newcomers and of others hold.

    By the rule of succession: one of two if nothing was tried.
    """
    first = int(meetings.newest[0])
    users, items = meetings.users[:first], meetings.items[:first]
    own = learn_factors(users, items, sides.ranks)
    map_ = learn_factor_map(own, sides.pictures, FactCode(), sides.facts)
    mapped = map_.of_pictures(sides.pictures) + sides.facts @ map_.facts
    mapped[~np.any(sides.pictures, axis=1)] = 0
    factors = ItemFactors(own, mapped)
    counts = np.bincount(items, minlength=len(own)).astype(np.float32)
    popular = np.where(counts >= min_users, counts, np.float32(0))
    are_new = factors.are_new(np.arange(len(own)))
    hits, tried = [1, 1], [2, 2]  # of others, of newcomers
    for item, met in _tried(meetings):
        allowed = np.ones(len(own), dtype=np.bool_)
        allowed[met] = False
        if are_new[item]:
            found = item in factors.newcomers(met, allowed, popular, _LIST)
        else:
            weights = 2 ** (-np.arange(len(met), dtype=np.float32) / HALF_LIFE)
            scores = own @ (weights @ own[met])
            found = int((scores[allowed] >= scores[item]).sum()) <= _LIST
        hits[int(are_new[item])] += found
        tried[int(are_new[item])] += 1
    return hits[1] / tried[1], hits[0] / tried[0]


def _tried(meetings: Meetings) -> list[tuple[int, NDArray[np.int64]]]:
    """Return some of the newest items, each with those that its user met before, newest first."""
    order = np.argsort(meetings.users, kind="stable")
    ends = np.empty(len(order), dtype=np.int64)  # where what the user met before ends in ``order``
    ends[order] = np.arange(len(order))
    earlier = _places(meetings.users)
    newest = meetings.newest
    found = []
    for number in newest[:: max(1, len(newest) // _TRIED)].tolist():
        end = int(ends[number])
        met = meetings.items[order[end - min(_MET, int(earlier[number])) : end]][::-1]
        if len(met):
            found.append((int(meetings.items[number]), met))
    return found
