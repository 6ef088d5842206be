"""Read the products of VTEX: items that several sellers offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indexer.catalog.shopformat import text_cell

if TYPE_CHECKING:
    from indexer.catalog.item_parser import Record


def is_vtex(record: Mapping[str, Any]) -> bool:
    """Return True if a record is a product with items."""
    items = record.get("items")
    return isinstance(items, list) and any(
        isinstance(item, dict) and "itemId" in item for item in items
    )


def vtex_record(record: Record) -> Record:
    """Return a product whose items are variants, with what the first seller asks for them."""
    found = {
        name: part
        for name, part in record.items()
        if name not in ("items", "productReference", "clusterHighlights", "productClusters")
    }
    found["id"] = text_cell(found.pop("productId", ""))
    found["variants"] = [_variant(item) for item in record["items"] if isinstance(item, dict)]
    return found


def _variant(item: Record) -> Record:
    sellers = item.get("sellers")
    listed = sellers if isinstance(sellers, list) else []
    offers = (part.get("commertialOffer") for part in listed if isinstance(part, dict))
    offer = next((part for part in offers if isinstance(part, dict)), {})
    names = item.get("variations")
    options = {
        name: item[name][0]
        for name in (names if isinstance(names, list) else [])
        if isinstance(name, str) and isinstance(item.get(name), list) and item[name]
    }
    return {
        "id": item.get("itemId"),
        "images": item.get("images"),
        "price": offer.get("Price"),
        "quantity": offer.get("AvailableQuantity"),
        "attributes": options,
    }
