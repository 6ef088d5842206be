"""Compare a catalog with the store: which items are added, changed, removed or kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from indexer.catalog.item_parser import FIELDS, GivenFields, overlay
from indexer.items import PICTURE_TEXT, Item, Remark, Skipped
from indexer.writing.absence import UNCHANGED
from indexer.writing.merge import FoundItem, found_image, merge_item, with_stored_images

if TYPE_CHECKING:
    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader, Writer
    from indexer.writing.absence import Absence
    from indexer.writing.embed_catalog import EmbeddedCatalog, ReadItem


class ItemChange(msgspec.Struct, frozen=True):
    """The names of an item's fields that change; an attribute is ``attributes.NAME``."""

    item_id: str
    fields: list[str]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The items that a catalog adds, changes, removes and leaves unchanged.

    ``kept`` are items that stay unchanged because their row or images could not be read.
    ``drafts`` are all items to store.
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
    embedded: EmbeddedCatalog,
    absent: Absence,
    given: GivenFields | None,
    touched: Collection[str] = frozenset(),
) -> Changes:
    """Compare an embedded catalog with the store.

    ``given`` are the fields that at least one row of the catalog has. Items keep their other
    fields; if ``given`` is None, those are emptied. Items in ``touched`` were put or deleted after
    the catalog was read, so they stay unchanged.
    """
    return _Comparison(reader, given).run(embedded, absent, touched)


def apply_changes(writer: Writer, changes: Changes) -> int:
    """Apply changes in the caller's transaction; return the number of items that changed."""
    changed = sum(merge_item(writer, draft) for draft in changes.drafts)
    for item_id in changes.removed:
        writer.delete_item(item_id)
    return changed + len(changes.removed)


class _Comparison:
    """Collects the changes of one catalog, item by item."""

    def __init__(self, reader: Reader, given: GivenFields | None) -> None:
        self._reader = reader
        self._given = given
        self._changes = Changes(
            drafts=[], added=[], changed=[], removed=[], kept=[], unchanged=0, skipped=[]
        )
        self._unchanged = 0
        # What happens to an item with a skipped row or image, by item and image; it is appended to
        # the reason. "" if the row needs no report of its own.
        self._consequences: dict[tuple[str, str], str] = {}
        # Fields (item, name) that keep their stored value, because the new one cannot be read.
        self._kept_fields: set[tuple[str, str]] = set()
        # How many items keep a field because the catalog lacks its column, by the column.
        self._columns: Counter[str] = Counter()

    def run(self, embedded: EmbeddedCatalog, absent: Absence, touched: Collection[str]) -> Changes:
        """See ``changes_of``."""
        listed = {read.item.item_id for read in embedded.read}
        for read in embedded.read:
            if read.item.item_id not in touched:
                self._compare(read)
        changes = self._changes
        changes.removed.extend(
            item_id for item_id in absent.gone if item_id not in touched and item_id not in listed
        )
        changes.kept.extend(item_id for item_id in absent.kept if item_id not in listed)
        changes.skipped.extend(self._missing_columns())
        for skipped in embedded.skipped:
            changes.skipped.extend(self._with_consequence(skipped))
        return msgspec.structs.replace(changes, unchanged=self._unchanged)

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
            self._consequences[item_id, ""] = UNCHANGED
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
            readable = self._given._replace(fields=self._given.fields - read.unread)
            item = overlay(old.item, item, readable)
            self._columns.update(_kept_columns(old.item, read.item, self._given))
            self._kept_fields.update((item.item_id, name) for name in read.unread)
        if not read.item.images:
            given = self._given is None or "images" in self._given.fields
            consequence = "the item keeps those that it has" if given else ""
            self._consequences[item.item_id, ""] = consequence
            stored = [found_image(image) for image in old.images]
            return FoundItem(msgspec.structs.replace(item, images=old.item.images), stored)
        named = list(zip(read.item.images, read.images, strict=True))
        merged = with_stored_images(old, named)
        for path in merged.kept:
            self._consequences[item.item_id, path] = "the picture stays as it was"
        return FoundItem(item, merged.images)

    def _with_consequence(self, row: Skipped) -> list[Skipped]:
        """Add to a skipped row what happens to its item; [] if its column is reported instead."""
        if isinstance(row, Remark):
            if (row.item_id, row.field) not in self._kept_fields:
                return [row]
            return [msgspec.structs.replace(row, reason=f"{row.reason}; the item keeps its own")]
        consequence = self._consequences.get((row.item_id, row.image))
        if consequence is None:
            return [row]
        if not consequence:
            return []
        return [msgspec.structs.replace(row, reason=f"{row.reason}; {consequence}")]

    def _missing_columns(self) -> list[Skipped]:
        return [
            Skipped(
                "",
                f"the catalog does not have it; {count} items keep theirs. An empty column, or "
                "--accept, empties them",
                where=f"column {name!r}",
            )
            for name, count in self._columns.items()
            if name != PICTURE_TEXT
        ]


def changed_fields(old: ItemRecord, new: FoundItem) -> list[str]:
    """Return the names of the fields in which an item differs from the stored one; images last."""
    fields = [
        name
        for name in FIELDS
        if name not in ("id", "attributes", "images")
        and getattr(old.item, name) != getattr(new.item, name)
    ]
    before, after = old.item.attributes, new.item.attributes
    names = dict.fromkeys([*before, *after])
    fields += [f"attributes.{name}" for name in names if before.get(name) != after.get(name)]
    stored = [found_image(image) for image in old.images]
    if stored != new.images or old.item.images != new.item.images:
        fields.append("images")
    return fields


def _kept_columns(old: Item, new: Item, given: GivenFields) -> list[str]:
    """Return the fields and attributes that an item has and that no row of the catalog has."""
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
