"""The truth of a shop: one LMDB environment with its items, images and embeddings.

Named databases, and what a key of each leads to::

    meta        name                                   -> a number or text (msgpack)
    items       item_id                                -> ItemRecord (msgpack)
    rows        row, 8 bytes big-endian                -> Row (msgpack)
    images      content hash                           -> JPEG copy of the image, for display
    originals   content hash                           -> the image as it came, where kept
    embeddings  encoder key, content hash, variant     -> dim x fp16
    changes     sequence, 8 bytes big-endian           -> what changed (1 byte), item_id

Embeddings and display copies are keyed by what the image contains, so the same bytes are
encoded once, however often they occur, and a build that was interrupted finds its work
again. Rows are keyed by number and belong to one image of one item: they never shift, and
two items with the same photo have a row each.

``changes`` is the log of what was written: a process that has seen everything up to one
number reads on from there, and knows the shop again.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, StoreFull
from indexer.store.datafile import check_whole
from indexer.store.records import Change, ImageRecord, ItemRecord, Row, content_hash
from indexer.store.transactions import Reader, Writer

__all__ = [
    "Change",
    "ImageRecord",
    "ItemRecord",
    "Reader",
    "Row",
    "Store",
    "Writer",
    "content_hash",
]

FORMAT = 1
MAP_BYTES = 256 << 30  # reserved address space, not disk: LMDB files grow as they fill
_DATABASES = ("meta", "items", "rows", "images", "originals", "embeddings", "changes")
_SWEPT = 2000  # keys that one transaction of a sweep deletes: writers wait no longer than that


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
        """Open the store in ``path``; with ``create``, make an empty one if it is missing.

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
        self.shop = path.parent  # before links are followed: the store may lie elsewhere
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

    def sweep(self, kept: Collection[bytes] = frozenset()) -> int:
        """Drop embeddings and display copies that no row needs; returns how many.

        Not those of the contents in ``kept``, which a generation has that one may go back to.

        Writes may go on: what is dropped is dropped in short transactions, each of which looks
        at the rows that were added since. Call it with the shop's job lock held, for an ingest
        stores embeddings before the rows that need them.
        """
        with self.read() as reader:
            needed = {row.content for _, row in reader.rows()}
            seen = reader.meta("next_row", 0)
            unused = [
                one for one in reader.content_keys() if one[2] not in needed and one[2] not in kept
            ]
        swept = 0
        for start in range(0, len(unused), _SWEPT):
            with self.write() as writer:
                since = {row.content for _, row in writer.rows(seen)}
                part = unused[start : start + _SWEPT]
                keys = [(name, key) for name, key, content in part if content not in since]
                writer.delete_keys(keys)
            swept += len(keys)
        return swept

    def forget_changes(self, before: int) -> None:
        """Shorten the log of changes: nobody needs what came up to this number any more."""
        done = False
        while not done:
            with self.write() as writer:
                done = writer.forget_changes(before, _SWEPT)

    def copy(self, descriptor: int) -> None:
        """Write the data file as it is now, free pages left out, into an open file or pipe.

        One consistent view, while reads and writes go on. StoreFull when it cannot be written.
        """
        with self._errors_told():
            self._shared.env.copyfd(descriptor, compact=True)

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

    def spare_bytes(self) -> int:
        """Bytes of the data file that nothing uses: what is stored next goes there first."""
        env = self._shared.env
        with self._errors_told(), env.begin() as txn:
            trees = [env.stat(), *(txn.stat(db) for db in self._shared.dbs.values())]
            pages = env.info()["last_pgno"] + 1
        used = sum(
            tree["branch_pages"] + tree["leaf_pages"] + tree["overflow_pages"] for tree in trees
        )
        return max(0, int(pages - used)) * int(trees[0]["psize"])

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
    check_whole(path / "data.mdb")
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
