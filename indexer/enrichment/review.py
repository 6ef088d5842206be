"""A customer's review of an item or a product, as a file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from indexer.items import clean_id
from indexer.recordfields import is_absent, number_in, seconds_in, text_in

MAX_TEXT: Final = 20_000  # letters that are stored of a text
MAX_STARS: Final = 5.0
_MAX_ID_LETTERS: Final = 256


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A review. ``about`` is the id of an item or of a product; ``time`` is in seconds since 1970.

    ``review_id`` is the shop's own, or empty. ``stars`` are from 0 to 5. Who wrote it is not kept.
    """

    about: str
    text: str
    title: str = ""
    stars: float | None = None
    time: float | None = None
    review_id: str = ""


class BadReview(ValueError):
    """A row that is not a review; the message names the field, the expected and the given value."""


def review_from(record: Mapping[str, Any]) -> Review:
    """Return the review that a record with the field names of ``Review`` describes.

    Numbers may be texts; None and "" count as absent. ``time`` is ISO 8601 (without an offset: UTC)
    or a number since 1970, in seconds or milliseconds. Raises BadReview for a missing or overlong
    id, a review without text and title, stars out of range, and a time that is not one.
    """
    given = {name: value for name, value in record.items() if not is_absent(value)}
    text, title = _text(given, "text"), _text(given, "title")
    if not text.strip() and not title.strip():
        raise BadReview("text is missing: expected the words of the review")
    return Review(
        about=_id(given, "about", "item_id or product_id"),
        text=text[:MAX_TEXT],
        title=title[:MAX_TEXT],
        stars=_stars(given),
        time=_time(given),
        review_id=_id(given, "review_id", "review_id") if "review_id" in given else "",
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    text = text_in(given.get(name, ""))
    if text is None:
        raise BadReview(f"{name} must be a text, got {str(given[name])[:80]!r}")
    return text.encode("utf-8", "replace").decode()  # a lone surrogate cannot be stored


def _id(given: Mapping[str, Any], name: str, shown: str) -> str:
    text = clean_id(_text(given, name))
    if not text or len(text) > _MAX_ID_LETTERS:
        raise BadReview(f"{shown} must have 1 to {_MAX_ID_LETTERS} letters, got {text[:80]!r}")
    return text


def _stars(given: Mapping[str, Any]) -> float | None:
    value = given.get("stars")
    if value is None:
        return None
    stars = number_in(value)
    if stars is None or not 0 <= stars <= MAX_STARS:
        raise BadReview(f"stars must be a number from 0 to 5, got {str(value)[:80]!r}")
    return stars


def _time(given: Mapping[str, Any]) -> float | None:
    value = given.get("time")
    if value is None:
        return None
    seconds = seconds_in(value)
    if seconds is None or seconds < 0:
        raise BadReview(
            f"time must be ISO 8601 or seconds since 1970, got {str(value)[:80]!r}; an example is "
            "2026-05-31T18:00:00Z"
        )
    return seconds
