"""Store an item with its images: keep the rows of old images, and add and delete others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.items import ORIGINAL, Item
from indexer.store.records import ImageRecord, ItemRecord, PictureKey

if TYPE_CHECKING:
    from indexer.store.transactions import Writer


class FoundImage(NamedTuple):
    """A readable image of an item, and the renditions in which searches should find it."""

    path: str
    content: bytes
    width: int
    height: int
    renditions: tuple[str, ...] = (ORIGINAL,)

    @property
    def pictures(self) -> list[PictureKey]:
        """The picture key of each rendition."""
        return [PictureKey(self.content, rendition) for rendition in self.renditions]


class FoundItem(NamedTuple):
    """An item with at least one readable image."""

    item: Item
    images: list[FoundImage]


class MergedImages(NamedTuple):
    """The images of an item after a write; ``kept`` names those that come from the store."""

    images: list[FoundImage]
    kept: list[str]


def with_stored_images(
    old: ItemRecord | None, named: Sequence[tuple[str, FoundImage | None]]
) -> MergedImages:
    """Return the images of an item by the names in a write; None is an image that was not read.

    For None the item keeps its stored image of that name. If it has none, it keeps the image that
    was at that place before, unless the write names that image elsewhere. Images that the item
    already has keep their renditions.
    """
    by_path = {image.path: found_image(image) for image in old.images} if old else {}
    renditions: dict[bytes, list[str]] = defaultdict(list)
    for record in old.images if old else []:
        renditions[record.content].extend(record.rows)
    before = old.item.images if old else []
    names = {path for path, _ in named}
    merged = MergedImages([], [])
    for place, (path, image) in enumerate(named):
        chosen = image or by_path.get(path)
        if chosen is None and place < len(before) and before[place] not in names:
            chosen = by_path.get(before[place])
        if chosen is not None:
            all_renditions = dict.fromkeys([*renditions[chosen.content], *chosen.renditions])
            merged.images.append(chosen._replace(renditions=tuple(all_renditions)))
            if image is None:
                merged.kept.append(path)
    return merged


def found_image(stored: ImageRecord) -> FoundImage:
    """Convert a stored image to a FoundImage."""
    return FoundImage(stored.path, stored.content, stored.width, stored.height, tuple(stored.rows))


def merge_item(writer: Writer, draft: FoundItem) -> bool:
    """Store an item and its rows; return False if nothing changed.

    Images that the item had before keep their row numbers, rendition by rendition. New images and
    new renditions get row numbers that were never used before.
    """
    old = writer.item(draft.item.item_id)
    stored: dict[bytes, list[dict[str, int]]] = defaultdict(list)
    for record in old.images if old else []:
        stored[record.content].append(record.rows)
    images = []
    for image in draft.images:
        same_content = stored[image.content]
        known = same_content.pop(0) if same_content else {}
        rows = {
            rendition: known[rendition] if rendition in known else writer.new_rows(1)[0]
            for rendition in image.renditions
        }
        images.append(ImageRecord(image.path, image.content, image.width, image.height, rows))
    new = ItemRecord(draft.item, images)
    if new == old:
        return False
    rows_before = dict(old.numbered_rows()) if old else {}
    rows_now = dict(new.numbered_rows())
    for number in rows_before.keys() - rows_now.keys():
        writer.delete_row(number)
    for number, row in rows_now.items():
        writer.put_row(number, row)
    writer.put_item(new)
    return True
