"""Read products of Sylius's interface, whose prices are in cents and links to other resources."""

from __future__ import annotations

from typing import Any, Final

from indexer.catalog.item_parser import Record

_PATH: Final = "/api/"
_LINKS: Final = ("productTaxons", "mainTaxon", "reviews", "attributes", "associations", "options")


def is_sylius(record: Record) -> bool:
    """Return True if a record is such a product."""
    name = record.get("@id")
    return record.get("@type") == "Product" and isinstance(name, str) and name.startswith(_PATH)


def sylius_record(record: Record) -> Record:
    """Return a product with its variants, or that which stands for them, and prices as paid."""
    found = {
        name: part
        for name, part in record.items()
        if name[:1] != "@" and not (name in _LINKS and _is_linked(part))
    }
    default = found.pop("defaultVariantData", None)
    variants = found.pop("variants", None)
    inner = [one for one in variants if isinstance(one, dict)] if isinstance(variants, list) else []
    found["id"] = found.pop("code", found.get("id"))
    if inner:
        return {**found, "variants": [_priced(one) for one in inner]}
    own = _priced(default) if isinstance(default, dict) else {}
    return {**found, **{name: own[name] for name in ("price", "in_stock") if name in own}}


def _priced(variant: Record) -> Record:
    found = {name: part for name, part in variant.items() if name[:1] != "@"}
    price = found.get("price")
    if isinstance(price, int) and not isinstance(price, bool):
        found["price"] = price / 100
    for name in ("originalPrice", "lowestPriceBeforeDiscount"):
        found.pop(name, None)
    if "inStock" in found:
        found["in_stock"] = found.pop("inStock")
    return found


def _is_linked(value: Any) -> bool:
    """Return True for the address of another resource, or a list of them."""
    listed = value if isinstance(value, list) else [value]
    return all(isinstance(one, str) and one.startswith(_PATH) for one in listed)
