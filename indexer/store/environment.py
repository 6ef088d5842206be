"""An LMDB environment: named databases in one memory-mapped file, and transactions on them.

It knows nothing of what is stored: the schema of a shop is in ``indexer.store.store``.

LMDB must not be opened twice on one path within a process, and a service that swaps generations
has two engines open for a moment. So environments on one path share what is open.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import lmdb

from indexer.errors import IndexCorrupt, IndexNotFound, StoreFull
from indexer.store.datafile import ADVICE, check_not_truncated

DATA_FILE = "data.mdb"
MAP_BYTES = 256 << 30  # reserved address space, not disk: LMDB files grow as they fill
_MAX_DATABASES = 16
_MAX_READERS = 512


class ReadTransaction:
    """A consistent view of an environment. A database that does not exist yet reads as empty."""

    def __init__(self, txn: Any, handles: Mapping[str, Any]) -> None:
        self._txn = txn
        self._handles = handles

    def get(self, database: str, key: bytes) -> bytes | None:
        """The value of a key; None when there is none."""
        handle = self._handles.get(database)
        value: bytes | None = None if handle is None else self._txn.get(key, db=handle)
        return value

    def has(self, database: str, key: bytes) -> bool:
        """Whether a key exists; its value is not read."""
        handle = self._handles.get(database)
        return handle is not None and bool(self._txn.cursor(db=handle).set_key(key))

    def keys(self, database: str, start: bytes = b"") -> Iterator[bytes]:
        """The keys from ``start`` on, in byte order."""
        cursor = self._cursor(database, start)
        keys: Iterator[bytes] = iter(()) if cursor is None else cursor.iternext(values=False)
        return keys

    def entries(self, database: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The keys and values from ``start`` on, in byte order of the keys."""
        cursor = self._cursor(database, start)
        entries: Iterator[tuple[bytes, bytes]] = iter(()) if cursor is None else cursor.iternext()
        return entries

    def count(self, database: str) -> int:
        """How many keys a database holds."""
        handle = self._handles.get(database)
        return 0 if handle is None else int(self._txn.stat(handle)["entries"])

    def _cursor(self, database: str, start: bytes) -> Any:
        """A cursor on the first key from ``start`` on; None when there is no such key."""
        handle = self._handles.get(database)
        if handle is None:
            return None
        cursor = self._txn.cursor(db=handle)
        return cursor if (cursor.set_range(start) if start else cursor.first()) else None


class WriteTransaction(ReadTransaction):
    """A change of an environment: all of it is on disk when its block ends, or none of it."""

    def put(self, database: str, key: bytes, value: bytes) -> None:
        """Store a value, replacing the one of its key."""
        self._txn.put(key, value, db=self._handles[database])

    def delete(self, database: str, key: bytes) -> None:
        """Delete a key, if it exists."""
        self._txn.delete(key, db=self._handles[database])


class _OpenEnvironment:
    """What is open on one path, and how many environments of this process use it."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.handles: dict[str, Any] = {}  # replaced as a whole, never changed
        self.lock = threading.Lock()  # held while ``handles`` is replaced
        self.users = 0


_open: dict[Path, _OpenEnvironment] = {}
_open_lock = threading.Lock()


class Environment:
    """An open environment; close it, or use it in a ``with`` block.

    Thread-safe, and safe between processes; never carry it across a fork.
    """

    def __init__(
        self,
        path: Path,
        databases: Sequence[str],
        *,
        create: bool = False,
        advice: str = ADVICE,
    ) -> None:
        """Open the environment in the folder ``path``; with ``create``, make it if it is missing.

        Those ``databases`` that do not exist yet are created by the first write. ``advice`` says
        in errors what to do with a damaged file. IndexNotFound when there is none; IndexCorrupt
        when it cannot be read as LMDB; StoreFull when the system does not let it be opened.
        """
        if not exists(path):
            if not create:
                raise IndexNotFound(f"there is no {path / DATA_FILE}")
            path.mkdir(parents=True, exist_ok=True)
        self.path = path.resolve()
        self._databases = databases
        self._closed = False
        self._all_open = False
        with _open_lock:
            shared = _open.get(self.path)
            if shared is None:
                shared = _open[self.path] = _OpenEnvironment(_open_lmdb(self.path, advice))
            shared.users += 1
        self._shared = shared
        try:
            self._open_new_databases()
        except BaseException as error:
            self.close()
            if isinstance(error, lmdb.Error):
                raise _cannot_open(self.path, error, advice) from error
            raise

    def close(self) -> None:
        """Let go of what is open; a second call does nothing."""
        with _open_lock:
            if self._closed:
                return
            self._closed = True
            self._shared.users -= 1
            if self._shared.users == 0:
                self._shared.env.close()
                del _open[self.path]

    def __enter__(self) -> Environment:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """A consistent view. Keep it short: pages it can see cannot be reused meanwhile."""
        try:
            self._open_new_databases()
            with self._begin_read() as txn:
                yield ReadTransaction(txn, self._shared.handles)
        except lmdb.Error as error:
            self._raise_vitrine_error(error)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """A transaction that is on disk when the block ends, and undone if it raises.

        StoreFull when the map or the disk is full, or the folder is read-only.
        """
        shared = self._shared
        try:
            self._open_new_databases()
            with shared.env.begin(write=True) as txn:
                created = {
                    name: shared.env.open_db(name.encode(), txn=txn)
                    for name in self._databases
                    if name not in shared.handles
                }
                yield WriteTransaction(txn, {**shared.handles, **created})
        except lmdb.Error as error:
            self._raise_vitrine_error(error)
        if created:  # only now: LMDB closes the handles of a transaction that is undone
            with shared.lock:
                shared.handles = {**shared.handles, **created}

    def copy(self, descriptor: int) -> None:
        """Write the data file as it is now, free pages left out, into an open file or pipe.

        One consistent view, while reads and writes go on. StoreFull when it cannot be written.
        """
        try:
            self._shared.env.copyfd(descriptor, compact=True)
        except lmdb.Error as error:
            self._raise_vitrine_error(error)

    def bytes_used(self) -> int:
        """Bytes of disk that the data file takes."""
        return (self.path / DATA_FILE).stat().st_blocks * 512

    def spare_bytes(self) -> int:
        """Bytes of the data file that nothing uses: what is stored next goes there first."""
        env = self._shared.env
        try:
            with env.begin() as txn:
                handles = self._shared.handles.values()
                trees = [env.stat(), *(txn.stat(handle) for handle in handles)]
                pages = env.info()["last_pgno"] + 1
        except lmdb.Error as error:
            self._raise_vitrine_error(error)
        used = sum(
            tree["branch_pages"] + tree["leaf_pages"] + tree["overflow_pages"] for tree in trees
        )
        return max(0, int(pages - used)) * int(trees[0]["psize"])

    def _begin_read(self) -> Any:
        try:
            return self._shared.env.begin()
        except lmdb.ReadersFullError:
            self._shared.env.reader_check()  # frees the slots of processes that died
            return self._shared.env.begin()

    def _open_new_databases(self) -> None:
        """Open those databases that exist on disk and are not open here yet.

        They are opened before a transaction begins: LMDB forgets a database that was opened in
        a read transaction, and another process may create one at any time.
        """
        if self._all_open:
            return
        shared = self._shared
        missing = [name for name in self._databases if name not in shared.handles]
        self._all_open = not missing
        with self._begin_read() as txn:  # a named database is a key of the unnamed one
            found = [name for name in missing if txn.get(name.encode()) is not None]
        if found:
            with shared.lock:
                opened = {name: shared.env.open_db(name.encode(), create=False) for name in found}
                shared.handles = {**shared.handles, **opened}

    def _raise_vitrine_error(self, error: lmdb.Error) -> NoReturn:
        """Raise our error in place of one of LMDB, or the same where it is a mistake of ours."""
        if isinstance(error, lmdb.MapFullError):
            full = f"{self.path} has reached its map size of {MAP_BYTES >> 30} GiB"
            raise StoreFull(full) from error
        if isinstance(error, lmdb.DiskError):
            raise StoreFull(f"the disk below {self.path} is full: {error}") from error
        if isinstance(error, lmdb.ReadonlyError):
            raise StoreFull(f"{self.path} cannot be written: it is read-only here") from error
        if isinstance(error, lmdb.CorruptedError | lmdb.PageNotFoundError | lmdb.PanicError):
            raise IndexCorrupt(f"{self.path} is damaged: {error}; restore it") from error
        if type(error) is lmdb.Error:
            # LMDB calls a write that was cut short an input/output error.
            raise StoreFull(f"{self.path} cannot be written: {error}; is the disk full?") from error
        raise error


def exists(path: Path) -> bool:
    """Whether a folder holds the data file of an environment."""
    return (path / DATA_FILE).is_file()


def _open_lmdb(path: Path, advice: str) -> Any:
    """LMDB's environment; read-only and without locks where the folder cannot be written."""
    settings: dict[str, Any] = {
        "max_dbs": _MAX_DATABASES,
        "map_size": MAP_BYTES,
        "max_readers": _MAX_READERS,
        "readahead": False,
    }
    check_not_truncated(path / DATA_FILE, advice)
    try:
        try:
            return lmdb.open(str(path), **settings)
        except (lmdb.ReadonlyError, PermissionError, lmdb.LockError):
            return lmdb.open(str(path), readonly=True, lock=False, **settings)
        except lmdb.Error as error:
            if "Read-only" not in str(error) and "Permission denied" not in str(error):
                raise
            return lmdb.open(str(path), readonly=True, lock=False, **settings)
    except lmdb.Error as error:
        raise _cannot_open(path, error, advice) from error


def _cannot_open(path: Path, error: lmdb.Error, advice: str) -> IndexCorrupt | StoreFull:
    if type(error) in (lmdb.Error, lmdb.DiskError):  # an error of the system, not of LMDB
        return StoreFull(f"{path} cannot be opened: {error}")
    return IndexCorrupt(
        f"{path} cannot be opened as a store: {error}. {advice[:1].upper()}{advice[1:]}"
    )
