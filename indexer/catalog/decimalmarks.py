"""Count the decimal marks of the prices of a catalog, which decide what ``1.299`` means in it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from indexer.catalog.prices import UnclearPrice, decimal_mark_of

_THOUSANDS: Final = re.compile(r"[1-9]\d{3,}")
_IN_GROUPS: Final = re.compile(r"\D*[1-9]\d{0,2},\d{3}\D*")  # "12,000", which has no other mark
_ENOUGH: Final = 3  # prices of one form that make a habit


class DecimalMarks:
    """What the prices of a catalog show of their decimal mark."""

    def __init__(self) -> None:
        """Begin without a price."""
        self._marks: Counter[str] = Counter()
        self._has_thousands = False  # a price such as 12900
        self._in_groups = 0

    def add(self, price: object) -> None:
        """Count a price."""
        try:
            mark = decimal_mark_of(price)
        except UnclearPrice:
            mark = None
        if mark:
            self._marks[mark] += 1
        text = str(price).strip()
        self._has_thousands |= bool(_THOUSANDS.fullmatch(text))
        self._in_groups += mark is None and _IN_GROUPS.fullmatch(text) is not None

    def common(self) -> str | None:
        """Return the mark of all prices that show theirs; None if they differ or none does.

        If no price shows one, it is "" where some are whole numbers of a thousand and more, as
        where money has no decimals, and "." where three prices or more are like ``12,000``: a
        table with three decimals is rarer.
        """
        if self._marks:
            return next(iter(self._marks)) if len(self._marks) == 1 else None
        if self._has_thousands:
            return ""
        return "." if self._in_groups >= _ENOUGH else None
