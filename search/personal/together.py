"""Choose what goes with an item: items bought together with it, then items that look like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import replace

from search.personal.applied_rules import NO_RULES
from search.personal.choice import Choice, Chosen, allowed_items, choose_items
from search.personal.profile import profile_of
from search.personal.reasons import Grounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Mask
    from search.personal.learning import Bought
    from search.personal.recommendation import RecommendQuery
    from search.personal.sources import Sources

SUBSTITUTE_FROM: Final = 0.9
"""The cosine from which an item is a substitute for another, and not bought with it."""


def choose_together(
    item: int, query: RecommendQuery, bought: Sequence[Bought], sources: Sources
) -> Choice:
    """Choose what goes with an item, best first; empty only if the filter allows nothing else.

    ``item`` is a number of the view, ``bought`` what is bought together with it, best first.
    Items of its product are left out, and so are substitutes, which look the same. If too few are
    left, items that look like it fill up (the fallback ``similar``), then popular ones.
    """
    view = sources.view
    nobody = profile_of([], 0.0)
    allowed = allowed_items(query, nobody, sources) & (view.product != view.product[item])
    chosen = _bought(item, allowed, bought, sources)[: query.limit]
    if len(chosen) == query.limit:
        return Choice(chosen, None)
    rest = replace(query, context=view.ids[item], seen=True)
    found = choose_items(nobody, rest, sources._replace(rules=NO_RULES))
    taken = {int(view.product[entry.item]) for entry in chosen}
    added = [entry for entry in found.chosen if int(view.product[entry.item]) not in taken]
    chosen += added[: query.limit - len(chosen)]
    return Choice(chosen, (found.fallback or "similar") if added or not chosen else None)


def _bought(item: int, allowed: Mask, bought: Sequence[Bought], sources: Sources) -> list[Chosen]:
    """Return the allowed items that were bought with it: one of each product, no substitutes."""
    view = sources.view
    numbers = [(view.number(entry.item_id), entry.strength) for entry in bought]
    known = [(number, strength) for number, strength in numbers if number >= 0 and allowed[number]]
    items = np.array([item, *(number for number, _ in known)], dtype=np.int64)
    rows, vectors = sources.images.rows_of(items), sources.images.vectors_of(items)
    cosines = vectors[1:] @ vectors[0]  # (n, d) @ (d,) -> (n,)
    taken: set[int] = set()
    chosen: list[Chosen] = []
    for (number, strength), row, cosine in zip(known, rows[1:].tolist(), cosines, strict=True):
        product = int(view.product[number])
        if product not in taken and cosine < SUBSTITUTE_FROM:
            taken.add(product)
            chosen.append(Chosen(number, row, strength, Grounds("bought_together", item), {}))
    return chosen
