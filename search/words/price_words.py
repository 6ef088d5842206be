"""Prices among the words of a query: ``red mugs under 20`` sets a limit."""

from __future__ import annotations

import re
from typing import NamedTuple

from search.filters.jsonform import Range

_CURRENCY = r"(?:[$€£¥₽₹]|us\$|eur|usd|gbp|chf|euros?|dollars?|pounds?|zl|kr|sek|nok|dkk|pln)"
_NUMBER = r"\d{1,9}(?:[.,]\d{1,2})?"
_AMOUNT = rf"{_CURRENCY}?\s?{_NUMBER}(?:\s?{_CURRENCY})?"
_BELOW = (
    r"under|below|less than|cheaper than|up to|at most|not over|max\.?|<=?|"
    r"unter|bis zu|höchstens|billiger als|weniger als|"
    r"moins de|jusqu'à|menos de|hasta|meno di|fino a|onder|tot|menos que|até"
)
_ABOVE = (
    r"over|above|more than|at least|min\.?|>=?|"
    r"über|mindestens|mehr als|plus de|más de|più di|boven|vanaf|mais de"
)
_BETWEEN = (
    rf"(?:between|from|zwischen|von|entre|de|tra|tussen)\s+(?P<low>{_AMOUNT})\s*"
    rf"(?:and|to|und|bis|et|à|y|a|e|en|-|–)\s*(?P<high>{_AMOUNT})"
)
# A number with a unit is a size ("under 20 cm"), also one with a hyphen ("under 20-inch").
_UNITS = (
    r"ml|cl|l|g|kg|mg|cm|mm|m|km|inch(?:es)?|in|ft|oz|lbs?|w|v|mah|gb|tb|hz|pcs|pieces?|"
    r"years?|months?|days?|hours?|uhr|jahren?|degrees?|percent"
)
_NO_UNIT = rf"(?![\w%°\"'/-])(?!\s+(?:{_UNITS})\b)"
_LIMIT = re.compile(
    rf"(?<!\S)(?:{_BETWEEN}|(?P<below>{_BELOW})\s*(?P<most>{_AMOUNT})|"
    rf"(?P<above>{_ABOVE})\s*(?P<least>{_AMOUNT})){_NO_UNIT}",
    re.IGNORECASE,
)
_STRICT = (
    "under",
    "below",
    "less than",
    "cheaper than",
    "<",
    "over",
    "above",
    "more than",
    ">",
    "unter",
)


class PricedText(NamedTuple):
    """A text without its price, and the price as a range; None if the text names none."""

    text: str
    price: Range | None


def take_price(text: str) -> PricedText:
    """Take the price limit out of a text: the first one, if there are several."""
    found = _LIMIT.search(text)
    if found is None:
        return PricedText(text, None)
    rest = " ".join(f"{text[: found.start()]} {text[found.end() :]}".split())
    if found["low"]:
        low, high = sorted((_number(found["low"]), _number(found["high"])))
        return PricedText(rest, Range("price", above=low, below=high))
    if found["below"]:
        included = found["below"].lower() not in _STRICT
        return PricedText(
            rest, Range("price", below=_number(found["most"]), below_included=included)
        )
    included = found["above"].lower() not in _STRICT
    return PricedText(rest, Range("price", above=_number(found["least"]), above_included=included))


def described(price: Range) -> str:
    """Return a range of prices as people write a filter: ``price < 20``."""
    parts = []
    if price.above > float("-inf"):
        parts.append(f"price {'>=' if price.above_included else '>'} {price.above:.12g}")
    if price.below < float("inf"):
        parts.append(f"price {'<=' if price.below_included else '<'} {price.below:.12g}")
    return " and ".join(parts)


def _number(amount: str) -> float:
    found = re.search(_NUMBER, amount)
    assert found is not None
    return float(found[0].replace(",", "."))
