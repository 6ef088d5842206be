"""The truth of a shop: one LMDB environment with its items, images and embeddings.

Named databases, and what a key of each leads to::

    meta        name                                   -> a number or text (msgpack)
    items       item_id                                -> ItemRecord (msgpack)
    rows        row, 8 bytes big-endian                -> Row (msgpack)
    images      content hash                           -> JPEG copy of the image, for display
    embeddings  encoder key, content hash, variant     -> dim x fp16

Embeddings and display copies are keyed by what the image contains, so the same bytes are
encoded once, however often they occur, and a build that was interrupted finds its work
again. Rows are keyed by number and belong to one image of one item: they never shift, and
two items with the same photo have a row each.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lmdb
import msgspec
import numpy as np

from indexer.arrays import Vectors
from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, StoreFull
from indexer.items import ORIGINAL, Item

FORMAT = 1
MAP_BYTES = 256 << 30  # reserved address space, not disk: LMDB files grow as they fill
_DATABASES = ("meta", "items", "rows", "images", "embeddings")
_HASH_BYTES = 16

T = TypeVar("T")


class ImageRecord(msgspec.Struct, frozen=True):
    """One good image of an item: where it came from, what it contains, and its rows.

    ``width`` and ``height`` are those of the upright original. ``rows`` gives the row of each
    variant that is indexed, ``original`` among them.
    """

    path: str
    content: bytes
    width: int
    height: int
    rows: dict[str, int]


class ItemRecord(msgspec.Struct, frozen=True):
    """An item as it is stored: the catalog's words, and the images that could be read."""

    item: Item
    images: list[ImageRecord]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What a row of an index stands for."""

    item_id: str
    image_index: int
    variant: str
    content: bytes


_ITEM = msgspec.msgpack.Decoder(ItemRecord)
_ROW = msgspec.msgpack.Decoder(Row)


def content_hash(data: bytes) -> bytes:
    """The name of an image by its bytes: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(data).digest()[:_HASH_BYTES]


def encoder_key(encoder_id: str, weights_hash: str) -> bytes:
    """Eight bytes that stand for one encoder with one set of weights."""
    return hashlib.sha256(f"{encoder_id}\n{weights_hash}".encode()).digest()[:8]


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
        key = item_id.encode("utf-8", "surrogatepass")
        value = self._txn.get(key, db=self._dbs["items"]) if 0 < len(key) < 512 else None
        return None if value is None else _decoded(_ITEM, value, f"item {item_id!r}")

    def items(self) -> Iterator[ItemRecord]:
        """All items, in the byte order of their ids."""
        for key, value in self._txn.cursor(db=self._dbs["items"]):
            yield _decoded(_ITEM, value, f"item {key.decode(errors='replace')!r}")

    def rows(self) -> Iterator[tuple[int, Row]]:
        """All rows, by rising number."""
        for key, value in self._txn.cursor(db=self._dbs["rows"]):
            row = int.from_bytes(key, "big")
            yield row, _decoded(_ROW, value, f"row {row}")

    def count(self, database: str) -> int:
        """How many keys a database holds."""
        return int(self._txn.stat(self._dbs[database])["entries"])

    def image(self, content: bytes) -> bytes | None:
        """The display copy (JPEG) of an image; None when none is stored."""
        value: bytes | None = self._txn.get(content, db=self._dbs["images"])
        return value

    def has_embedding(self, encoder: bytes, content: bytes, variant: str = ORIGINAL) -> bool:
        """Whether this encoder has encoded this content."""
        key = encoder + content + variant.encode()
        return self._txn.get(key, db=self._dbs["embeddings"]) is not None

    def embeddings(self, encoder: bytes, contents: list[tuple[bytes, str]], dim: int) -> Vectors:
        """The stored vectors of (content, variant) pairs, in order: (n, dim), as fp16 rounded.

        IndexCorrupt when one is missing or of another length.
        """
        out = np.empty((len(contents), dim), dtype=np.float32)
        for at, (content, variant) in enumerate(contents):
            value = self._txn.get(encoder + content + variant.encode(), db=self._dbs["embeddings"])
            if value is None or len(value) != 2 * dim:
                raise IndexCorrupt(
                    f"no embedding of {dim} numbers for image {content.hex()} ({variant}): "
                    "the store is damaged; run 'vitrine index' again"
                )
            out[at] = np.frombuffer(value, dtype=np.float16)
        return out


class Writer(Reader):
    """A write transaction: everything in its ``with`` block is on disk after it, or nothing."""

    def put_meta(self, name: str, value: object) -> None:
        """Store a number or a text."""
        self._put("meta", name.encode(), msgspec.msgpack.encode(value))

    def put_item(self, record: ItemRecord) -> None:
        """Store an item, replacing the one of its id."""
        self._put("items", record.item.item_id.encode(), msgspec.msgpack.encode(record))

    def put_row(self, number: int, row: Row) -> None:
        """Store what a row stands for."""
        self._put("rows", number.to_bytes(8, "big"), msgspec.msgpack.encode(row))

    def put_image(self, content: bytes, jpeg: bytes) -> None:
        """Store the display copy of an image."""
        self._put("images", content, jpeg)

    def put_embedding(
        self, encoder: bytes, content: bytes, embedding: bytes, variant: str = ORIGINAL
    ) -> None:
        """Store one vector, as the bytes of its dim fp16 numbers."""
        self._put("embeddings", encoder + content + variant.encode(), embedding)

    def new_rows(self, count: int) -> range:
        """Reserve row numbers that were never used before."""
        first = self.meta("next_row", 0)
        self.put_meta("next_row", first + count)
        return range(first, first + count)

    def delete_item(self, item_id: str) -> None:
        """Forget an item and its rows; its images stay until ``sweep``."""
        record = self.item(item_id)
        if record is None:
            return
        for image in record.images:
            for row in image.rows.values():
                self.delete_row(row)
        self._txn.delete(item_id.encode(), db=self._dbs["items"])

    def delete_row(self, number: int) -> None:
        """Forget a row."""
        self._txn.delete(number.to_bytes(8, "big"), db=self._dbs["rows"])

    def sweep(self) -> int:
        """Drop embeddings and display copies that no row needs; returns how many."""
        needed = {row.content for _, row in self.rows()}
        swept = 0
        for name, start in (("images", 0), ("embeddings", 8)):
            cursor = self._txn.cursor(db=self._dbs[name])
            more = cursor.first()
            while more:
                if cursor.key()[start : start + _HASH_BYTES] in needed:
                    more = cursor.next()
                else:
                    more = cursor.delete()  # moves on to the next key
                    swept += 1
                    more = more and bool(cursor.key())
        return swept

    def _put(self, database: str, key: bytes, value: bytes) -> None:
        self._txn.put(key, value, db=self._dbs[database])


class _Shared:
    """An open environment and how many stores of this process use it.

    LMDB must not be opened twice on one path within a process, and a service that swaps
    generations has two engines open for a moment.
    """

    def __init__(self, env: Any, dbs: dict[str, Any]) -> None:
        self.env = env
        self.dbs = dbs
        self.users = 0


_open: dict[Path, _Shared] = {}
_open_lock = threading.Lock()


class Store:
    """The LMDB environment of a shop. Thread-safe; never carry it across a fork."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the store in ``path``; with ``create``, make an empty one where there is none.

        IndexNotFound when there is none; IndexMismatch when it is of another format;
        IndexCorrupt when it cannot be read as LMDB.
        """
        if not (path / "data.mdb").is_file():
            if not create:
                raise IndexNotFound(
                    f"no catalog in {path.parent}; build one with 'vitrine index CATALOG --shop "
                    f"{path.parent}'"
                )
            path.mkdir(parents=True, exist_ok=True)
        self.path = path.resolve()
        with _open_lock:
            shared = _open.get(self.path)
            if shared is None:
                shared = _open[self.path] = _opened(self.path)
            shared.users += 1
        self._shared = shared
        self._closed = False
        try:
            self._check_format(create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the environment; a second call does nothing."""
        with _open_lock:
            if self._closed:
                return
            self._closed = True
            self._shared.users -= 1
            if self._shared.users == 0:
                self._shared.env.close()
                del _open[self.path]

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A consistent view. Keep it short: pages it can see cannot be reused meanwhile."""
        try:
            txn = self._shared.env.begin()
        except lmdb.ReadersFullError:
            self._shared.env.reader_check()  # slots of processes that died
            txn = self._shared.env.begin()
        with self._errors_told(), txn:
            yield Reader(txn, self._shared.dbs)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """A transaction that is on disk when the block ends, and undone if it raises.

        StoreFull when the map or the disk is full, or the folder is read-only.
        """
        with self._errors_told(), self._shared.env.begin(write=True) as txn:
            yield Writer(txn, self._shared.dbs)

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except lmdb.MapFullError as error:
            raise StoreFull(
                f"{self.path} has reached its map size of {MAP_BYTES >> 30} GiB"
            ) from error
        except lmdb.DiskError as error:
            raise StoreFull(f"the disk below {self.path} is full: {error}") from error
        except lmdb.ReadonlyError as error:
            raise StoreFull(f"{self.path} cannot be written: it is read-only here") from error
        except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError) as error:
            raise IndexCorrupt(f"{self.path} is damaged: {error}; restore it") from error
        except lmdb.Error as error:
            if type(error) is not lmdb.Error:  # a mistake of ours, not of the disk
                raise
            # LMDB calls a write that was cut short an input/output error.
            raise StoreFull(f"{self.path} cannot be written: {error}; is the disk full?") from error

    def bytes_used(self) -> int:
        """Bytes of disk that the data file takes."""
        return (self.path / "data.mdb").stat().st_blocks * 512

    def _check_format(self, create: bool) -> None:
        with self.read() as reader:
            found = reader.meta("format", 0)
        if found == 0 and create:
            with self.write() as writer:
                writer.put_meta("format", FORMAT)
        elif found != FORMAT:
            raise IndexMismatch(
                f"{self.path} is of store format {found}, this version reads format {FORMAT}"
            )


def _opened(path: Path) -> _Shared:
    """IndexCorrupt when it is no store, StoreFull when the disk does not let it be made."""
    settings: dict[str, Any] = {
        "max_dbs": 16,
        "map_size": MAP_BYTES,
        "max_readers": 512,
        "readahead": False,
    }
    try:
        try:
            env = lmdb.open(str(path), **settings)
        except (lmdb.ReadonlyError, PermissionError, lmdb.LockError):
            env = lmdb.open(str(path), readonly=True, lock=False, **settings)
        except lmdb.Error as error:
            if "Read-only" not in str(error) and "Permission denied" not in str(error):
                raise
            env = lmdb.open(str(path), readonly=True, lock=False, **settings)
        flags = env.flags()
        dbs = {
            name: env.open_db(name.encode(), create=not flags.get("readonly", False))
            for name in _DATABASES
        }
    except lmdb.Error as error:
        if type(error) in (lmdb.Error, lmdb.DiskError):  # the system's word, not LMDB's
            raise StoreFull(f"{path} cannot be opened: {error}") from error
        raise IndexCorrupt(
            f"{path} cannot be opened as a store: {error}. Restore it, or move it away and "
            "index again"
        ) from error
    return _Shared(env, dbs)


def _decoded(decoder: msgspec.msgpack.Decoder[T], value: bytes, what: str) -> T:
    try:
        return decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise IndexCorrupt(f"{what} in the store cannot be read: {error}") from error
