"""Report how much each brand, category or price band is shown in recommendations.

The lists of some users are made as they would be now. An item at the rank r, from 1, counts
``1 / log2(r + 1)``, as in nDCG. The share of a group in the sum is its exposure; its relevance is
its share of the items that users met, each item once for each user.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from math import log2
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from indexer.errors import BadQuery
from search.personal.learning import by_user
from search.personal.profile import profile_of
from search.personal.recommendation import RecommendQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from indexer.items import Item
    from search.engine import SearchEngine

    GroupOf = Callable[[Item], str]

_BANDS = 4  # of prices, with equally many items each
_UNKNOWN = "(none)"


class GroupExposure(msgspec.Struct, frozen=True, kw_only=True):
    """The shares of one group in the items, in what is shown, and in what users met."""

    value: str
    items: float
    exposure: float
    relevance: float
    ratio: Annotated[
        float | None, Meta(description="Exposure by relevance; null if nobody met the group.")
    ]


class ExposureReport(msgspec.Struct, frozen=True, kw_only=True):
    """The exposure of the groups of a field, the most shown first."""

    field: str
    users: int
    groups: list[GroupExposure]


def exposure(
    engine: SearchEngine, field: str, *, users: int = 500, limit: int = 12
) -> ExposureReport:
    """Report the exposure by ``category``, ``price`` (in four bands) or an attribute.

    Raises BadQuery if no item has the field, or the shop has no events.
    """
    log = engine.recommender.open_log()
    if log is None:
        raise BadQuery("the shop has no events; store some with 'vitrine events import'")
    items = {item_id: engine.item(item_id) for item_id in engine.item_vectors()[0]}
    group_of = _grouping(items, field)
    shown: dict[str, float] = defaultdict(float)
    met: dict[str, float] = defaultdict(float)
    count = 0
    now = engine.recommender.now()
    with log.read() as reader:
        for _, entries in islice(by_user(reader), users):
            count += 1
            events = [entry.event for entry in entries]
            for item_id in {event.item_id for event in events if event.type != "hide"}:
                if item_id in items:
                    met[group_of(items[item_id])] += 1
            found = engine.recommender.recommend(
                profile_of(events, now), RecommendQuery(limit=limit)
            )
            for rank, recommended in enumerate(found.items, start=1):
                if recommended.item_id in items:
                    shown[group_of(items[recommended.item_id])] += 1 / log2(rank + 1)
    sizes: dict[str, float] = defaultdict(float)
    for item in items.values():
        sizes[group_of(item)] += 1
    return ExposureReport(field=field, users=count, groups=_groups(sizes, shown, met))


def _groups(
    sizes: Mapping[str, float], shown: Mapping[str, float], met: Mapping[str, float]
) -> list[GroupExposure]:
    def share(of: Mapping[str, float], value: str) -> float:
        return of.get(value, 0.0) / max(1e-12, sum(of.values()))

    groups = [
        GroupExposure(
            value=value,
            items=round(share(sizes, value), 4),
            exposure=round(share(shown, value), 4),
            relevance=round(share(met, value), 4),
            ratio=round(share(shown, value) / share(met, value), 3) if met.get(value) else None,
        )
        for value in sizes
    ]
    return sorted(groups, key=lambda group: (-group.exposure, group.value))


def _grouping(items: Mapping[str, Item], field: str) -> GroupOf:
    if field == "price":
        return _price_bands(items.values())
    if field == "category":
        return lambda item: item.categories[0] if item.categories else _UNKNOWN
    if not any(field in item.attributes for item in items.values()):
        raise BadQuery(f"no item has the attribute {field[:80]!r}", param="field")

    def value(item: Item) -> str:
        found = item.attributes.get(field, _UNKNOWN)
        return ", ".join(found) if isinstance(found, list) else str(found)

    return value


def _price_bands(items: Iterable[Item]) -> GroupOf:
    prices = [item.price for item in items if item.price is not None]
    if not prices:
        raise BadQuery(
            "no item has a price, so items cannot be grouped by it; choose another field",
            param="field",
        )
    bounds = np.quantile(prices, np.linspace(0, 1, _BANDS + 1)).tolist()

    def band(item: Item) -> str:
        if item.price is None:
            return _UNKNOWN
        place = min(_BANDS - 1, int(np.searchsorted(bounds[1:-1], item.price, side="left")))
        return f"{bounds[place]:.2f} to {bounds[place + 1]:.2f}"

    return band
