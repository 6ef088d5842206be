"""Read whether an item can be bought: words, counts, and the URLs of schema.org."""

from __future__ import annotations

import re
from typing import Final

_TRUE: Final = frozenset(
    "true yes y t on ja oui si sí wahr vrai lieferbar auflager instock available "
    "availablefororder availablenow lowstock limitedavailability limitedstock instoreonly "
    "onlineonly madetoorder preorder presale backorder onbackorder backorders backordered".split()
)  # a product on pre-order or back-order can be bought
_FALSE: Final = frozenset(
    "false no n f off nein non falsch faux ausverkauft agotado épuisé outofstock soldout "
    "notavailable unavailable discontinued oos reserved notinstock nostock".split()
)
_SCHEMA: Final = re.compile(r"^(?:https?://(?:www\.)?schema\.org/|schema:)", re.IGNORECASE)
_COUNT: Final = re.compile(
    r"(?:[<>]=?\s*)?([+-]?\d+(?:[.,]\d+)?)\s*\+?(?:\s*(?:in stock|pcs|items))?"
)


def parse_stock(value: object) -> bool:
    """Parse a text or number as "can be bought"; an empty value is True.

    A count is True above 0. Raise ValueError if the value is neither.
    """
    if value is None or value == "" or value != value:  # NaN: an empty cell of a data frame
        return True
    if isinstance(value, bool):
        return value
    text = _SCHEMA.sub("", str(value).strip()).lower()
    word = re.sub(r"[\s_-]+", "", text)
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    count = _COUNT.fullmatch(text)
    if count is None:
        raise ValueError(f"in_stock must be true or false, got {str(value)[:40]!r}")
    return float(count[1].replace(",", ".")) > 0
