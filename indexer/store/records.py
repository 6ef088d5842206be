"""What the store keeps of an item: its record, its images, its rows, and what changed in it."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from indexer.items import ORIGINAL, Item

HASH_BYTES = 16


class PictureKey(NamedTuple):
    """What embeddings and pictures are kept under: what an image contains, and its rendition.

    ``content`` is the hash of the image as it came; ``rendition`` is ``original``, or the name of
    the style that it was rendered in.
    """

    content: bytes
    rendition: str = ORIGINAL


class ImageRecord(msgspec.Struct, frozen=True):
    """One good image of an item: where it came from, what it contains, and its rows.

    ``width`` and ``height`` are those of the upright original, 0 where an item came with an
    embedding and no picture. ``rows`` gives the row of each rendition that is indexed,
    ``original`` among them.
    """

    path: str
    content: bytes
    width: int
    height: int
    rows: dict[str, int]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What a row of an index stands for."""

    item_id: str
    image_index: int
    rendition: str
    content: bytes

    @property
    def picture(self) -> PictureKey:
        """The picture whose embedding the row is."""
        return PictureKey(self.content, self.rendition)


class RenditionRecord(msgspec.Struct, frozen=True, array_like=True):
    """How a picture was rendered in a style, or that it was left out.

    ``digest`` identifies the definition of the style. A ``weakened`` rendition has a lower
    strength than its style, because at full strength another product was more like it.
    ``left_out`` has no picture and no row: at every strength another product was more like it.
    """

    digest: str
    strength: float
    outcome: Literal["full", "weakened", "left_out"]


class ItemRecord(msgspec.Struct, frozen=True):
    """An item as it is stored: the catalog's words, and the images that could be read."""

    item: Item
    images: list[ImageRecord]

    def numbered_rows(self) -> Iterator[tuple[int, Row]]:
        """Each row of the item with its number, image by image."""
        for index, image in enumerate(self.images):
            for rendition, number in image.rows.items():
                yield number, Row(self.item.item_id, index, rendition, image.content)


class Change(enum.IntFlag):
    """What a write changed in an item, so that who follows the log does only what is needed."""

    FIELDS = 1
    WORDS = 2  # what is searched by words: title, categories, attributes, description
    ROWS = 4  # its images, or their order
    ALL = FIELDS | WORDS | ROWS


def change_between(old: ItemRecord | None, new: ItemRecord) -> Change:
    """What replacing one record by the other changes; no flag when nothing does."""
    if old is None:
        return Change.ALL
    found = Change(0)
    if old.item != new.item:
        found |= Change.FIELDS
        if _words(old.item) != _words(new.item):
            found |= Change.WORDS
    if old.images != new.images:
        found |= Change.FIELDS  # paths and sizes are told with the item
        if dict(old.numbered_rows()) != dict(new.numbered_rows()):
            found |= Change.ROWS
    return found


def content_hash(data: bytes) -> bytes:
    """The name of an image by its bytes: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(data).digest()[:HASH_BYTES]


def _words(item: Item) -> tuple[object, ...]:
    return item.title, item.categories, item.attributes, item.description
