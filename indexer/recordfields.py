"""Fields of records of events and reviews, as tables, JSON and Parquet have them."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import Any, Final

_MILLISECONDS_FROM: Final = (
    1e11  # epoch seconds reach it in the year 5138, milliseconds did in 1973
)
# A shorter number as text may be a year or a date.
_NUMBER: Final = re.compile(r"[0-9]{9,15}(\.[0-9]+)?")


def is_absent(value: object) -> bool:
    """Return True for None, "" and NaN."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def text_in(value: object) -> str | None:
    """Return a text, or a whole number as one, as some columns have ids; None for the rest."""
    if isinstance(value, float) and value.is_integer():  # a column of numbers with gaps
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) else None


def number_in(value: Any) -> float | None:
    """Return a finite number, which may be written as text; None if it is not one."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def seconds_in(value: object) -> float | None:
    """Return the seconds since 1970 of a time; None if it is not one, or after the year 5138.

    It is a datetime, a date, ISO 8601 (without an offset: UTC), or a number of seconds or
    milliseconds since 1970, which may be written as text.
    """
    if isinstance(value, datetime):
        return _timestamp(value)
    if isinstance(value, date):
        return _timestamp(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        try:
            return _timestamp(datetime.fromisoformat(value.strip()))
        except ValueError:
            return None
    seconds = number_in(value)
    if seconds is None:
        return None
    if abs(seconds) >= _MILLISECONDS_FROM:
        seconds /= 1000
    return seconds if abs(seconds) < _MILLISECONDS_FROM else None


def _timestamp(moment: datetime) -> float | None:
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        return None
