"""The records of the store: items, images, rows and changes."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from indexer.items import ORIGINAL, Item

HASH_BYTES = 16


class PictureKey(NamedTuple):
    """The key of embeddings and pictures: the content of an image, and its rendition.

    ``content`` is the hash of the original image; ``rendition`` is ``original``, or the name of the
    style that the image was rendered in.
    """

    content: bytes
    rendition: str = ORIGINAL


class ImageRecord(msgspec.Struct, frozen=True):
    """A readable image of an item: its path, content and rows.

    ``width`` and ``height`` are those of the upright original; 0 if the item was written with an
    embedding instead of a picture. ``rows`` maps each indexed rendition to its row; ``original`` is
    always one of them.
    """

    path: str
    content: bytes
    width: int
    height: int
    rows: dict[str, int]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """The image and rendition that a row of an index belongs to."""

    item_id: str
    image_index: int
    rendition: str
    content: bytes

    @property
    def picture(self) -> PictureKey:
        """The key of the picture whose embedding is indexed under this row."""
        return PictureKey(self.content, self.rendition)


class RenditionRecord(msgspec.Struct, frozen=True, array_like=True):
    """The result of rendering a picture in a style.

    ``digest`` identifies the definition of the style. A ``weakened`` rendition has a lower
    strength than its style, because at full strength another product was more like it.
    ``left_out`` has no picture and no row: at every strength another product was more like it.
    """

    digest: str
    strength: float
    outcome: Literal["full", "weakened", "left_out"]


class ItemRecord(msgspec.Struct, frozen=True):
    """An item as stored: the fields of the catalog, and the images that could be read."""

    item: Item
    images: list[ImageRecord]

    def numbered_rows(self) -> Iterator[tuple[int, Row]]:
        """Yield the number and row of each rendition, image by image."""
        for index, image in enumerate(self.images):
            for rendition, number in image.rows.items():
                yield number, Row(self.item.item_id, index, rendition, image.content)


class Change(enum.IntFlag):
    """The parts of an item that a write changed; readers of the log update only these."""

    FIELDS = 1
    WORDS = 2  # the searched texts: title, categories, attributes, description
    ROWS = 4  # its images, or their order
    ALL = FIELDS | WORDS | ROWS


def change_between(old: ItemRecord | None, new: ItemRecord) -> Change:
    """Return what changes if ``new`` replaces ``old``; no flag if nothing does."""
    if old is None:
        return Change.ALL
    found = Change(0)
    if old.item != new.item:
        found |= Change.FIELDS
        if _words(old.item) != _words(new.item):
            found |= Change.WORDS
    if old.images != new.images:
        found |= Change.FIELDS  # paths and sizes are part of the reply
        if dict(old.numbered_rows()) != dict(new.numbered_rows()):
            found |= Change.ROWS
    return found


def content_hash(data: bytes) -> bytes:
    """Return the first 16 bytes of the SHA-256 of an image, which identify its content."""
    return hashlib.sha256(data).digest()[:HASH_BYTES]


def _words(item: Item) -> tuple[object, ...]:
    return item.title, item.categories, item.attributes, item.description
