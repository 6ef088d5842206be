"""Transactions on the store of a shop: consistent views, and changes written as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice, takewhile
from typing import Literal, TypeAlias, TypeVar

import msgspec
import numpy as np

from indexer.arrays import Vectors
from indexer.errors import IndexCorrupt
from indexer.items import clean_id
from indexer.store.keys import (
    ENCODER_BYTES,
    embedding_key,
    item_key,
    number_key,
    picture_key,
    picture_of_key,
)
from indexer.store.lmdb_transactions import ReadTransaction, WriteTransaction
from indexer.store.records import (
    Change,
    ItemRecord,
    PictureKey,
    RenditionRecord,
    Row,
    change_between,
)

T = TypeVar("T")

_ITEM = msgspec.msgpack.Decoder(ItemRecord)
_ROW = msgspec.msgpack.Decoder(Row)
_RENDITION = msgspec.msgpack.Decoder(RenditionRecord)

PictureDatabase: TypeAlias = Literal["images", "originals"]
"""The databases of pictures: display copies, and original bytes."""


class Reader:
    """A consistent view of the store, valid within its ``with`` block."""

    def __init__(self, txn: ReadTransaction) -> None:
        self._txn = txn

    def meta(self, name: str, default: T) -> T:
        """Return a stored number or text, of the type of ``default``, or else ``default``."""
        value = self._txn.get("meta", name.encode())
        if value is None:
            return default
        return msgspec.msgpack.decode(value, type=type(default))

    @property
    def format_bytes(self) -> bytes | None:
        """The encoded number of the store's format, which is fast to compare."""
        return self._txn.get("meta", b"format")

    def item(self, item_id: str) -> ItemRecord | None:
        """Return the record of an item, or None if there is no such item."""
        key = item_key(clean_id(item_id))
        value = self._txn.get("items", key) if 0 < len(key) < 512 else None
        return None if value is None else _decode(_ITEM, value, f"item {item_id!r}")

    def items(self, after: str = "") -> Iterator[ItemRecord]:
        """Iterate over the items whose ids follow ``after``, in byte order of their ids."""
        start = item_key(after) + b"\0" if after else b""
        for key, value in self._txn.entries("items", start):
            yield _decode(_ITEM, value, f"item {key.decode(errors='replace')!r}")

    def item_ids(self) -> Iterator[str]:
        """Iterate over the ids of all items, in byte order."""
        for key in self._txn.keys("items"):
            yield key.decode("utf-8", "surrogatepass")

    def rows(self, start: int = 0) -> Iterator[tuple[int, Row]]:
        """Iterate over the numbers and rows from ``start`` on, in ascending order."""
        for key, value in self._txn.entries("rows", number_key(start)):
            number = int.from_bytes(key, "big")
            yield number, _decode(_ROW, value, f"row {number}")

    def count(self, database: str) -> int:
        """Return the number of keys in a database."""
        return self._txn.count(database)

    @property
    def sequence(self) -> int:
        """The number of the last change of an item; 0 before the first."""
        return self.meta("changes", 0)

    def changes_since(self, sequence: int) -> dict[str, Change] | None:
        """Return the items changed after this number, and what changed in each.

        None if the log does not reach back that far, or ends before this number: then any item may
        have changed.
        """
        last = self.sequence
        if last == sequence:
            return {}
        found: dict[str, Change] = {}
        following = number_key(sequence + 1)
        if last < sequence or not self._txn.has("changes", following):
            return None
        for _, value in self._txn.entries("changes", following):
            item_id = value[1:].decode("utf-8", "surrogatepass")
            found[item_id] = found.get(item_id, Change(0)) | Change(value[0])
        return found

    def image(self, picture: PictureKey) -> bytes | None:
        """Return the display copy (JPEG) of a picture, or None if it is not stored."""
        return self._txn.get("images", picture_key(picture))

    def original(self, picture: PictureKey) -> bytes | None:
        """Return the original bytes of a picture, or None if they are not stored."""
        return self._txn.get("originals", picture_key(picture))

    def holds(self, database: PictureDatabase, picture: PictureKey) -> bool:
        """Return True if a picture is stored in a database, without reading its bytes."""
        return self._txn.has(database, picture_key(picture))

    def has_embedding(self, encoder: bytes, picture: PictureKey) -> bool:
        """Return True if this encoder has embedded this picture."""
        return bool(self.embedding(encoder, picture))

    def has_no_picture(self, encoder: bytes, picture: PictureKey) -> bool:
        """Return True if every copy of this picture was gone before this encoder could embed it.

        Rows of such a picture are in no index of that encoder.
        """
        return self.embedding(encoder, picture) == b""

    def embeddings(self, encoder: bytes, pictures: Sequence[PictureKey], dim: int) -> Vectors:
        """Return the stored vectors of these pictures, in order: (n, dim), rounded to fp16.

        Raises IndexCorrupt if one is missing or has another length.
        """
        out = np.empty((len(pictures), dim), dtype=np.float32)
        for place, picture in enumerate(pictures):
            value = self.embedding(encoder, picture)
            if value is None or len(value) != 2 * dim:
                raise IndexCorrupt(
                    f"no embedding of {dim} numbers for image {picture.content.hex()} "
                    f"({picture.rendition}): the store is damaged; run 'vitrine index' again"
                )
            out[place] = np.frombuffer(value, dtype=np.float16)
        return out

    def embedding(self, encoder: bytes, picture: PictureKey) -> bytes | None:
        """Return the bytes of a vector's dim fp16 numbers, or None if there is no such embedding.

        Empty bytes mean that there was no picture to embed, see ``has_no_picture``.
        """
        return self._txn.get("embeddings", embedding_key(encoder, picture))

    def rendition(self, picture: PictureKey) -> RenditionRecord | None:
        """Return how a picture was rendered; None if it was not rendered in a style of the shop."""
        value = self._txn.get("renditions", picture_key(picture))
        what = f"rendition {picture.rendition!r} of image {picture.content.hex()}"
        return None if value is None else _decode(_RENDITION, value, what)

    def embedding_encoders(self) -> list[bytes]:
        """Return the keys of all encoders that have embeddings, in byte order."""
        found: list[bytes] = []
        first = next(self._txn.keys("embeddings"), None)
        while first is not None:
            found.append(first[:ENCODER_BYTES])
            following = int.from_bytes(found[-1], "big") + 1
            if following == 1 << 8 * ENCODER_BYTES:
                break
            first = next(self._txn.keys("embeddings", number_key(following)), None)
        return found

    def embedding_keys(self, encoder: bytes, most: int) -> list[tuple[str, bytes]]:
        """Return at most ``most`` keys of an encoder's embeddings, for ``delete_keys``."""
        return [("embeddings", key) for key in islice(self._embedding_keys_of(encoder), most)]

    def embedded_pictures(self, encoder: bytes) -> Iterator[PictureKey]:
        """Yield the pictures that an encoder has embedded, or recorded as gone."""
        for key in self._embedding_keys_of(encoder):
            yield picture_of_key(key[ENCODER_BYTES:])

    def count_embeddings(self, encoder: bytes) -> int:
        """Return how many pictures an encoder has embedded, or recorded as gone."""
        return sum(1 for _ in self._embedding_keys_of(encoder))

    def picture_keys(self) -> Iterator[tuple[str, bytes, PictureKey]]:
        """Yield (database, key, picture) of all pictures and embeddings, in order of the keys."""
        for database in ("images", "originals", "renditions"):
            for key in self._txn.keys(database):
                yield database, key, picture_of_key(key)
        for key in self._txn.keys("embeddings"):
            yield "embeddings", key, picture_of_key(key[ENCODER_BYTES:])

    def _embedding_keys_of(self, encoder: bytes) -> Iterator[bytes]:
        keys = self._txn.keys("embeddings", encoder)
        return takewhile(lambda key: key.startswith(encoder), keys)


class Writer(Reader):
    """A write transaction: when its block ends, all of it is on disk, or nothing after an error."""

    def __init__(self, txn: WriteTransaction) -> None:
        super().__init__(txn)
        self._writing = txn

    def put_meta(self, name: str, value: object) -> None:
        """Store a number or a text."""
        self._writing.put("meta", name.encode(), msgspec.msgpack.encode(value))

    def put_item(self, record: ItemRecord) -> Change:
        """Store an item, replacing the one with its id; return and log what changed."""
        item_id = record.item.item_id
        change = change_between(self.item(item_id), record)
        self._writing.put("items", item_id.encode(), msgspec.msgpack.encode(record))
        self._log(item_id, change)
        return change

    def touch(self, item_id: str) -> None:
        """Log that fields of an item changed that are kept beside the store, if it exists."""
        if self.item(item_id) is not None:
            self._log(item_id, Change.FIELDS)

    def put_row(self, number: int, row: Row) -> None:
        """Store the row with this number."""
        self._writing.put("rows", number_key(number), msgspec.msgpack.encode(row))

    def put_image(self, picture: PictureKey, jpeg: bytes) -> None:
        """Store the display copy of a picture."""
        self._writing.put("images", picture_key(picture), jpeg)

    def put_original(self, picture: PictureKey, data: bytes) -> None:
        """Store the original bytes of a picture."""
        self._writing.put("originals", picture_key(picture), data)

    def put_embedding(self, encoder: bytes, picture: PictureKey, embedding: bytes) -> None:
        """Store a vector, given as the bytes of its dim fp16 numbers.

        Empty bytes record that there was no picture to embed, see ``has_no_picture``.
        """
        self._writing.put("embeddings", embedding_key(encoder, picture), embedding)

    def put_rendition(self, picture: PictureKey, record: RenditionRecord) -> None:
        """Store how a picture was rendered, or that it was left out."""
        self._writing.put("renditions", picture_key(picture), msgspec.msgpack.encode(record))

    def new_rows(self, count: int) -> range:
        """Reserve ``count`` row numbers that were never used before."""
        first = self.meta("next_row", 0)
        self.put_meta("next_row", first + count)
        return range(first, first + count)

    def delete_item(self, item_id: str) -> bool:
        """Delete an item and its rows; return True if it existed.

        ``Store.delete_unused`` deletes its pictures later.
        """
        record = self.item(item_id)
        if record is None:
            return False
        for number, _ in record.numbered_rows():
            self.delete_row(number)
        self._writing.delete("items", record.item.item_id.encode())
        self._log(record.item.item_id, Change.ALL)
        return True

    def delete_row(self, number: int) -> None:
        """Delete a row."""
        self._writing.delete("rows", number_key(number))

    def delete_keys(self, keys: Collection[tuple[str, bytes]]) -> None:
        """Delete these (database, key) pairs."""
        for database, key in keys:
            self._writing.delete(database, key)

    def delete_changes(self, before: int, most: int) -> bool:
        """Delete up to ``most`` changes, to number ``before``; return False if more are left."""
        keys = self._txn.keys("changes")
        old = takewhile(lambda key: int.from_bytes(key, "big") <= before, keys)
        found = list(islice(old, most))
        for key in found:
            self._writing.delete("changes", key)
        return len(found) < most

    def _log(self, item_id: str, change: Change) -> None:
        if change:
            number = self.sequence + 1
            self.put_meta("changes", number)
            self._writing.put("changes", number_key(number), bytes([change]) + item_id.encode())


def _decode(decoder: msgspec.msgpack.Decoder[T], value: bytes, what: str) -> T:
    try:
        return decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise IndexCorrupt(f"{what} in the store cannot be read: {error}") from error
