"""What a catalog changes in a shop, item by item: known before any of it is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from indexer.catalog.item_parser import FIELDS, GivenFields, overlay
from indexer.items import Item, Skipped
from indexer.writing.absence import STAYS
from indexer.writing.merge import FoundItem, found_image, merge_item, with_stored_images

if TYPE_CHECKING:
    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader, Writer
    from indexer.writing.absence import Absence
    from indexer.writing.embed_catalog import Ingested, ReadItem


class ItemChange(msgspec.Struct, frozen=True):
    """The fields of an item that change; of attributes each by its name."""

    item_id: str
    fields: list[str]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The items that a catalog adds, changes and removes, and those that it leaves as they were.

    ``kept`` stay because of what could not be read. ``drafts`` are all items to be stored.
    """

    drafts: list[FoundItem]
    added: list[str]
    changed: list[ItemChange]
    removed: list[str]
    kept: list[str]
    unchanged: int
    skipped: list[Skipped]


def changes_of(
    reader: Reader,
    done: Ingested,
    absent: Absence,
    given: GivenFields | None,
    touched: Collection[str] = frozenset(),
) -> Changes:
    """Compare what was read of a catalog with the store.

    What no row of the catalog gives (``given``), an item keeps; with None it keeps nothing of
    that kind. Items in ``touched`` were put or deleted by somebody else since the catalog was read,
    which is later news: they stay as they are.
    """
    return _Comparison(reader, given).run(done, absent, touched)


def apply_changes(writer: Writer, changes: Changes) -> int:
    """Make these changes, within the caller's transaction; how many items they concern."""
    changed = sum(merge_item(writer, draft) for draft in changes.drafts)
    for item_id in changes.removed:
        writer.delete_item(item_id)
    return changed + len(changes.removed)


class _Comparison:
    def __init__(self, reader: Reader, given: GivenFields | None) -> None:
        self._reader = reader
        self._given = given
        self._changes = Changes(
            drafts=[], added=[], changed=[], removed=[], kept=[], unchanged=0, skipped=[]
        )
        self._unchanged = 0
        self._endings: dict[tuple[str, str], str] = {}  # of reasons, by item and image
        self._columns: Counter[str] = Counter()  # items that keep what no column gives

    def run(self, done: Ingested, absent: Absence, touched: Collection[str]) -> Changes:
        """See ``changes_of``."""
        listed = {read.item.item_id for read in done.read}
        for read in done.read:
            if read.item.item_id not in touched:
                self._compare(read)
        found = self._changes
        found.removed.extend(
            item_id for item_id in absent.gone if item_id not in touched and item_id not in listed
        )
        found.kept.extend(item_id for item_id in absent.kept if item_id not in listed)
        found.skipped.extend(self._of_columns())
        found.skipped.extend(row for skipped in done.skipped for row in self._with_ending(skipped))
        return msgspec.structs.replace(found, unchanged=self._unchanged)

    def _compare(self, read: ReadItem) -> None:
        item_id = read.item.item_id
        old = self._reader.item(item_id)
        if old is None:
            images = [image for image in read.images if image is not None]
            if images:
                self._changes.drafts.append(FoundItem(read.item, images))
                self._changes.added.append(item_id)
            return
        if read.images and not any(read.images):
            self._changes.kept.append(item_id)
            self._endings[item_id, ""] = STAYS
            return
        draft = self._draft(old, read)
        self._changes.drafts.append(draft)
        fields = changed_fields(old, draft)
        if fields:
            self._changes.changed.append(ItemChange(item_id, fields))
        else:
            self._unchanged += 1

    def _draft(self, old: ItemRecord, read: ReadItem) -> FoundItem:
        item = read.item
        if self._given is not None:
            item = overlay(old.item, item, self._given)
            self._columns.update(_kept_columns(old.item, read.item, self._given))
        if not read.item.images:
            given = self._given is None or "images" in self._given.fields
            self._endings[item.item_id, ""] = "the item keeps those that it has" if given else ""
            stands = [found_image(image) for image in old.images]
            return FoundItem(msgspec.structs.replace(item, images=old.item.images), stands)
        named = list(zip(read.item.images, read.images, strict=True))
        pictures = with_stored_images(old, named)
        for path in pictures.kept:
            self._endings[item.item_id, path] = "the picture stays as it was"
        return FoundItem(item, pictures.images)

    def _with_ending(self, row: Skipped) -> list[Skipped]:
        """The skipped row with what becomes of the item; [] if its column is reported."""
        ending = self._endings.get((row.item_id, row.image))
        if ending is None:
            return [row]
        return [msgspec.structs.replace(row, reason=f"{row.reason}; {ending}")] if ending else []

    def _of_columns(self) -> list[Skipped]:
        return [
            Skipped(
                "",
                f"the catalog does not have it; {count} items keep theirs. An empty column empties "
                "them, and so does --accept",
                where=f"column {name!r}",
            )
            for name, count in self._columns.items()
        ]


def changed_fields(old: ItemRecord, new: FoundItem) -> list[str]:
    """The names of the fields in which an item differs from what is stored; images last."""
    fields = [
        name
        for name in FIELDS
        if name not in ("id", "attributes", "images")
        and getattr(old.item, name) != getattr(new.item, name)
    ]
    before, after = old.item.attributes, new.item.attributes
    names = dict.fromkeys([*before, *after])
    fields += [f"attributes.{name}" for name in names if before.get(name) != after.get(name)]
    pictures = [found_image(image) for image in old.images]
    if pictures != new.images or old.item.images != new.item.images:
        fields.append("images")
    return fields


def _kept_columns(old: Item, new: Item, given: GivenFields) -> list[str]:
    """The fields and attributes that an item has, and that no row of the catalog gives."""
    fields = [
        name
        for name in FIELDS
        if name not in given.fields
        and name not in ("id", "attributes")
        and getattr(old, name) != getattr(new, name)
    ]
    if "attributes" in given.fields:
        return fields
    return fields + [name for name in old.attributes if not given.has_attribute(name)]
