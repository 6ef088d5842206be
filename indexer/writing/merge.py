"""What was found of items, brought into the store: rows that stay, rows that come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.items import ORIGINAL, Item
from indexer.store.records import ImageRecord, ItemRecord, PictureKey

if TYPE_CHECKING:
    from indexer.store.transactions import Writer


class FoundImage(NamedTuple):
    """A readable image of an item, and the renditions in which it is to be found."""

    path: str
    content: bytes
    width: int
    height: int
    renditions: tuple[str, ...] = (ORIGINAL,)

    @property
    def pictures(self) -> list[PictureKey]:
        """The picture of each rendition."""
        return [PictureKey(self.content, rendition) for rendition in self.renditions]


class FoundItem(NamedTuple):
    """An item with at least one readable image."""

    item: Item
    images: list[FoundImage]


class Pictures(NamedTuple):
    """The images that an item will have; ``kept`` names those that stay as they are stored."""

    images: list[FoundImage]
    kept: list[str]


def with_stored_images(
    old: ItemRecord | None, named: Sequence[tuple[str, FoundImage | None]]
) -> Pictures:
    """Return the images of an item that names these; None stands for one that was not read.

    In its place the item keeps the stored image of that name, or else the one that was stored in
    that place, unless it moved to another. An image that the item had keeps its renditions.
    """
    by_path = {image.path: found_image(image) for image in old.images} if old else {}
    renditions: dict[bytes, list[str]] = defaultdict(list)
    for record in old.images if old else []:
        renditions[record.content].extend(record.rows)
    before = old.item.images if old else []
    names = {path for path, _ in named}
    pictures = Pictures([], [])
    for place, (path, image) in enumerate(named):
        stands = image or by_path.get(path)
        if stands is None and place < len(before) and before[place] not in names:
            stands = by_path.get(before[place])
        if stands is not None:
            all_renditions = dict.fromkeys([*renditions[stands.content], *stands.renditions])
            pictures.images.append(stands._replace(renditions=tuple(all_renditions)))
            if image is None:
                pictures.kept.append(path)
    return pictures


def found_image(stored: ImageRecord) -> FoundImage:
    """An image that an item has, as one that was found."""
    return FoundImage(stored.path, stored.content, stored.width, stored.height, tuple(stored.rows))


def merge_item(writer: Writer, draft: FoundItem) -> bool:
    """Store an item and its rows, if it differs from what is stored; return True if it did.

    An image that the item had before keeps the rows of the renditions that it still has; a new
    image, and a new rendition, gets a number never used before.
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
