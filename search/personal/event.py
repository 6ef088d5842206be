"""Events: what a user did with an item, and how an event is read from JSON or a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec

from indexer.errors import BadEvent
from indexer.items import MAX_ID_BYTES, clean_id
from indexer.recordfields import is_absent, number_in, seconds_in, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

EventType = Literal["view", "click", "cart", "purchase", "hide", "rating"]
EVENT_TYPES: Final[tuple[EventType, ...]] = get_args(EventType)
FIELDS: Final = (
    "event_id",
    "user_id",
    "item_id",
    "type",
    "time",
    "value",
    "surface",
    "position",
    "rendition",
    "propensity",
    "consent",
)
MAX_AHEAD_S: Final = 300.0  # by which the clock of a sender may be fast
MAX_RATING: Final = 5.0
MAX_NAME_BYTES: Final = 64  # of a surface or a rendition

_MAX_POSITION = 1_000_000
_TRUE, _FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a user did with an item.

    ``event_id`` identifies the event: the same id is stored once. If it is empty, the other fields
    identify it. ``time`` is in seconds since 1970, UTC. ``value`` is the stars of a ``rating``,
    from 0 to 5, and the quantity of a ``cart`` or ``purchase``. ``surface`` names the place where
    the item was shown, ``position`` its rank there from 0, ``rendition`` the style of the picture.
    ``propensity`` is the probability in (0, 1] with which the item was shown there, for off-policy
    estimates. ``consent`` is False if the user has not agreed to be remembered; such an event is
    not stored.
    """

    event_id: str
    user_id: str
    item_id: str
    type: EventType
    time: float
    value: float | None = None
    surface: str = ""
    position: int | None = None
    rendition: str = ""
    propensity: float | None = None
    consent: bool = True


def event_from(record: Mapping[str, Any], *, now: float, oldest: float = -math.inf) -> Event:
    """Return the event that a record with the names of ``FIELDS`` describes.

    Numbers, times and booleans may be texts, as tables have them; None and "" count as absent.
    ``time`` is ISO 8601 (without an offset: UTC) or a number since 1970, in seconds or
    milliseconds; it defaults to ``now``. Datetimes, dates and whole numbers as ids are accepted
    too, as Parquet has them.

    Raises BadEvent, naming the field: unknown field or type, missing or overlong id, a number out
    of range, a rating without stars, a negative quantity, a time after ``now`` + 300 s or before
    ``oldest``.
    """
    given = {name: value for name, value in record.items() if not is_absent(value)}
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise BadEvent(
            f"unknown field {unknown[0][:80]!r}; an event has {', '.join(FIELDS)}",
            param=unknown[0][:80],
        )
    kind = _type(given)
    value = _number(given, "value")
    if kind == "rating" and (value is None or not 0 <= value <= MAX_RATING):
        raise BadEvent(
            f"a rating needs a value from 0 to {MAX_RATING:g} stars, got {_shown(value)}",
            param="value",
        )
    if kind in ("cart", "purchase") and value is not None and value < 0:
        raise BadEvent(
            f"a {kind} needs a quantity of at least 0, got {_shown(value)}; leave returns out",
            param="value",
        )
    propensity = _number(given, "propensity")
    if propensity is not None and not 0 < propensity <= 1:
        raise BadEvent(f"propensity must be in (0, 1], got {propensity}", param="propensity")
    return Event(
        event_id=_id(given, "event_id") if "event_id" in given else "",
        user_id=_id(given, "user_id"),
        item_id=_id(given, "item_id"),
        type=kind,
        time=_time(given, now, oldest),
        value=value,
        surface=_name(given, "surface"),
        position=_position(given),
        rendition=_name(given, "rendition"),
        propensity=propensity,
        consent=_flag(given, "consent", default=True),
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    text = text_in(given[name])
    if text is None:
        raise BadEvent(f"{name} must be a text, got {_shown(given[name])}", param=name)
    return text


def _id(given: Mapping[str, Any], name: str) -> str:
    if name not in given:
        raise BadEvent(f"{name} is missing", param=name)
    text = clean_id(_text(given, name))
    if not text or len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES:
        raise BadEvent(f"{name} must have 1 to {MAX_ID_BYTES} bytes", param=name)
    if name == "item_id":
        is_valid = not any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text)
    else:
        is_valid = text.isprintable()
    if not is_valid:  # also refuses lone surrogates, which are not valid UTF-8
        raise BadEvent(f"{name} has characters that cannot be printed", param=name)
    return text


def _name(given: Mapping[str, Any], name: str) -> str:
    if name not in given:
        return ""
    text = _text(given, name).strip()
    if len(text.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES or not text.isprintable():
        raise BadEvent(f"{name} must be printable and at most {MAX_NAME_BYTES} bytes", param=name)
    return text


def _type(given: Mapping[str, Any]) -> EventType:
    value = given.get("type")
    for kind in EVENT_TYPES:
        if value == kind:
            return kind
    raise BadEvent(
        f"type must be one of {', '.join(EVENT_TYPES)}, got {_shown(value)}", param="type"
    )


def _number(given: Mapping[str, Any], name: str) -> float | None:
    if name not in given:
        return None
    number = number_in(given[name])
    if number is None:
        raise BadEvent(f"{name} must be a finite number, got {_shown(given[name])}", param=name)
    return number


def _position(given: Mapping[str, Any]) -> int | None:
    number = _number(given, "position")
    if number is None:
        return None
    if number != int(number) or not 0 <= number <= _MAX_POSITION:
        raise BadEvent(
            f"position must be an integer from 0 to {_MAX_POSITION}, got {number:g}",
            param="position",
        )
    return int(number)


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise BadEvent(f"{name} must be true or false, got {_shown(value)}", param=name)
    return text in _TRUE


def _time(given: Mapping[str, Any], now: float, oldest: float) -> float:
    if "time" not in given:
        return now
    value = given["time"]
    seconds = seconds_in(value)
    if seconds is None:
        raise BadEvent(
            f"time must be ISO 8601 or a number since 1970, got {_shown(value)}", param="time"
        )
    if seconds > now + MAX_AHEAD_S:
        raise BadEvent(f"time {_shown(value)} is in the future", param="time")
    if seconds < oldest:
        raise BadEvent(f"time {_shown(value)} is older than events are kept", param="time")
    if seconds < 0:
        raise BadEvent(f"time {_shown(value)} is before 1970", param="time")
    return seconds


def _shown(value: object) -> str:
    return repr(value)[:60]
