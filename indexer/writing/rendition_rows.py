"""Add and delete rows, so that they match the renditions that the store has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from indexer.items import ORIGINAL
from indexer.shop.styles import indexed_styles
from indexer.store.records import PictureKey
from indexer.writing.merge import FoundItem, found_image, merge_item

if TYPE_CHECKING:
    from indexer.shop.styles import ShopStyle
    from indexer.store.records import ImageRecord, ItemRecord
    from indexer.store.store import Store
    from indexer.store.transactions import Reader
    from indexer.writing.identity import StoredImage
    from indexer.writing.migration_encoders import MigrationEncoders

_ITEMS = 200  # items in one transaction, so that other writers do not wait long


class RenditionNotes:
    """Reads which renditions the store has of the current definition of each style."""

    def __init__(self, encoder: bytes, styles: Sequence[ShopStyle], unknown: Iterable[str]) -> None:
        """``encoder`` is the key of a model.

        The renditions of ``unknown`` styles, which cannot be rendered here, are not changed.
        """
        self._encoder = encoder
        self._digests: dict[str, str | None] = {style.name: style.digest for style in styles}
        self._digests |= dict.fromkeys(unknown)

    def for_styles(self, names: Iterable[str]) -> RenditionNotes:
        """Return these notes for a later list of styles.

        Removed styles are dropped. Added styles are unknown, so their renditions are not changed.
        """
        later = RenditionNotes(self._encoder, (), ())
        later._digests = {name: self._digests.get(name) for name in names}
        return later

    def lacks(self, reader: Reader, picture: PictureKey) -> bool:
        """Return True if a picture must be rendered, for the first time or again."""
        record = reader.rendition(picture)
        if record is None or record.digest != self._digests[picture.rendition]:
            return True
        return record.outcome != "left_out" and not self._is_whole(reader, picture)

    def was_deleted(self, reader: Reader, picture: PictureKey) -> bool:
        """Return True if a picture was rendered, and deleted before a row referred to it."""
        record = reader.rendition(picture)
        if record is None or record.digest != self._digests[picture.rendition]:
            return False
        return record.outcome != "left_out" and not self._is_whole(reader, picture)

    def wanted(self, reader: Reader, image: ImageRecord) -> tuple[str, ...]:
        """Return the renditions that an image should have rows of, those that it has first.

        Renditions without a note were not made for a style of the shop, so they stay.
        """
        kept = [
            name
            for name in image.rows
            if name == ORIGINAL or self._may_stay(reader, PictureKey(image.content, name))
        ]
        new = [
            name
            for name in self._digests
            if name not in image.rows and self._may_come(reader, PictureKey(image.content, name))
        ]
        return (*kept, *new)

    def _may_stay(self, reader: Reader, picture: PictureKey) -> bool:
        record = reader.rendition(picture)
        if record is None:
            return True
        if picture.rendition not in self._digests or record.outcome == "left_out":
            return False
        return self._digests[picture.rendition] in (None, record.digest)

    def _may_come(self, reader: Reader, picture: PictureKey) -> bool:
        return (
            reader.rendition(picture) is not None
            and self._may_stay(reader, picture)
            and self._is_whole(reader, picture)
        )

    def _is_whole(self, reader: Reader, picture: PictureKey) -> bool:
        return reader.holds("images", picture) and reader.has_embedding(self._encoder, picture)


def missing_renditions(
    reader: Reader,
    images: Iterable[StoredImage],
    styles: Sequence[ShopStyle],
    notes: RenditionNotes,
) -> list[tuple[StoredImage, list[ShopStyle]]]:
    """Return the images that lack a rendition, each with the styles that it lacks."""
    found = []
    for image in images:
        lacking = [
            style for style in styles if notes.lacks(reader, PictureKey(image.content, style.name))
        ]
        if lacking:
            found.append((image, lacking))
    return found


def deleted_renditions(
    reader: Reader,
    rendered: Iterable[tuple[StoredImage, list[ShopStyle]]],
    notes: RenditionNotes,
) -> list[tuple[StoredImage, list[ShopStyle]]]:
    """Return those that were deleted, as garbage, before a row referred to them."""
    found = []
    for image, styles in rendered:
        gone = [
            style
            for style in styles
            if notes.was_deleted(reader, PictureKey(image.content, style.name))
        ]
        if gone:
            found.append((image, gone))
    return found


def sync_rows(
    store: Store,
    notes: RenditionNotes,
    migration_encoders: MigrationEncoders,
    item_ids: Sequence[str] | None = None,
) -> int:
    """Give images the rows of the renditions that the store has; return how many items changed.

    ``item_ids`` of None stands for all items. Each transaction reads its items and the list of
    styles again, so that it follows writes and changes of styles that happen meanwhile.
    """
    with store.read() as reader:
        records = reader.items() if item_ids is None else _records(reader, item_ids)
        current = notes.for_styles(indexed_styles(reader))
        changing = [
            found for record in records if (found := _with_renditions(reader, record, current))
        ]
    migration_encoders.embed(image for found in changing for image in found.images)
    changed = 0
    for start in range(0, len(changing), _ITEMS):
        part = changing[start : start + _ITEMS]
        with store.write() as writer:
            first_row = writer.meta("next_row", 0)
            current = notes.for_styles(indexed_styles(writer))
            for record in _records(writer, [found.item.item_id for found in part]):
                found = _with_renditions(writer, record, current)
                changed += found is not None and merge_item(writer, found)
            migration_encoders.complete(writer, first_row)
    return changed


def _records(reader: Reader, item_ids: Iterable[str]) -> Iterator[ItemRecord]:
    for item_id in item_ids:
        record = reader.item(item_id)
        if record is not None:
            yield record


def _with_renditions(reader: Reader, record: ItemRecord, notes: RenditionNotes) -> FoundItem | None:
    """Return the item with the renditions that it should have; None if it has them."""
    wanted = [notes.wanted(reader, image) for image in record.images]
    if all(
        set(names) == set(image.rows) for names, image in zip(wanted, record.images, strict=True)
    ):
        return None
    images = [
        found_image(image)._replace(renditions=names)
        for names, image in zip(wanted, record.images, strict=True)
    ]
    return FoundItem(record.item, images)
