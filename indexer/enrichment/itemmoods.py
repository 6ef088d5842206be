"""Sum up the moods of the reviews of each item, for the recommendations of a shop."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from indexer.enrichment.reviewlog import ReviewLog
from indexer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.shop.folder import ShopFolder

_PRIOR: Final = 5  # reviews with the mean mood of the shop that every item has besides its own


def store_item_moods(folder: ShopFolder, log: ReviewLog) -> None:
    """Store how much happier the reviews of each item and of its product are than all others.

    Items that come later have none until this is done again.
    """
    with Store(folder.store) as store, store.read() as reader:
        items = ((record.item.item_id, record.item.product_id) for record in reader.items())
        log.set_item_moods(item_moods(items, log.moods()))


def item_moods(
    items: Iterable[tuple[str, str]], moods: Iterable[tuple[str, float]]
) -> dict[str, float]:
    """Return the difference from the shop's mean mood of each item that has reviews, in [-1, 1].

    ``items`` are pairs of ids, of an item and its product; ``moods`` pairs of what a review is
    about and the probability that its author is happy. Few reviews say little: a sum of differences
    is divided by their number and 5.
    """
    counts: dict[str, int] = defaultdict(int)
    sums: dict[str, float] = defaultdict(float)
    for about, positive in moods:
        counts[about] += 1
        sums[about] += positive
    mean = sum(sums.values()) / max(1, sum(counts.values()))
    found = {}
    for item_id, product_id in items:
        names = {item_id, product_id} & counts.keys()
        if names:
            count = sum(counts[name] for name in names)
            total = sum(sums[name] for name in names)
            found[item_id] = round((total - mean * count) / (count + _PRIOR), 4)
    return found
