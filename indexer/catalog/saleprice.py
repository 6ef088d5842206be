"""Choose between the price and the sale price of a row."""

from __future__ import annotations

import datetime
import re
from typing import Any

from indexer.catalog.item_parser import is_empty, text_from
from indexer.catalog.prices import UnclearPrice, parse_price


def price_now(price: Any, sale: Any, start: Any, end: Any, today: datetime.date) -> Any:
    """Return the sale price if it is given, readable and valid today, else the price.

    ``start`` and ``end`` are days of the sale, both included; an empty one is open.
    """
    if is_empty(sale) or (isinstance(sale, str) and not sale.strip()):
        return price
    try:
        amount = parse_price(sale, ".").amount
    except UnclearPrice:
        amount = None
    if not amount:
        return price
    first, last = day_of(start), day_of(end)
    is_over = (first is not None and today < first) or (last is not None and today > last)
    return price if is_over and not is_empty(price) else sale


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
