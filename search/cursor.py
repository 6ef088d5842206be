"""Where an answer goes on: a bookmark that the next page of the same question begins with."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadQuery, CursorExpired
from search.query import ItemPart, TextPart

if TYPE_CHECKING:
    from search.query import Query

MAX_DEPTH = 10_000  # hits that pages of one question reach together; also how deep words fuse
_MAX_FOLDED = 2_000  # the same where near copies are folded: each is compared with all before
_MAX_TEXT = 2048


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last hit of a page: the next page begins behind it.

    Bound to a generation, for another one ranks anew. Writes in between move nothing that was
    shown: the place is found again by the hit itself, and where that was deleted by its score.
    ``depth`` is how deep the first page fused rankings; all pages must do so alike.
    """

    generation: str
    question: bytes
    seen: int
    depth: int
    score: float
    item_id: str

    def text(self) -> str:
        """The cursor as letters, digits, - and _, to be handed back as it is."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")


def deepest(query: Query) -> int:
    """How many hits the pages of a question reach together."""
    return MAX_DEPTH if query.collapse is None else _MAX_FOLDED


def seen_by(text: str | None) -> int:
    """How many hits the pages before this cursor showed, unchecked; 0 where it is none."""
    try:
        return min(MAX_DEPTH, max(0, _decoded(text or "").seen))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return 0


def read_cursor(text: str, query: Query, generation: str) -> Cursor:
    """The cursor in a text. BadQuery when it is none, or of another question; CursorExpired."""
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
    """Eight bytes that two pages of one question share. Photos and vectors count by their weight.

    Encoding a photo anew may change its vector in the last bits, so that is not compared.
    """
    parts = [
        (
            part.weight,
            part.item_id if isinstance(part, ItemPart) else "",
            part.text if isinstance(part, TextPart) else "",
        )
        for part in query.parts
    ]
    said = repr((parts, query.filter, query.group, query.collapse))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:8]


def _decoded(text: str) -> Cursor:
    if len(text) > _MAX_TEXT:
        raise ValueError("too long")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return msgspec.msgpack.decode(data, type=Cursor)
