"""Prices among the words of a query: ``red mugs under 20`` sets a limit."""

from __future__ import annotations

import re
from typing import NamedTuple

from search.filters.jsonform import Range

_CURRENCY = (
    r"(?:[$€£¥￥₽₹₩]|us\$|eur|usd|gbp|chf|euros?|dollars?|pounds?|zl|zł|kr|sek|nok|dkk|pln|kč|czk|"
    r"rub|won|yen|yuan|руб(?:лей|ля|\.)?|tl|lira|人民币|日元|元|円|块|圆|원)"
)
_NUMBER = r"\d{1,3}(?:[.,'’]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d{1,9}(?:[.,]\d{1,2})?(?![.,]?\d)"
_AMOUNT = rf"{_CURRENCY}?\s?(?:{_NUMBER})[万萬만]?(?:\s?{_CURRENCY})?"
_BELOW = (
    r"under|below|less than|cheaper than|up to|at most|not over|max\.?|<=?|"
    r"unter|bis zu|höchstens|billiger als|weniger als|"
    r"moins de|jusqu'à|menos de|hasta|meno di|fino a|onder|tot|menos que|até|"
    r"poniżej|do|tańsze niż|méně než|billigare än|billigere end|billigere enn|"
    r"до|дешевле|не дороже|не более|менее"
)
_ABOVE = (
    r"over|above|more than|at least|min\.?|>=?|"
    r"über|mindestens|mehr als|plus de|más de|più di|boven|vanaf|mais de|"
    r"powyżej|od|více než|дороже|от|более|свыше"
)
_BETWEEN = (
    rf"(?:between|from|zwischen|von|entre|de|tra|tussen|od|от)\s+(?P<low>{_AMOUNT})\s*"
    rf"(?:and|to|und|bis|et|à|y|a|e|en|do|до|-|–)\s*(?P<high>{_AMOUNT})"
)
# A number with a unit is a size ("under 20 cm"), also one with a hyphen ("under 20-inch").
_UNITS = (
    r"ml|cl|l|g|kg|mg|cm|mm|m|km|inch(?:es)?|in|ft|oz|lbs?|w|v|mah|gb|tb|hz|pcs|pieces?|"
    r"years?|months?|days?|hours?|uhr|jahren?|degrees?|percent|lat|let|лет|года?|см|мм|кг|г|м|л|мл"
)
_NO_UNIT = rf"(?![\w%°\"'/-])(?!\s+(?:{_UNITS})\b)"
# In Chinese, Japanese, Korean and Turkish the limit is after the amount, or needs no spaces.
_LEAST_BEFORE = r"(?:超过|超過|高于|高於|不少于|不低于)"
_MOST_BEFORE = r"(?:不超过|不超過|低于|低於|少于|不到|小于)"
_MOST_AFTER = r"(?:以下|以内|以內|之内|未満|未满|이하|미만|altında|altı)"
_LEAST_AFTER = r"(?:以上|이상|초과|üzeri|üstü)"
_BETWEEN_EAST = (
    rf"(?P<east_low>{_AMOUNT})\s?(?:到|至|から|~|～|부터|에서|-|–)\s?(?P<east_high>{_AMOUNT})"
    r"\s?(?:之间|之間|まで|까지|(?<=[元円块圆원]))"
)
_LIMIT = re.compile(
    rf"(?<!\S)(?:{_BETWEEN}|(?P<below>{_BELOW})\s*(?P<most>{_AMOUNT})|"
    rf"(?P<above>{_ABOVE})\s*(?P<least>{_AMOUNT})){_NO_UNIT}|"
    rf"(?<![\d.,a-zA-Z])(?:{_BETWEEN_EAST}|"
    rf"(?P<below_east>{_MOST_BEFORE})\s?(?P<most_east>{_AMOUNT})|"
    rf"(?P<above_east>{_LEAST_BEFORE})\s?(?P<least_east>{_AMOUNT})|"
    rf"(?P<most_then>{_AMOUNT})\s?(?P<then_below>{_MOST_AFTER})|"
    rf"(?P<least_then>{_AMOUNT})\s?(?P<then_above>{_LEAST_AFTER}))",
    re.IGNORECASE,
)
# An amount of money alone is what to spend at most: "tee for 29 dollars", "€30 bag".
_MONEY = r"(?:us\$|[$€£¥￥₽₹₩]|eur|usd|gbp|chf|euros?|dollars?|元|円)"
_SPENT = re.compile(
    rf"(?<!\S)(?:(?:for|für|pour|por|per|voor)\s+)?(?:"
    rf"{_MONEY}\s?(?P<before>{_NUMBER})|(?P<after>{_NUMBER})\s?{_MONEY}){_NO_UNIT}",
    re.IGNORECASE,
)
_CHEAP = re.compile(
    r"(?<![^\W\d_])(?:(?:the )?(?:cheap(?:est|er)?|(?:least |in)expensive|low(?:est)?[ -]priced?)|"
    r"(?:billig|günstig|preiswert)(?:e[rsnm]?|ste[rsnm]?|t|a|aste)?|(?:pas|moins) ch[eè]re?s?|"
    r"bon marché|barat[oa]s?|economic[oaih]e?|goedko(?:op|pe)(?:ste)?|дешев\w*)(?![^\W\d_])|"
    r"最?便宜的?|安い|저렴한",
    re.IGNORECASE,
)
_DEAR = re.compile(
    r"(?<![^\W\d_])(?:the )?(?:most expensive|priciest|dearest|teuerste[rsnm]?)(?![^\W\d_])|"
    r"最贵的?",
    re.IGNORECASE,
)
_STRICT = frozenset(
    {
        *("under", "below", "less than", "cheaper than", "<", "over", "above", "more than", ">"),
        *("unter", "低于", "低於", "少于", "不到", "小于", "未満", "未满", "미만", "超过", "超過"),
        *("高于", "高於", "초과", "poniżej", "powyżej", "дешевле", "дороже", "менее", "более"),
    }
)
_LINK = re.compile(r"^(?:の|的|의)")  # between a price and what has it: 20元以下的杯子
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+")


class PricedText(NamedTuple):
    """A text without its price, and the price as a range; None if the text names none."""

    text: str
    price: Range | None


def take_order(text: str) -> tuple[str, int]:
    """Take words such as "cheap" or "most expensive" out of a text.

    Return the rest, and 1 if the least price comes first, -1 if the greatest does, or 0.
    """
    for pattern, order in ((_CHEAP, 1), (_DEAR, -1)):
        rest = pattern.sub(" ", text)
        if rest != text:
            return " ".join(rest.split()), order
    return text, 0


def take_price(text: str) -> PricedText:
    """Take the price limit out of a text: the first one, if there are several."""
    found = _LIMIT.search(text)
    if found is None:
        return _take_amount(text)
    before, after = text[: found.start()], _LINK.sub("", text[found.end() :])
    rest = " ".join(f"{before} {after}".split())
    low, high = (found[name] or found[f"east_{name}"] for name in ("low", "high"))
    if low:
        least, most = sorted((_number(low), _number(high)))
        return PricedText(rest, Range("price", above=least, below=most))
    most_text = found["most"] or found["most_east"] or found["most_then"]
    words = found["below"] or found["below_east"] or found["then_below"]
    if most_text:
        is_included = words.lower() not in _STRICT
        limit = Range("price", below=_number(most_text), below_included=is_included)
        return PricedText(rest, limit)
    words = found["above"] or found["above_east"] or found["then_above"]
    least_text = found["least"] or found["least_east"] or found["least_then"]
    is_included = words.lower() not in _STRICT
    return PricedText(rest, Range("price", above=_number(least_text), above_included=is_included))


def _take_amount(text: str) -> PricedText:
    """Take an amount of money out of a text; it is the most to spend."""
    found = _SPENT.search(text)
    if found is None:
        return PricedText(text, None)
    rest = " ".join(f"{text[: found.start()]} {text[found.end() :]}".split())
    amount = _number(found["before"] or found["after"])
    return PricedText(rest, Range("price", below=amount, below_included=True))


def described(price: Range) -> str:
    """Return a range of prices as people write a filter: ``price < 20``."""
    parts = []
    if price.above > float("-inf"):
        parts.append(f"price {'>=' if price.above_included else '>'} {price.above:.12g}")
    if price.below < float("inf"):
        parts.append(f"price {'<=' if price.below_included else '<'} {price.below:.12g}")
    return " and ".join(parts)


def _number(amount: str) -> float:
    """Return the number in an amount: ``1.299`` and ``1,299`` are a thousand and more."""
    found = re.search(_NUMBER, amount)
    assert found is not None
    text = found[0]
    if whole := _THOUSANDS.match(text):
        digits = re.sub(r"\D", "", whole[0])
        text = f"{digits}.{text[whole.end() + 1 :] or 0}"
    factor = 10_000 if re.search("[万萬만]", amount) else 1
    return float(text.replace(",", ".")) * factor
