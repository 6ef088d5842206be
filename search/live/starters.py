"""The items that the page shows before the first search."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.items import Item

MAX_STARTERS = 200


def items_of_all_categories(items: list[Item]) -> list[int]:
    """Return item numbers of different products, from each main category in turn.

    The page shows them before the first search.
    """
    by_category: dict[str, list[int]] = {}
    products: set[str] = set()
    for number, item in enumerate(items):
        if item.product_id not in products:
            products.add(item.product_id)
            category = item.categories[0] if item.categories else ""
            by_category.setdefault(category, []).append(number)
    out: list[int] = []
    for turn in range(max(map(len, by_category.values()), default=0)):
        out.extend(numbers[turn] for numbers in by_category.values() if turn < len(numbers))
        if len(out) > MAX_STARTERS:
            break
    return out
