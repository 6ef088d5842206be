"""Learn from all events which items lead to each other, and store it with them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from search.personal.baskets import MAX_BASKETS, learn_baskets
from search.personal.covisits import Visits, learn_covisits
from search.personal.linear import learn_linear

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.event_log import EventLog
    from search.personal.event_reader import EventReader, LoggedEvent, UserEvent
    from search.personal.linear import PictureMap
    from search.personal.neighbors import Row

MIN_USERS: Final = 3
"""Users who must have met two items together: fewer could tell what one person looked at."""
_BASKET_S: Final = 3_600.0  # purchases of one user within an hour are one basket


class Bought(msgspec.Struct, frozen=True, array_like=True):
    """An item bought together with another, in how many baskets, and how strongly.

    ``ratio`` is Dunning's log-likelihood ratio (1993) of buying both against chance.
    """

    item_id: str
    strength: float
    baskets: int
    ratio: float = 0.0


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned: from how many events, about how many items."""

    events: int
    users: int
    items_with_neighbors: int
    items_bought_together: int


class _Numbers(NamedTuple):
    """Item ids and their numbers, in the order in which they were met."""

    ids: list[str]
    of: dict[str, int]

    def number(self, item_id: str) -> int:
        found = self.of.setdefault(item_id, len(self.ids))
        if found == len(self.ids):
            self.ids.append(item_id)
        return found


class Pictures(NamedTuple):
    """The vectors (n, dim) of items by their ids: pictures say who may like what nobody met yet."""

    ids: list[str]
    vectors: Vectors


def learn(log: EventLog, pictures: Pictures | None = None) -> Learned:
    """Learn neighbors and baskets from all events, and replace what was learned before.

    Starts over if events are deleted meanwhile: what an erased user did must not come back.

    Events of the type ``hide`` teach nothing. What fewer than three users or baskets support is
    left out, so an erased user is in nothing that is learned later.
    """
    while (learned := _learn_once(log, pictures)) is None:
        pass
    return learned


def _learn_once(log: EventLog, pictures: Pictures | None) -> Learned | None:
    """Learn from the events as they are now; None if events were deleted meanwhile."""
    numbers = _Numbers([], {})
    users: list[int] = []
    items: list[int] = []
    baskets: list[NDArray[np.int64]] = []
    owners: list[int] = []
    with log.read() as reader:
        events, deletions = reader.count(), reader.deletions
        people = 0
        for people, (_, group) in enumerate(by_user(reader), start=1):
            met = [event for event in group if event.event.type != "hide"]
            numbered = [numbers.number(entry.event.item_id) for entry in met]
            items.extend(numbered)
            users.extend([people] * len(numbered))
            bought = [
                np.array([numbers.of[item] for item in basket], dtype=np.int64)
                for basket in baskets_of(entry.event for entry in met)
            ][-MAX_BASKETS:]
            baskets.extend(bought)
            owners.extend([people] * len(bought))
    visits = Visits(np.array(users, dtype=np.int64), np.array(items, dtype=np.int64))
    linear = learn_linear(
        visits,
        max(1, len(numbers.ids)),
        None if pictures is None else _vectors_of(numbers, pictures),
        min_users=MIN_USERS,
    )
    neighbors = {
        numbers.ids[item]: [
            (numbers.ids[other], round(strength, 5))
            for other, strength in zip(others.tolist(), strengths.tolist(), strict=True)
        ]
        for item, others, strengths in learn_covisits(
            visits, max(1, len(numbers.ids)), min_users=MIN_USERS
        ).by_item()
    }
    together = {
        numbers.ids[item]: [
            Bought(numbers.ids[other], round(strength, 5), count, round(ratio, 3))
            for other, strength, count, ratio in zip(
                found.items.tolist(),
                found.strengths.tolist(),
                found.support.tolist(),
                found.ratios.tolist(),
                strict=True,
            )
        ]
        for item, found in learn_baskets(
            baskets, max(1, len(numbers.ids)), np.array(owners, dtype=np.int64)
        )
    }
    values = {
        "neighbors": _encoded(neighbors),
        "together": _encoded(together),
        "linear": _encoded(_named(linear.rows, numbers.ids)),
        "factors": _factors(linear.pictures, numbers.ids),
    }
    picture_map = None if linear.pictures is None else linear.pictures.weights
    if not log.replace_learned(values, picture_map, deletions=deletions):
        return None
    return Learned(
        events=events,
        users=people,
        items_with_neighbors=len(neighbors),
        items_bought_together=len(together),
    )


def _vectors_of(numbers: _Numbers, pictures: Pictures) -> Vectors:
    """Return the vectors of numbered items (items, dim), zeros for an item without one."""
    vectors = np.zeros((len(numbers.ids), pictures.vectors.shape[1]), dtype=np.float32)
    for item_id, vector in zip(pictures.ids, pictures.vectors, strict=True):
        if item_id in numbers.of:
            vectors[numbers.of[item_id]] = vector
    return vectors


def _named(rows: Mapping[int, Row], ids: list[str]) -> dict[str, list[tuple[str, float]]]:
    return {
        ids[item]: [
            (ids[other], round(weight, 6))
            for other, weight in zip(others.tolist(), weights.tolist(), strict=True)
        ]
        for item, (others, weights) in rows.items()
    }


def _factors(pictures: PictureMap | None, ids: list[str]) -> dict[str, bytes]:
    if pictures is None:
        return {}
    return {
        ids[item]: factors.astype("<f4").tobytes()
        for item, factors in zip(pictures.items.tolist(), pictures.factors, strict=True)
    }


def neighbors_of(reader: EventReader, item_id: str) -> list[tuple[str, float]]:
    """Return the neighbors of an item with strengths in (0, 1], the strongest first."""
    value = reader.learned("neighbors", item_id)
    return [] if value is None else msgspec.msgpack.decode(value, type=list[tuple[str, float]])


def linear_of(reader: EventReader, item_id: str) -> list[tuple[str, float]]:
    """Return the weights of an item in the linear model, by the items that it leads to."""
    value = reader.learned("linear", item_id)
    return [] if value is None else msgspec.msgpack.decode(value, type=list[tuple[str, float]])


def bought_with(reader: EventReader, item_id: str) -> list[Bought]:
    """Return what is bought together with an item, best first."""
    value = reader.learned("together", item_id)
    return [] if value is None else msgspec.msgpack.decode(value, type=list[Bought])


def by_user(reader: EventReader) -> Iterator[tuple[bytes, Iterator[LoggedEvent]]]:
    """Yield the users with their events, the oldest first."""
    return groupby(reader.all(), key=lambda entry: entry.user)


def baskets_of(events: Iterable[UserEvent]) -> Iterator[list[str]]:
    """Yield the baskets of one user as item ids, from events in the order of their times.

    Purchases with at most an hour between each and the next are one basket.
    """
    basket: list[str] = []
    last = 0.0
    for event in events:
        if event.type != "purchase":
            continue
        if basket and event.time - last > _BASKET_S:
            yield basket
            basket = []
        basket.append(event.item_id)
        last = event.time
    if basket:
        yield basket


def _encoded(values: Mapping[str, object]) -> dict[str, bytes]:
    return {item_id: msgspec.msgpack.encode(value) for item_id, value in values.items()}
