"""Counts that may be published: none of too few users, and with noise on request.

A user adds at most ``MAX_COUNTS`` items, and as many pairs, each once. So one user changes each
list of counts by at most ``MAX_COUNTS`` in sum, which is its sensitivity, and Laplace noise of the
scale ``MAX_COUNTS / epsilon`` hides whether a user is in it (Dwork et al., 2006). Counts below the
minimum are left out after the noise was added.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import numpy as np

from search.personal.learning import MIN_USERS, baskets_of, by_user

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.personal.event_reader import EventReader, UserEvent

MAX_COUNTS: Final = 20
Key = TypeVar("Key", str, tuple[str, str])


class ItemCount(msgspec.Struct, frozen=True):
    """An item, and how many users met it."""

    item_id: str
    users: float


class PairCount(msgspec.Struct, frozen=True):
    """Two items, and how many users bought both within an hour."""

    first: str
    second: str
    users: float


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """Counts that may be published, the largest first, and how they are protected.

    ``epsilon`` is that of each list, None without noise; ``noise_scale`` is 0 then.
    """

    trending: list[ItemCount]
    bought_together: list[PairCount]
    since: float
    min_users: int
    epsilon: float | None
    noise_scale: float


def publish(
    reader: EventReader,
    *,
    since: float = 0.0,
    min_users: int = MIN_USERS,
    epsilon: float | None = None,
    rng: np.random.Generator | None = None,
) -> Publication:
    """Count the users of items and of pairs bought together, in events since a time.

    Of each user the newest items and pairs count. ``rng`` draws the noise; by default it is seeded
    by the operating system.
    """
    items: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for _, group in by_user(reader):
        events = [entry.event for entry in group if entry.event.time >= since]
        items.update(_newest(event.item_id for event in events if event.type != "hide"))
        pairs.update(_newest(_pairs(events)))
    scale = MAX_COUNTS / epsilon if epsilon else 0.0
    draw = rng or np.random.default_rng()
    return Publication(
        trending=[
            ItemCount(item, users) for item, users in _published(items, scale, min_users, draw)
        ],
        bought_together=[
            PairCount(*pair, users) for pair, users in _published(pairs, scale, min_users, draw)
        ],
        since=since,
        min_users=min_users,
        epsilon=epsilon,
        noise_scale=scale,
    )


def _pairs(events: Iterable[UserEvent]) -> Iterable[tuple[str, str]]:
    for basket in baskets_of(events):
        yield from combinations(sorted(set(basket)), 2)


def _newest(values: Iterable[Key]) -> list[Key]:
    """Return the distinct values that came last, at most ``MAX_COUNTS``."""
    return list(dict.fromkeys(reversed(list(values))))[:MAX_COUNTS]


def _published(
    counts: Counter[Key], scale: float, min_users: int, rng: np.random.Generator
) -> list[tuple[Key, float]]:
    keys = sorted(counts)
    values = np.array([counts[key] for key in keys], dtype=np.float64)
    if scale:
        values += rng.laplace(0.0, scale, len(keys))
    found = [
        (key, round(value, 2))
        for key, value in zip(keys, values.tolist(), strict=True)
        if value >= min_users
    ]
    return sorted(found, key=lambda pair: -pair[1])
