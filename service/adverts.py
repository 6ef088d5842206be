"""Turns an item of a shop into the advert of a campaign picture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from style.campaign.poster import Advert

if TYPE_CHECKING:
    from indexer.items import AttributeValue, Item

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def advert_of(item: Item, old_price_field: str, line: str = "") -> Advert:
    """Return title, price and old price of an item; the old price is one of its attributes."""
    old = _price(item.attributes.get(old_price_field))
    return Advert(item.title, item.price, item.currency, old, line)


def _price(value: AttributeValue | None) -> float | None:
    """Read a price such as 24.5, ``24.50 EUR`` or ``1.299,00``; None if there is none."""
    if isinstance(value, bool) or value is None or isinstance(value, list):
        return None
    if isinstance(value, float | int):
        return float(value)
    found = _NUMBER.search(value)
    if found is None:
        return None
    digits = found[0]
    # The last separator is the decimal one, unless three digits follow it.
    head, mark, tail = digits.rpartition("." if digits.rfind(".") > digits.rfind(",") else ",")
    if not mark or len(tail) == 3:
        return float(re.sub(r"[.,]", "", digits))
    return float(f"{re.sub(r'[.,]', '', head)}.{tail}")
