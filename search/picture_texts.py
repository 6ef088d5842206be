"""Read the words on the pictures of a shop's items, and keep them as an attribute that is searched.

The words are also kept in a file of the shop's folder, by the content of the picture, so that no
picture is read twice. That file is a cache.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

import msgspec

from indexer.durable import replace_file
from indexer.errors import BadImage, UnknownItem
from indexer.imaging.photos import Photo
from indexer.items import PICTURE_TEXT, Item
from indexer.layout import PICTURE_TEXTS
from indexer.regularfile import read_regular
from indexer.writing.writes import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from indexer.arrays import Pixels
    from search.engine import SearchEngine

_CHUNK = 100
_MOST_BYTES = 256 << 20
_SIDE = 480  # pixels of the shorter side that a picture is decoded with


class Reader(Protocol):
    """Reads texts in pictures; ``indexer.recognizers.text_reader.TextReader`` implements it."""

    def read(self, pixels: Pixels) -> list[str]:
        """Return the texts in a picture (h, w, 3)."""
        ...


class ReadReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many items have words on their main picture, how many were read, how many changed."""

    items: int
    with_words: int
    read: int
    changed: int


def read_pictures(
    engine: SearchEngine, reader: Reader, progress: Callable[[int, int], None] = lambda *_: None
) -> ReadReport:
    """Read the main picture of each item, and store the words as its attribute ``picture_text``.

    Searches by words find them after ``engine.refresh``. An item whose picture is not stored, or
    has no words, has no such attribute. ``progress`` is called with the items done and their total.
    """
    path = engine.shop.path / PICTURE_TEXTS
    known = _load(path)
    kept: dict[str, str] = {}
    items = with_words = read = changed = 0
    drafts: list[Draft] = []
    for item, total in _items(engine):
        items += 1
        progress(items, total)
        text = ""
        if (data := _picture(engine, item)) is not None:
            key = hashlib.sha256(data).hexdigest()[:32]
            if key not in known:
                read += 1
                known[key] = _read(reader, data)
            text = kept[key] = known[key]
        with_words += bool(text)
        if item.attributes.get(PICTURE_TEXT, "") != text:
            changed += 1
            drafts.append(Draft(item.item_id, _with_text(text)))
        if len(drafts) >= _CHUNK:
            engine.put(drafts)
            drafts = []
            replace_file(path, msgspec.msgpack.encode(known))
    if drafts:
        engine.put(drafts)
    replace_file(path, msgspec.msgpack.encode(kept))
    return ReadReport(items=items, with_words=with_words, read=read, changed=changed)


def _items(engine: SearchEngine) -> Iterator[tuple[Item, int]]:
    cursor: str | None = None
    while True:
        page = engine.listed_items(cursor, _CHUNK)
        for item in page.items:
            yield item, page.total
        cursor = page.next_cursor
        if cursor is None:
            return


def _picture(engine: SearchEngine, item: Item) -> bytes | None:
    try:
        return engine.picture(item.item_id)
    except UnknownItem:  # without a stored picture, or deleted since
        return None


def _read(reader: Reader, data: bytes) -> str:
    try:
        pixels = Photo(data).cut(side=_SIDE)
    except BadImage:  # damaged since it was stored
        return ""
    return " ".join(" ".join(reader.read(pixels)).split())


def _with_text(text: str) -> Callable[[Item | None], Item]:
    def make(stored: Item | None) -> Item:
        if stored is None:
            raise UnknownItem("the item was deleted while its picture was read")
        attributes = dict(stored.attributes)
        attributes.pop(PICTURE_TEXT, None)
        if text:
            attributes[PICTURE_TEXT] = text
        return msgspec.structs.replace(stored, attributes=attributes)

    return make


def _load(path: Path) -> dict[str, str]:
    try:
        return msgspec.msgpack.decode(read_regular(path, _MOST_BYTES), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):  # a cache: read the pictures again
        return {}
