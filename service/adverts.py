"""Turns an item of a shop into the advert of a campaign picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog.prices import UnclearPrice, parse_price
from style.campaign.poster import Advert

if TYPE_CHECKING:
    from indexer.items import Item


def advert_of(item: Item, old_price_field: str, line: str = "") -> Advert:
    """Return title, price and old price of an item; the old price is one of its attributes."""
    old = _old_price(item.attributes.get(old_price_field), item.currency)
    return Advert(item.title, item.price, item.currency, old, line)


def _old_price(value: object, currency: str) -> float | None:
    """Return the old price that a value states; None if it is unclear."""
    if isinstance(value, str):
        value = f"{value} {currency}"
    try:
        return parse_price(value).amount
    except UnclearPrice:
        return None
