"""Learn from all events which items lead to each other, and store it with them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from search.personal.baskets import MAX_BASKETS, learn_baskets
from search.personal.covisits import Visits, learn_covisits
from search.personal.factor_map import learn_factor_map
from search.personal.factors import learn_factors
from search.personal.facts import FactCode
from search.personal.linear import learn_linear
from search.personal.newcomer_share import Sides, first_meetings, share_of_places
from search.personal.popularity import count_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.baskets import Together
    from search.personal.event_log import EventLog
    from search.personal.event_reader import EventReader, LoggedEvent, UserEvent
    from search.personal.factor_map import FactorMap
    from search.personal.factors import Factors

MIN_USERS: Final = 3
"""Users who must have met two items together; fewer could reveal what one person looked at."""
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
    """The size of what was learned: the events it is from, and the items it is about."""

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


class _History(NamedTuple):
    """The items that all users met and bought, with numbers in place of ids.

    ``times`` (n,) are those of the visits, ``owners`` (b,) the users of the baskets; ``users`` is
    how many users there are.
    """

    numbers: _Numbers
    visits: Visits
    times: NDArray[np.float64]
    baskets: list[NDArray[np.int64]]
    owners: NDArray[np.int64]
    users: int


class Pictures(NamedTuple):
    """The vectors (n, dim) and facts of items by their ids: who may like what nobody met yet.

    ``model`` is the key of the encoder's model. ``table`` (n, columns) has the facts, in the
    columns of ``code``; None for none.
    """

    ids: list[str]
    vectors: Vectors
    model: bytes = b""
    code: FactCode = FactCode()
    table: NDArray[np.float32] | None = None


def learn(log: EventLog, pictures: Pictures | None = None) -> Learned:
    """Learn neighbors and baskets from all events, and replace what was learned before.

    Starts over if events are deleted meanwhile, because nothing of an erased user may remain.
    Events of the type ``hide`` are not used. Pairs that fewer than three users support are left
    out.
    """
    while (learned := _learn_once(log, pictures)) is None:
        pass
    return learned


def _learn_once(log: EventLog, pictures: Pictures | None) -> Learned | None:
    """Learn from the events as they are now; None if events were deleted meanwhile."""
    with log.read() as reader:
        events, deletions = reader.count(), reader.deletions
        history = _read_history(reader)
        popularity = count_all(reader)
    ids, visits = history.numbers.ids, history.visits
    count = max(1, len(ids))
    numbers = history.numbers
    vectors = None if pictures is None else _numbered(numbers, pictures.ids, pictures.vectors)
    linear = learn_linear(visits, count, vectors, min_users=MIN_USERS)
    order = np.argsort(np.argsort(np.array(ids or [""], dtype=np.str_), kind="stable"))
    factors = learn_factors(visits.users, visits.items, order)
    factor_map = None
    if pictures is not None:
        factor_map = _map(factors, history, pictures)
    covisits = learn_covisits(visits, count, min_users=MIN_USERS)
    neighbors = {
        ids[item]: _named(others, strengths, ids, digits=5)
        for item, others, strengths in covisits.by_item()
    }
    together = {
        ids[item]: _bought(found, ids)
        for item, found in learn_baskets(history.baskets, count, history.owners)
    }
    weights = {
        ids[item]: _named(others, values, ids, digits=6)
        for item, (others, values) in linear.items()
    }
    values = {
        "neighbors": _encoded(neighbors),
        "together": _encoded(together),
        "linear": _encoded(weights),
        "factors": _factors_by_id(factors, ids),
    }
    model = b"" if pictures is None else pictures.model
    if not log.replace_learned(
        values, factor_map, deletions=deletions, popularity=popularity, model=model
    ):
        return None
    return Learned(
        events=events,
        users=history.users,
        items_with_neighbors=len(neighbors),
        items_bought_together=len(together),
    )


def _read_history(reader: EventReader) -> _History:
    """Read what all users met and bought; events of the type ``hide`` are left out."""
    numbers = _Numbers([], {})
    users: list[int] = []
    items: list[int] = []
    times: list[float] = []
    baskets: list[NDArray[np.int64]] = []
    owners: list[int] = []
    user = 0
    for user, (_, entries) in enumerate(by_user(reader), start=1):
        met = [entry.event for entry in entries if entry.event.type != "hide"]
        items.extend(numbers.number(event.item_id) for event in met)
        users.extend([user] * len(met))
        times.extend(event.time for event in met)
        bought = [
            np.array([numbers.of[item_id] for item_id in basket], dtype=np.int64)
            for basket in baskets_of(met)
        ][-MAX_BASKETS:]
        baskets.extend(bought)
        owners.extend([user] * len(bought))
    visits = Visits(np.array(users, dtype=np.int64), np.array(items, dtype=np.int64))
    return _History(
        numbers, visits, np.array(times), baskets, np.array(owners, dtype=np.int64), user
    )


def _map(factors: Factors, history: _History, pictures: Pictures) -> FactorMap:
    """Return the map over the whole catalog, given the factors of numbered items."""
    ids, numbers = pictures.ids, history.numbers
    places = np.array([numbers.of.get(item_id, -1) for item_id in ids], dtype=np.int64)
    is_met = places >= 0
    own = np.zeros((len(places), factors.shape[1]), dtype=np.float32)
    own[is_met] = factors[places[is_met]]
    code, table = pictures.code, pictures.table
    if table is None:
        code, table = FactCode(), np.zeros((len(places), 0), dtype=np.float32)
    found = learn_factor_map(own, pictures.vectors, code, table)
    of_number = np.full(max(1, len(numbers.ids)), -1, dtype=np.int64)  # -1: not in the catalog
    of_number[places[is_met]] = np.flatnonzero(is_met)
    items = of_number[history.visits.items]
    kept = items >= 0
    meetings = first_meetings(history.visits.users[kept], items[kept], history.times[kept])
    ranks = np.argsort(np.argsort(np.array(ids, dtype=np.str_), kind="stable"))
    sides = Sides(pictures.vectors, table, ranks)
    return found._replace(share=share_of_places(meetings, sides, min_users=MIN_USERS))


def _numbered(
    numbers: _Numbers, ids: list[str], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return rows of items (n, d), by their ids, as rows of numbered items, zeros for none."""
    found = np.zeros((max(1, len(numbers.ids)), values.shape[1]), dtype=np.float32)
    for item_id, row in zip(ids, values, strict=True):
        if item_id in numbers.of:
            found[numbers.of[item_id]] = row
    return found


def _named(
    items: NDArray[np.int64], strengths: NDArray[np.floating], ids: list[str], *, digits: int
) -> list[tuple[str, float]]:
    """Return item numbers (k,) as ids, each with its strength (k,), rounded."""
    pairs = zip(items.tolist(), strengths.tolist(), strict=True)
    return [(ids[item], round(strength, digits)) for item, strength in pairs]


def _bought(found: Together, ids: list[str]) -> list[Bought]:
    columns = (found.items, found.strengths, found.support, found.ratios)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Bought(ids[item], round(strength, 5), baskets, round(ratio, 3))
        for item, strength, baskets, ratio in rows
    ]


def _factors_by_id(factors: Factors, ids: list[str]) -> dict[str, bytes]:
    known = np.flatnonzero(factors.any(axis=1)).tolist()
    return {ids[item]: factors[item].astype("<f4").tobytes() for item in known}


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
