"""Choose between the price and the sale price of a row."""

from __future__ import annotations

import datetime
import re
from typing import Any

from indexer.catalog.item_parser import is_empty, text_from
from indexer.catalog.money import amounts_in
from indexer.catalog.prices import UnclearPrice, parse_price


def price_now(price: Any, sale: Any, start: Any, end: Any, today: datetime.date) -> Any:
    """Return the sale price if it is given, readable, lower and valid today, else the price.

    ``start`` and ``end`` are days of the sale, both included; an empty one is open.
    """
    if is_empty(sale) or (isinstance(sale, str) and not sale.strip()):
        return price
    amount = amount_of(sale)
    if not amount or _is_below(price, amount):
        return price
    return sale if is_on(start, end, today) or is_empty(price) else price


def is_on(start: Any, end: Any, today: datetime.date) -> bool:
    """Return True if a sale is on today; its last day is included, and an empty day is open."""
    first, last = day_of(start), day_of(end)
    return (first is None or today >= first) and (last is None or today <= last)


def discounted(price: Any, discount: Any, *, is_share: bool) -> Any:
    """Return a price less a discount: a share in percent, or an amount of money.

    A price or discount that cannot be read leaves the price as it is, and so does a discount of
    more than the price.
    """
    try:
        amount, less = parse_price(price).amount, parse_price(discount).amount
    except UnclearPrice:
        return price
    if amount is None or not less:
        return price
    total = amount * (1 - less / 100) if is_share else amount - less
    return round(total, 2) if total >= 0 else price


def amount_of(price: Any) -> float | None:
    """Return the amount of a price to compare it with others; None if it is none."""
    if isinstance(price, dict):
        try:
            price = next((amount.value for amount in amounts_in(price)), None)
        except ValueError:
            return None
    try:
        return parse_price(price, ".").amount
    except UnclearPrice:
        return None


def _is_below(price: Any, sale: float) -> bool:
    """Return True if a price is lower than that of the sale, which is no sale then."""
    amount = amount_of(price)
    return amount is not None and 0 < amount < sale


def day_of(value: Any) -> datetime.date | None:
    """Return the day of a date or time such as ``2026-02-24T11:07+0100`` or ``2/24/26``."""
    text = text_from(value)
    if match := re.match(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
        year, month, day = map(int, match.groups())
    elif match := re.match(r"(\d{1,2})/(\d{1,2})/(\d{2,4})", text):  # as Magento writes it
        month, day, year = map(int, match.groups())
        year += 2000 if year < 100 else 0
    else:
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
