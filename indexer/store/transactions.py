"""Transactions on the store: a consistent view of it, or a change that is on disk or undone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import takewhile
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np

from indexer.arrays import Vectors
from indexer.errors import IndexCorrupt
from indexer.items import ORIGINAL, clean_id
from indexer.store.records import Change, ItemRecord, Row, change_between

T = TypeVar("T")

_ITEM = msgspec.msgpack.Decoder(ItemRecord)
_ROW = msgspec.msgpack.Decoder(Row)


class Reader:
    """One consistent view of the store, for as long as its ``with`` block lasts."""

    def __init__(self, txn: Any, dbs: Mapping[str, Any]) -> None:
        self._txn = txn
        self._dbs = dbs

    def meta(self, name: str, default: T) -> T:
        """A stored number or text, or ``default``, whose type it must have."""
        value = self._txn.get(name.encode(), db=self._dbs["meta"])
        if value is None:
            return default
        return msgspec.msgpack.decode(value, type=type(default))

    def item(self, item_id: str) -> ItemRecord | None:
        """The record of an item; None when there is no such item."""
        key = clean_id(item_id).encode("utf-8", "surrogatepass")
        value = self._txn.get(key, db=self._dbs["items"]) if 0 < len(key) < 512 else None
        return None if value is None else _decoded(_ITEM, value, f"item {item_id!r}")

    def items(self) -> Iterator[ItemRecord]:
        """All items, in the byte order of their ids."""
        for key, value in self._txn.cursor(db=self._dbs["items"]):
            yield _decoded(_ITEM, value, f"item {key.decode(errors='replace')!r}")

    def item_ids(self) -> Iterator[str]:
        """The ids of all items, in their byte order."""
        for key in self._txn.cursor(db=self._dbs["items"]).iternext(values=False):
            yield bytes(key).decode("utf-8", "surrogatepass")

    def rows(self, start: int = 0) -> Iterator[tuple[int, Row]]:
        """All rows from number ``start`` on, by rising number."""
        cursor = self._txn.cursor(db=self._dbs["rows"])
        if cursor.set_range(_key(start)):
            for key, value in cursor:
                row = int.from_bytes(key, "big")
                yield row, _decoded(_ROW, value, f"row {row}")

    def count(self, database: str) -> int:
        """How many keys a database holds."""
        return int(self._txn.stat(self._dbs[database])["entries"])

    @property
    def sequence(self) -> int:
        """The number of the last change of an item; 0 before the first."""
        return self.meta("changes", 0)

    def changes_since(self, sequence: int) -> dict[str, Change] | None:
        """The items changed after this number, with all that changed in each of them.

        None when the log does not reach back so far (or is behind): everything may have changed.
        """
        last = self.sequence
        if last == sequence:
            return {}
        found: dict[str, Change] = {}
        cursor = self._txn.cursor(db=self._dbs["changes"])
        if last < sequence or not cursor.set_key(_key(sequence + 1)):
            return None
        for _, value in cursor:
            item_id = bytes(value[1:]).decode("utf-8", "surrogatepass")
            found[item_id] = found.get(item_id, Change(0)) | Change(value[0])
        return found

    def image(self, content: bytes) -> bytes | None:
        """The display copy (JPEG) of an image, or None if it is not stored."""
        value: bytes | None = self._txn.get(content, db=self._dbs["images"])
        return value

    def original(self, content: bytes) -> bytes | None:
        """The bytes of an image as they came; None where they were not to be kept."""
        value: bytes | None = self._txn.get(content, db=self._dbs["originals"])
        return value

    def holds(self, database: Literal["images", "originals"], content: bytes) -> bool:
        """Whether a picture of this content is stored there; its bytes are not read."""
        return bool(self._txn.cursor(db=self._dbs[database]).set_key(content))

    def has_embedding(self, encoder: bytes, content: bytes, variant: str = ORIGINAL) -> bool:
        """Whether this encoder has encoded this content."""
        return bool(self.embedding(encoder, content, variant))

    def is_lost(self, encoder: bytes, content: bytes, variant: str = ORIGINAL) -> bool:
        """Whether this encoder came when there was no picture of this content any more.

        Rows of it are in no index of that encoder.
        """
        return self.embedding(encoder, content, variant) == b""

    def embeddings(self, encoder: bytes, contents: list[tuple[bytes, str]], dim: int) -> Vectors:
        """The stored vectors of (content, variant) pairs, in order: (n, dim), as fp16 rounded.

        IndexCorrupt when one is missing or of another length.
        """
        out = np.empty((len(contents), dim), dtype=np.float32)
        for at, (content, variant) in enumerate(contents):
            value = self.embedding(encoder, content, variant)
            if value is None or len(value) != 2 * dim:
                raise IndexCorrupt(
                    f"no embedding of {dim} numbers for image {content.hex()} ({variant}): "
                    "the store is damaged; run 'vitrine index' again"
                )
            out[at] = np.frombuffer(value, dtype=np.float16)
        return out

    def embedding(self, encoder: bytes, content: bytes, variant: str = ORIGINAL) -> bytes | None:
        """The bytes of a vector's dim fp16 numbers, none of them where it is lost; else None."""
        key = encoder + content + variant.encode()
        value: bytes | None = self._txn.get(key, db=self._dbs["embeddings"])
        return value

    def embedding_encoders(self) -> list[bytes]:
        """The keys of the encoders that have embedded anything, in their order."""
        found: list[bytes] = []
        cursor = self._txn.cursor(db=self._dbs["embeddings"])
        more = cursor.first()
        while more:
            key = bytes(cursor.key()[:8])
            found.append(key)
            following = int.from_bytes(key, "big") + 1
            more = following < 1 << 64 and cursor.set_range(_key(following))
        return found

    def embedding_keys(self, encoder: bytes, most: int) -> list[tuple[str, bytes]]:
        """The first keys of an encoder's embeddings, at most so many, as ``delete_keys`` wants."""
        found: list[tuple[str, bytes]] = []
        cursor = self._txn.cursor(db=self._dbs["embeddings"])
        if cursor.set_range(encoder):
            for key in cursor.iternext(values=False):
                if len(found) == most or not key.startswith(encoder):
                    break
                found.append(("embeddings", bytes(key)))
        return found

    def count_embeddings(self, encoder: bytes) -> int:
        """How many images an encoder has embedded, or found to be lost."""
        cursor = self._txn.cursor(db=self._dbs["embeddings"])
        if not cursor.set_range(encoder):
            return 0
        keys = cursor.iternext(values=False)
        return sum(1 for _ in takewhile(lambda key: key.startswith(encoder), keys))

    def content_keys(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Everything stored by content, as (database, key, content), in the order of the keys."""
        for name, start in (("images", 0), ("originals", 0), ("embeddings", 8)):
            for key in self._txn.cursor(db=self._dbs[name]).iternext(values=False):
                yield name, key, key[start : start + 16]


class Writer(Reader):
    """A write transaction: everything in its ``with`` block is on disk after it, or nothing."""

    def put_meta(self, name: str, value: object) -> None:
        """Store a number or a text."""
        self._put("meta", name.encode(), msgspec.msgpack.encode(value))

    def put_item(self, record: ItemRecord) -> Change:
        """Store an item, replacing the one of its id, and note what that changes in the log."""
        item_id = record.item.item_id
        change = change_between(self.item(item_id), record)
        self._put("items", item_id.encode(), msgspec.msgpack.encode(record))
        self._log(item_id, change)
        return change

    def put_row(self, number: int, row: Row) -> None:
        """Store what a row stands for."""
        self._put("rows", _key(number), msgspec.msgpack.encode(row))

    def put_image(self, content: bytes, jpeg: bytes) -> None:
        """Store the display copy of an image."""
        self._put("images", content, jpeg)

    def put_original(self, content: bytes, data: bytes) -> None:
        """Store an image as it came."""
        self._put("originals", content, data)

    def put_embedding(
        self, encoder: bytes, content: bytes, embedding: bytes, variant: str = ORIGINAL
    ) -> None:
        """Store one vector, as the bytes of its dim fp16 numbers; no bytes say that it is lost."""
        self._put("embeddings", encoder + content + variant.encode(), embedding)

    def new_rows(self, count: int) -> range:
        """Reserve row numbers that were never used before."""
        first = self.meta("next_row", 0)
        self.put_meta("next_row", first + count)
        return range(first, first + count)

    def delete_item(self, item_id: str) -> bool:
        """Forget an item and its rows; whether there was one. Its images stay until a sweep."""
        record = self.item(item_id)
        if record is None:
            return False
        for number, _ in record.numbered_rows():
            self.delete_row(number)
        self._txn.delete(record.item.item_id.encode(), db=self._dbs["items"])
        self._log(record.item.item_id, Change.ALL)
        return True

    def delete_row(self, number: int) -> None:
        """Forget a row."""
        self._txn.delete(_key(number), db=self._dbs["rows"])

    def delete_keys(self, keys: Collection[tuple[str, bytes]]) -> None:
        """Forget these (database, key) pairs."""
        for database, key in keys:
            self._txn.delete(key, db=self._dbs[database])

    def forget_changes(self, before: int, most: int) -> bool:
        """Shorten the log of changes up to number ``before``; False when more is left to do."""
        cursor = self._txn.cursor(db=self._dbs["changes"])
        more = cursor.first()
        for _ in range(most):
            if not more or int.from_bytes(cursor.key(), "big") > before:
                return True
            more = cursor.delete() and bool(cursor.key())  # moves on to the next key
        return not more

    def _log(self, item_id: str, change: Change) -> None:
        if change:
            number = self.sequence + 1
            self.put_meta("changes", number)
            self._put("changes", _key(number), bytes([change]) + item_id.encode())

    def _put(self, database: str, key: bytes, value: bytes) -> None:
        self._txn.put(key, value, db=self._dbs[database])


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _decoded(decoder: msgspec.msgpack.Decoder[T], value: bytes, what: str) -> T:
    try:
        return decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise IndexCorrupt(f"{what} in the store cannot be read: {error}") from error
