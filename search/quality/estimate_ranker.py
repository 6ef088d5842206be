"""Estimate what the mixer would earn with other weights, from lists that were shown to users.

``explore`` in the shop's rules draws some places of each list at random, so that other items than
the ranker's own have a chance; the reply has the probability of each. Each list is made again with
the other weights, from the events that its user had at that time. A place counts if the other
weights show the same product there after those before it, and the more the less likely it was. The
first place, and those that are pinned, are never drawn; they tell nothing of another ranker, and
are left out.

What others did, the catalog and the rules are those of now, so estimate from lists of the last
days. Lists are made as without a filter and an item in view.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from indexer.errors import BadQuery
from search.quality.off_policy import (
    Impressions,
    OffPolicyEstimate,
    as_shown,
    doubly_robust,
    snips,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.progress import Progress
    from search.personal.event import Event
    from search.personal.recommender import Recommender, Replay

    Values = NDArray[np.float64]
    RewardOf = Callable[[Event], float]

_REACTIONS: Final = ("click", "cart", "purchase")
_PRIOR_SHOWN: Final = 10.0  # impressions of the mean reward that each position is assumed to have
_PRIOR_REWARD: Final = 1.0  # reward of an ordinary item that each is assumed to have
_HOUR_S: Final = 3600.0


class RankerEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a place of the lists earned, and what it would have earned with the other weights.

    ``places`` were drawn with a known probability; ``agreeing`` of them show what the other
    weights would. ``left_out`` counts rows without a position or propensity, of lists with gaps, or
    of items that are gone. ``logged`` is the mean reward of a place as it was shown.
    """

    users: int
    lists: int
    places: int
    agreeing: int
    left_out: int
    logged: OffPolicyEstimate
    snips: OffPolicyEstimate
    doubly_robust: OffPolicyEstimate


class _Place(NamedTuple):
    """A place that counts: the user's number, the position, and the products there."""

    user: int
    position: int
    shown: int
    other: int  # what the other weights would have shown, -1 if nothing
    propensity: float
    reward: float


def estimate_ranker(
    recommender: Recommender,
    shown: Iterable[Event],
    weights: Mapping[str, float],
    *,
    hours: float = 24.0,
    progress: Progress | None = None,
) -> RankerEstimate:
    """Estimate the reward of a place with these weights of all features.

    ``shown`` has an event for each place of each list: user, item, time, position and propensity.
    Events of one user and time are one list. The ``value`` is its reward; if no event has one, the
    reward is 1 if the user clicked on the item, put it into the cart or bought it within ``hours``
    after, by the events of the shop. Raises BadQuery if nothing can be estimated.
    """
    lists: dict[tuple[str, float], list[Event]] = defaultdict(list)
    count = 0
    for event in shown:
        lists[event.user_id, event.time].append(event)
        count += 1
    has_values = any(event.value is not None for events in lists.values() for event in events)
    reward_of = _given if has_values else _Reactions(recommender, hours * _HOUR_S)
    numbers: dict[str, int] = {}
    places: list[_Place] = []
    known = 0
    for done, ((user_id, time), events) in enumerate(lists.items()):
        rows = _in_order(events)
        replay = recommender.replay(user_id, time, [row.item_id for row in rows], weights)
        user = numbers.setdefault(user_id, len(numbers))
        found = _places(user, rows, replay, reward_of)
        known += len(found)
        places.extend(place for place in found if place.propensity < 1)
        if progress is not None:
            progress("lists", done + 1, len(lists))
    if not places:
        raise BadQuery(
            "no place was drawn at random: every propensity is 1, or missing; set 'explore' in "
            "recommend.json, and keep the position and propensity of each item of the replies",
            param="propensity",
        )
    return _estimates(places, lists=len(lists), left_out=count - known)


def _given(event: Event) -> float:
    return event.value or 0.0


class _Reactions:
    """The rewards of items by what their users did within some seconds after they were shown."""

    def __init__(self, recommender: Recommender, within: float) -> None:
        self._recommender = recommender
        self._within = within
        self._user = ""
        self._times: dict[str, list[float]] = {}

    def __call__(self, event: Event) -> float:
        """Return 1 if the user reacted to the item, else 0."""
        if event.user_id != self._user:
            self._user, self._times = event.user_id, defaultdict(list)
            for stored in self._recommender.events_of(event.user_id):
                if stored.type in _REACTIONS:
                    self._times[stored.item_id].append(stored.time)
        times = self._times.get(event.item_id, [])
        return float(any(0 <= time - event.time <= self._within for time in times))


def _in_order(events: Sequence[Event]) -> list[Event]:
    """Return the places of a list from the first on, up to the first gap; [] if one is doubled."""
    by_position = {
        event.position: event for event in events if event.position is not None and event.propensity
    }
    if len(by_position) < sum(event.position is not None for event in events):
        return []
    rows: list[Event] = []
    while (row := by_position.get(len(rows))) is not None:
        rows.append(row)
    return rows


def _places(user: int, rows: list[Event], replay: Replay, reward_of: RewardOf) -> list[_Place]:
    """Return the places of a list whose items the shop still has."""
    found: list[_Place] = []
    before: set[int] = set()
    for position, (row, product) in enumerate(zip(rows, replay.shown, strict=True)):
        other = next((listed for listed in replay.listed if listed not in before), -1)
        before.add(product)
        if product >= 0:
            propensity = row.propensity or 1.0
            found.append(_Place(user, position, product, other, propensity, reward_of(row)))
    return found


def _estimates(places: list[_Place], *, lists: int, left_out: int) -> RankerEstimate:
    table = np.array(places, dtype=np.float64)  # (n, 6)
    users, positions, shown, other = table[:, :4].astype(np.int64).T
    propensities, rewards = table[:, 4], table[:, 5]
    agrees = shown == other
    logged = Impressions(rewards, propensities, agrees.astype(np.float64), users)
    predicted, expected = np.zeros(len(places)), np.zeros(len(places))
    for fold in (0, 1):  # no user's rewards are predicted from themselves
        model = _RewardModel(positions, shown, rewards, users % 2 != fold)
        mine = users % 2 == fold
        predicted[mine] = model.of(positions[mine], shown[mine])
        expected[mine] = np.where(other[mine] < 0, 0.0, model.of(positions[mine], other[mine]))
    return RankerEstimate(
        users=len(np.unique(users)),
        lists=lists,
        places=len(places),
        agreeing=int(agrees.sum()),
        left_out=left_out,
        logged=as_shown(logged),
        snips=snips(logged),
        doubly_robust=doubly_robust(logged, predicted, expected),
    )


class _RewardModel:
    """The expected reward of a product at a position.

    It is the position's mean times the product's lift, each drawn to the mean if little is known.
    """

    def __init__(
        self,
        positions: NDArray[np.int64],
        products: NDArray[np.int64],
        rewards: Values,
        among: NDArray[np.bool_],
    ) -> None:
        """Learn from the places ``among`` all (n,)."""
        size = int(positions.max()) + 1
        positions, products, rewards = positions[among], products[among], rewards[among]
        mean = float(rewards.mean()) if len(rewards) else 0.0
        sums = np.bincount(positions, rewards, size) + _PRIOR_SHOWN * mean
        self._by_position = sums / (np.bincount(positions, minlength=size) + _PRIOR_SHOWN)
        self._products, owner = np.unique(products, return_inverse=True)
        count = len(self._products)
        usual = np.bincount(owner, self._by_position[positions], count) + _PRIOR_REWARD
        self._lift = (np.bincount(owner, rewards, count) + _PRIOR_REWARD) / usual

    def of(self, positions: NDArray[np.int64], products: NDArray[np.int64]) -> Values:
        """Return the expected rewards: (n,)."""
        lift = np.ones(len(products))
        if len(self._products):
            at = np.minimum(np.searchsorted(self._products, products), len(self._products) - 1)
            lift = np.where(self._products[at] == products, self._lift[at], 1.0)
        expected: Values = self._by_position[positions] * lift
        return expected
