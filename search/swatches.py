"""The colors of a product, for its card: one item for each value of an attribute."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import replace

from indexer.errors import BadQuery
from indexer.words.folding import fold_label
from search.hits import Swatch
from search.live.columns import as_labels
from search.page import unchanged_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.items import Item
    from indexer.store.transactions import Reader
    from search.hits import Hit
    from search.live.view import ShopView

MAX_SWATCHES: Final = 12
_MAX_ITEMS = 60  # of a product that are looked at


def with_swatches(hits: Sequence[Hit], field: str, view: ShopView, reader: Reader) -> list[Hit]:
    """Return the hits with the swatches of their products; see ``Hit.swatches``.

    ``field`` is an attribute. Filters do not count: a red hit has its green swatch. A value is
    shown by the hit itself if it has it, otherwise by the first item in stock, otherwise by the
    first one, in the order of ids. Items that have changed since the view was made are left out.
    BadQuery if no item of the shop has the field, or if it is no attribute.
    """
    name = view.columns.full_name(field, param="swatches")
    if not name.startswith("attributes."):
        raise BadQuery(
            f"swatches takes an attribute, such as color, got {field[:80]!r}", param="swatches"
        )
    name = name.removeprefix("attributes.")
    changed = reader.changes_since(view.sequence)
    if not hits or changed is None:
        return list(hits)
    numbers = [view.number(hit.item_id) for hit in hits]
    siblings = _siblings(numbers, view)
    items: dict[int, Item] = {}
    for number in chain.from_iterable(siblings.values()):
        record = None if view.ids[number] in changed else unchanged_record(number, view, reader)
        if record is not None:
            items[number] = record.item
    found: list[Hit] = []
    for hit, number in zip(hits, numbers, strict=True):
        variants = [items[one] for one in siblings[int(view.product[number])] if one in items]
        found.append(replace(hit, swatches=_swatches(variants, name, hit.item_id)))
    return found


def _siblings(numbers: list[int], view: ShopView) -> dict[int, list[int]]:
    """Return the items of the products of these items by product number, in the order of ids."""
    wanted = np.zeros(view.product_numbers, dtype=np.bool_)
    wanted[view.product[numbers]] = True
    members = np.flatnonzero(wanted[view.product] & view.columns.alive)
    by_product: defaultdict[int, list[int]] = defaultdict(list)
    for number, product in zip(members.tolist(), view.product[members].tolist(), strict=True):
        if len(by_product[product]) < _MAX_ITEMS:
            by_product[product].append(number)
    return {product: sorted(ones, key=view.ids.__getitem__) for product, ones in by_product.items()}


def _swatches(variants: list[Item], name: str, hit_id: str) -> list[Swatch]:
    """Return a swatch for each value of the variants of a hit; [] if there is only one."""
    by_value: defaultdict[str, list[Item]] = defaultdict(list)
    for item in variants:
        if name in item.attributes:
            by_value[fold_label(_value(item, name))].append(item)
    chosen = [
        min(items, key=lambda item: (item.item_id != hit_id, not item.in_stock))
        for value, items in by_value.items()
        if value
    ]
    if len(chosen) < 2:
        return []
    kept = chosen[:MAX_SWATCHES]
    own = [item for item in chosen[MAX_SWATCHES:] if item.item_id == hit_id]
    kept[MAX_SWATCHES - len(own) :] = own  # that of the hit is always there
    return [_swatch(item, name) for item in kept]


def _value(item: Item, name: str) -> str:
    return ", ".join(as_labels(item.attributes[name]))


def _swatch(item: Item, name: str) -> Swatch:
    return Swatch(
        item_id=item.item_id,
        value=_value(item, name),
        title=item.title,
        price=item.price,
        currency=item.currency,
        in_stock=item.in_stock,
        url=item.url,
    )
