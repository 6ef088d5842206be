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

MAX_DEPTH = 10_000  # hits that all pages of a question have together; also how deep it is ranked
_MAX_COLLAPSED = 2_000  # the same with collapse, where hits are compared with all before them
_MAX_TEXT = 2048


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last hit of a page: the next page begins behind it.

    A cursor is bound to a generation, because another generation ranks anew. Writes in between
    repeat and lose nothing: the place is found by the hit itself, or by its score if the hit was
    deleted. ``depth`` is the number of candidates that the first page ranked, where their number
    decides the order (see ``search.rank.Ranker``): all pages rank as many.
    """

    generation: str
    question: bytes
    seen: int
    depth: int
    score: float
    item_id: str

    def text(self) -> str:
        """Return the cursor as letters, digits, - and _."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")


def deepest(query: Query) -> int:
    """How many hits all pages of a question have together, at most."""
    return MAX_DEPTH if query.collapse is None else _MAX_COLLAPSED


def seen_by(text: str | None) -> int:
    """How many hits the pages before this cursor showed, unchecked; 0 if it is not a cursor."""
    try:
        return min(MAX_DEPTH, max(0, _decoded(text or "").seen))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return 0


def read_cursor(text: str, query: Query, generation: str) -> Cursor:
    """Read the cursor of a query from its text.

    Raises BadQuery if it is no cursor or belongs to another question, CursorExpired if it
    belongs to another generation.
    """
    try:
        cursor = _decoded(text)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise BadQuery(
            "cursor is not one that a reply gave as next_cursor; leave it out to begin anew",
            param="cursor",
        ) from None
    deep = (
        cursor.depth > MAX_DEPTH
        or cursor.seen > deepest(query)
        or min(cursor.seen, cursor.depth) < 1
    )
    if cursor.question != question_of(query) or deep:
        raise BadQuery(
            "cursor belongs to another question: words, items, filter, group and collapse must "
            "be the same on every page; leave it out to begin anew",
            param="cursor",
        )
    if cursor.generation != generation:
        raise CursorExpired(
            f"cursor is of generation {cursor.generation[:20]}, and {generation} serves now; leave "
            "it out to begin anew",
            param="cursor",
        )
    return cursor


def question_of(query: Query) -> bytes:
    """Eight bytes that all pages of a question share; see ``Part.identity``."""
    parts = [part.identity() for part in query.parts]
    said = repr((parts, query.filter, query.group, query.collapse))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:8]


def _decoded(text: str) -> Cursor:
    if len(text) > _MAX_TEXT:
        raise ValueError("too long")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return msgspec.msgpack.decode(data, type=Cursor)
