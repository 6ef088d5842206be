"""Cursors: where the next page of an answer begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadQuery, CursorExpired

if TYPE_CHECKING:
    from search.query import Query

MAX_DEPTH = 10_000  # hits on all pages of a query together
_MAX_COLLAPSED = 2_000  # the same if copies are collapsed: each hit is compared with all before
_MAX_TEXT = 2048


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last hit of a page, after which the next page begins.

    A cursor is valid for one generation, because each generation has its own ranking. Writes
    between two pages neither repeat nor lose a hit: the place is found by the last hit, or by its
    score if that hit was deleted. ``question`` is that of ``question_of``, and ``seen`` counts the
    hits of all pages so far. ``depth`` is the number of candidates that all pages rank, if the
    ranking depends on their number (see ``search.rank.Ranker``). ``value`` is what the hits are
    sorted by (see ``search.rank.Ranking``).
    """

    generation: str
    question: bytes
    seen: int
    depth: int
    score: float
    item_id: str
    value: float = 0.0

    def text(self) -> str:
        """Return the cursor as letters, digits, - and _."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")


def max_hits(query: Query) -> int:
    """Return how many hits all pages of a query may have together."""
    return MAX_DEPTH if query.collapse is None else _MAX_COLLAPSED


def seen_by(text: str | None) -> int:
    """Return how many hits were shown according to a cursor; 0 if it cannot be decoded."""
    try:
        return min(MAX_DEPTH, max(0, _decode(text or "").seen))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return 0


def read_cursor(text: str, query: Query, generation: str) -> Cursor:
    """Read the cursor of a query from its text.

    Raises BadQuery if it is invalid or belongs to another query, CursorExpired if it belongs to
    another generation.
    """
    try:
        cursor = _decode(text)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise BadQuery(
            "cursor is not the next_cursor of a reply; leave it out for the first page",
            param="cursor",
        ) from None
    is_made_up = (
        cursor.depth > MAX_DEPTH
        or cursor.seen > max_hits(query)
        or min(cursor.seen, cursor.depth) < 1
    )
    if cursor.question != question_of(query) or is_made_up:
        raise BadQuery(
            "cursor belongs to another query: words, items, filter, group, collapse, sort, "
            "min_score and min_confidence must be the same on every page; leave it out for the "
            "first page",
            param="cursor",
        )
    if cursor.generation != generation:
        raise CursorExpired(
            f"cursor belongs to generation {cursor.generation[:20]}, but {generation} serves now; "
            "leave it out for the first page",
            param="cursor",
        )
    return cursor


def question_of(query: Query) -> bytes:
    """Return a hash of eight bytes that all pages of a query share; see ``Part.identity``."""
    parts = [part.identity() for part in query.parts]
    asked: tuple[object, ...] = (parts, query.filter, query.group, query.collapse)
    refined = (query.sort, query.min_score, query.min_confidence)
    if any(value is not None for value in refined):  # left out otherwise: older cursors stay valid
        asked += refined
    question = repr(asked)
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).digest()[:8]


def _decode(text: str) -> Cursor:
    if len(text) > _MAX_TEXT:
        raise ValueError("too long")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return msgspec.msgpack.decode(data, type=Cursor)
