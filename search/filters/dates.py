"""Dates in filters and in the fields of items, as seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

_DAY = re.compile(r"\d{4}([-/.])\d{1,2}\1\d{1,2}")
_DAY_S = 86_400.0


class Period(NamedTuple):
    """The time that a text names: from ``start`` to ``end``, which is not part of it.

    An instant has ``end`` equal to ``start``; a day is a day long.
    """

    start: float
    end: float


def parse_date(text: str) -> Period | None:
    """Return the time that a text names, or None if it is not a date.

    Reads ISO 8601 (``2024-05-01``, ``2024-05-01T10:00:00Z``), also with a space in place of the T,
    and with ``/`` or ``.`` between year, month and day. Times without a zone are UTC. Numbers are
    not dates.
    """
    text = text.strip()
    if (day := _DAY.match(text)) is None:
        return None
    year, month, date = day[0].split(day[1])
    rest = text[day.end() :].strip()
    try:
        found = datetime.fromisoformat(f"{year}-{month:0>2}-{date:0>2}{'T' if rest else ''}"
                                       f"{rest.removeprefix('T')}")  # fmt: skip
        start = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return Period(start, start if rest else start + _DAY_S)
