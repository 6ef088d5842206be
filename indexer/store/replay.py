"""Readers and writers of a whole store, by which one shop is copied to another."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from indexer.items import ORIGINAL
from indexer.store.keys import embedding_key, item_key, number_key, picture_key
from indexer.store.records import Change
from indexer.store.transactions import Reader, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from indexer.store.records import ItemRecord, PictureKey

VALUES = ("images", "originals", "embeddings", "renditions")
"""The databases whose values never change, because their keys are made of the content."""


class LoggedChange(msgspec.Struct, frozen=True, array_like=True):
    """An entry of the log of changes: its number, the item, and what changed (``Change``)."""

    number: int
    item_id: str
    change: int


class ValueKey(msgspec.Struct, frozen=True, array_like=True):
    """The key of a value in one of the databases ``VALUES``."""

    database: str
    key: bytes


class ExportReader(Reader):
    """A view of a store that also gives what only a copy of it needs."""

    def log(self, after: int, most: int) -> list[LoggedChange] | None:
        """Return up to ``most`` changes after this number, oldest first.

        None if the log does not reach back that far, or ends before this number.
        """
        last = self.sequence
        if last == after:
            return []
        if last < after or not self._txn.has("changes", number_key(after + 1)):
            return None
        return [
            LoggedChange(
                int.from_bytes(key, "big"), value[1:].decode("utf-8", "surrogatepass"), value[0]
            )
            for key, value in islice(self._txn.entries("changes", number_key(after + 1)), most)
        ]

    def all_meta(self) -> dict[str, bytes]:
        """Return the encoded numbers and texts of ``meta``, by name."""
        return {key.decode(): value for key, value in self._txn.entries("meta")}

    def value(self, key: ValueKey) -> bytes | None:
        """Return a value of one of the databases ``VALUES``, or None."""
        return self._txn.get(key.database, key.key)

    def has_value(self, key: ValueKey) -> bool:
        """Return True if a value is stored."""
        return self._txn.has(key.database, key.key)


class ReplayWriter(ExportReader, Writer):
    """A write transaction that repeats what another store has: rows keep their numbers."""

    def replay_item(self, item_id: str, record: ItemRecord | None) -> Change:
        """Store the record of an item with its rows, or delete it; return what changed.

        Nothing is logged: see ``log_change``.
        """
        old = self.item(item_id)
        if old == record:
            return Change(0)
        new_rows = dict(record.numbered_rows()) if record else {}
        for number, _ in old.numbered_rows() if old else ():
            if number not in new_rows:
                self.delete_row(number)
        for number, row in new_rows.items():
            self.put_row(number, row)
        key = item_key(item_id)
        if record is None:
            self._writing.delete("items", key)
        else:
            self._writing.put("items", key, msgspec.msgpack.encode(record))
        return Change.ALL

    def log_change(self, entry: LoggedChange) -> None:
        """Add an entry to the log; its number becomes that of the last change."""
        value = bytes([entry.change]) + item_key(entry.item_id)
        self._writing.put("changes", number_key(entry.number), value)
        self.put_meta("changes", entry.number)

    def put_values(self, values: Mapping[ValueKey, bytes]) -> None:
        """Store values."""
        for key, value in values.items():
            self._writing.put(key.database, key.key, value)

    def replace_meta(self, values: Mapping[str, bytes], kept: Iterable[str]) -> None:
        """Replace the encoded numbers and texts of ``meta``, except those named in ``kept``."""
        own = set(kept)
        for name in self.all_meta().keys() - values.keys() - own:
            self._writing.delete("meta", name.encode())
        for name, value in values.items():
            if name not in own:
                self._writing.put("meta", name.encode(), value)


def values_of(record: ItemRecord, encoder: bytes) -> Iterator[ValueKey]:
    """Yield the keys of all that the rows of an item refer to, embedded by this encoder."""
    for _, row in record.numbered_rows():
        yield from values_of_picture(row.picture, encoder)


def values_of_picture(picture: PictureKey, encoder: bytes) -> Iterator[ValueKey]:
    """Yield the keys of all that is stored of a picture; not every picture has all of it."""
    yield ValueKey("embeddings", embedding_key(encoder, picture))
    yield ValueKey("images", picture_key(picture))
    yield ValueKey("originals", picture_key(picture))
    if picture.rendition != ORIGINAL:
        yield ValueKey("renditions", picture_key(picture))
