"""What was found of items, brought into the store: rows that stay, rows that come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.items import ORIGINAL, Item
from indexer.store.store import ImageRecord, ItemRecord

if TYPE_CHECKING:
    from indexer.store.store import Writer


class FoundImage(NamedTuple):
    """A readable image of an item."""

    path: str
    content: bytes
    width: int
    height: int


class FoundItem(NamedTuple):
    """An item with at least one readable image."""

    item: Item
    images: list[FoundImage]


class Pictures(NamedTuple):
    """The pictures that an item will have, and the names for which one that stands was kept."""

    images: list[FoundImage]
    kept: list[str]


def with_standing(
    old: ItemRecord | None, named: Sequence[tuple[str, FoundImage | None]]
) -> Pictures:
    """The pictures of an item that names these, of which some could not be read (None).

    Instead of those it keeps what it has: the picture of that name, or else the one that stood in
    its place, unless that moved to another place.
    """
    by_path = {one.path: found_image(one) for one in old.images} if old else {}
    before = old.item.images if old else []
    names = {path for path, _ in named}
    pictures = Pictures([], [])
    for place, (path, image) in enumerate(named):
        stands = image or by_path.get(path)
        if stands is None and place < len(before) and before[place] not in names:
            stands = by_path.get(before[place])
        if stands is not None:
            pictures.images.append(stands)
            if image is None:
                pictures.kept.append(path)
    return pictures


def found_image(stored: ImageRecord) -> FoundImage:
    """An image that an item has, as one that was found."""
    return FoundImage(stored.path, stored.content, stored.width, stored.height)


def merge_item(writer: Writer, draft: FoundItem) -> bool:
    """Store one item and its rows, if it differs from what is stored; whether it did.

    An image that the item had before keeps its row; a new one gets a number never used
    before.
    """
    old = writer.item(draft.item.item_id)
    free: dict[bytes, list[dict[str, int]]] = defaultdict(list)
    for record in old.images if old else []:
        free[record.content].append(record.rows)
    images = []
    for image in draft.images:
        known = free[image.content]
        rows = known.pop(0) if known else {ORIGINAL: writer.new_rows(1)[0]}
        images.append(ImageRecord(image.path, image.content, image.width, image.height, rows))
    new = ItemRecord(draft.item, images)
    if new == old:
        return False
    for unused in (rows for left in free.values() for rows in left):
        for number in unused.values():
            writer.delete_row(number)
    for number, row in new.numbered_rows():
        writer.put_row(number, row)
    writer.put_item(new)
    return True
