"""Read single items: their fields, their pictures, and some to show before the first search."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec.structs import replace

from indexer.errors import BadQuery, UnknownItem
from indexer.items import MAX_ID_BYTES, ORIGINAL
from indexer.store.pictures import best_picture, display_copy, image_folder
from indexer.store.records import PictureKey

if TYPE_CHECKING:
    from indexer.items import Item
    from indexer.store.records import ImageRecord, ItemRecord
    from indexer.store.store import Store
    from search.filters.jsonform import Filter
    from search.live.shop import LiveShop


class ItemPage(NamedTuple):
    """Some items, the number of all items, and the cursor of the next page; None at the end."""

    items: list[Item]
    total: int
    next_cursor: str | None


class ItemReader:
    """Reads the items of one shop from its store. Thread-safe.

    All methods with an ``item_id`` raise UnknownItem if the shop does not have that item.
    """

    def __init__(self, store: Store, live: LiveShop) -> None:
        self._store = store
        self._live = live

    def item(self, item_id: str) -> Item:
        """Return an item as in the catalog; its ``images`` are those that can be shown."""
        record = self._read_record(item_id)
        return replace(record.item, images=[image.path for image in record.images])

    def thumbnail(self, item_id: str, index: int, rendition: str = ORIGINAL) -> bytes:
        """Return an image of an item as a small JPEG, in this rendition.

        It is the stored copy or, if the shop keeps only paths, made from the image file.
        UnknownItem also if the item lacks that image, or the image that rendition.
        """
        image = self._read_image(item_id, index)
        if rendition not in image.rows:
            raise UnknownItem(
                f"image {index} of item {item_id!r} has the renditions {', '.join(image.rows)}, "
                f"there is no {rendition[:80]!r}",
                param="rendition",
            )
        with self._store.read() as reader:
            jpeg = display_copy(reader, PictureKey(image.content, rendition), image.path)
        if jpeg is None:
            raise UnknownItem(f"image {index} of item {item_id!r} is gone", param="index")
        return jpeg

    def picture(self, item_id: str, index: int) -> bytes:
        """Return the best picture of an image that is left: the original, its file, or the copy.

        UnknownItem also if the item lacks that image.
        """
        image = self._read_image(item_id, index)
        with self._store.read() as reader:
            found = best_picture(
                reader, image_folder(reader), PictureKey(image.content, ORIGINAL), image.path
            )
        if found is None:
            raise UnknownItem(f"image {index} of item {item_id!r} is gone", param="index")
        return found.data

    def matching(self, filter: Filter | None, limit: int) -> list[Item]:
        """Return the first items that pass a filter, by id.

        Raises BadQuery for an unknown field.
        """
        view = self._live.view
        found: list[Item] = []
        passing = np.flatnonzero(view.columns.mask(filter)).tolist()
        for item_id in sorted(view.ids[number] for number in passing):
            if len(found) == limit:
                break
            with suppress(UnknownItem):  # deleted since the view was made
                found.append(self.item(item_id))
        return found

    def rendition_strength(self, item_id: str, index: int, rendition: str) -> float | None:
        """Return the strength of a stored rendition; None if it is not of a style.

        UnknownItem also if the item lacks that image.
        """
        picture = PictureKey(self._read_image(item_id, index).content, rendition)
        with self._store.read() as reader:
            record = reader.rendition(picture)
        return None if record is None else record.strength

    def starters(self, limit: int) -> list[Item]:
        """Return some items to show before the first search, from each category in turn."""
        found: list[Item] = []
        view = self._live.view
        for number in view.starters(limit):
            with suppress(UnknownItem):  # deleted since the view was made
                found.append(self.item(view.ids[number]))
        return found

    def listed(self, cursor: str | None, limit: int) -> ItemPage:
        """Return the items after ``cursor`` in byte order of their ids; None is the beginning.

        Raises BadQuery for a cursor that this method has not returned.
        """
        after = "" if cursor is None else _id_of(cursor)
        with self._store.read() as reader:
            found = list(islice(reader.items(after), limit + 1))
            total = reader.count("items")
        items = [
            replace(record.item, images=[image.path for image in record.images])
            for record in found[:limit]
        ]
        following = _cursor_of(items[-1].item_id) if len(found) > limit else None
        return ItemPage(items, total, following)

    def main_category(self, item_id: str) -> str:
        """Return the first category of an item; empty if it has none."""
        categories = self._read_record(item_id).item.categories
        return categories[0] if categories else ""

    def _read_image(self, item_id: str, index: int) -> ImageRecord:
        record = self._read_record(item_id)
        if not 0 <= index < len(record.images):
            raise UnknownItem(
                f"item {item_id!r} has {len(record.images)} images, there is no image {index}",
                param="index",
            )
        return record.images[index]

    def _read_record(self, item_id: str) -> ItemRecord:
        with self._store.read() as reader:
            record = reader.item(item_id)
        if record is None:
            raise UnknownItem(f"no item {item_id[:80]!r} in this shop", param="item_id")
        return record


def _cursor_of(item_id: str) -> str:
    """Return the cursor of the page after an item, as letters, digits, - and _."""
    return base64.urlsafe_b64encode(item_id.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _id_of(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        item_id = base64.b64decode(padded, altchars=b"-_", validate=True)
        if not 0 < len(item_id) <= MAX_ID_BYTES:
            raise ValueError
        return item_id.decode("utf-8", "surrogatepass")
    except (ValueError, binascii.Error):
        raise BadQuery(
            "cursor is not the next_cursor of a list of items; leave it out for the first page",
            param="cursor",
        ) from None
