"""What was found of items, brought into the store: rows that stay, rows that come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.items import ORIGINAL, Item
from indexer.store import ImageRecord, ItemRecord

if TYPE_CHECKING:
    from indexer.store import Writer


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


class Merge(msgspec.Struct, frozen=True):
    """How many items of the store a merge changed (or added) and removed."""

    changed: int
    removed: int


def merge_catalog(
    writer: Writer, found: list[FoundItem], touched: Collection[str] = frozenset()
) -> Merge:
    """Bring the stored items in line with ``found``, within the caller's transaction.

    Items that are not found any more are deleted, with their rows. Those in ``touched`` were
    put or deleted by somebody else since the catalog was read, which is later news: they stay
    as they are.
    """
    changed = sum(merge_item(writer, draft) for draft in found if draft.item.item_id not in touched)
    keep = {draft.item.item_id for draft in found}.union(touched)
    gone = [record.item.item_id for record in writer.items() if record.item.item_id not in keep]
    for item_id in gone:
        writer.delete_item(item_id)
    return Merge(changed, len(gone))


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
