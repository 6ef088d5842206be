"""An LMDB environment: named databases in one memory-mapped file.

This module is independent of the data: the schema of a shop is in ``indexer.store.store``.

A process must not open a path with LMDB twice, but a service that swaps generations has two
engines open for a moment. So all environments of a process on one path share one LMDB handle.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import lmdb

from indexer.errors import IndexCorrupt, IndexNotFound, StoreBusy, StoreFull
from indexer.store.datafile import ADVICE, check_not_truncated
from indexer.store.lmdb_transactions import ReadTransaction, WriteTransaction

DATA_FILE = "data.mdb"
MAP_BYTES = 256 << 30  # reserved address space, not disk: LMDB files grow as they fill
_MAX_DATABASES = 16
_MAX_READERS = 512


class _OpenEnvironment:
    """LMDB's handles of one path, and how many ``Environment`` objects use them."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.handles: dict[str, Any] = {}  # by database; replaced as a whole, never changed
        self.lock = threading.Lock()  # held while ``handles`` is replaced
        self.users = 0


_open: dict[Path, _OpenEnvironment] = {}
_open_lock = threading.Lock()


class Environment:
    """An open LMDB environment. Close it, or use it in a ``with`` block.

    Safe for threads and for several processes. Do not use it after a fork.
    """

    def __init__(
        self,
        path: Path,
        databases: Sequence[str],
        *,
        create: bool = False,
        advice: str = ADVICE,
    ) -> None:
        """Open the environment in the folder ``path``; ``create`` makes a missing one.

        The first write creates those ``databases`` that do not exist yet. ``advice`` ends the
        message about a damaged file. Raises IndexNotFound if there is no environment, IndexCorrupt
        if it is not valid LMDB, and StoreFull if the operating system cannot open it.
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
        """Close the environment; a second call does nothing."""
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
        """Open a consistent view. Keep it short, because LMDB cannot reuse the pages it sees."""
        try:
            self._open_new_databases()
            with self._begin_read() as txn:
                yield ReadTransaction(txn, self._shared.handles)
        except lmdb.Error as error:
            self._raise_vitrine_error(error)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Open a transaction that is on disk when the block ends; an exception undoes it.

        Raises StoreFull if the map or the disk is full, or the folder is read-only.
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
        if created:  # only now, because LMDB closes the handles of an undone transaction
            with shared.lock:
                shared.handles = {**shared.handles, **created}

    def copy(self, descriptor: int) -> None:
        """Copy the data file without free pages to an open file or pipe.

        The copy is one consistent view; reads and writes can go on. Raises StoreFull if it cannot
        be written.
        """
        try:
            self._shared.env.copyfd(descriptor, compact=True)
        except lmdb.Error as error:
            self._raise_vitrine_error(error)

    @property
    def last_transaction(self) -> int:
        """The number of the last write transaction that any process has finished."""
        return int(self._shared.env.info()["last_txnid"])

    def names(self) -> list[str]:
        """Return the names of the databases that exist on disk, in byte order."""
        with self._begin_read() as txn:  # a named database is a key of the unnamed one
            return [key.decode() for key in txn.cursor().iternext(values=False)]

    def bytes_used(self) -> int:
        """Return the disk space of the data file in bytes."""
        return (self.path / DATA_FILE).stat().st_blocks * 512

    def spare_bytes(self) -> int:
        """Return the unused bytes of the data file; the next writes use them first."""
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
        """Open the databases that exist on disk but are not open here yet.

        Another process may create one at any time. They are opened before a transaction begins,
        because LMDB closes databases that were opened in a read transaction.
        """
        if self._all_open:
            return
        shared = self._shared
        with shared.lock:
            missing = [name for name in self._databases if name not in shared.handles]
            self._all_open = not missing
            with self._begin_read() as txn:  # a named database is a key of the unnamed one
                found = [name for name in missing if txn.get(name.encode()) is not None]
            if found:
                opened = _open_databases(shared.env, found)
                shared.handles = {**shared.handles, **opened}

    def _raise_vitrine_error(self, error: lmdb.Error) -> NoReturn:
        """Raise the VitrineError for an error of LMDB; raise programming errors unchanged."""
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
            # LMDB reports a short write as an input/output error.
            raise StoreFull(f"{self.path} cannot be written: {error}; is the disk full?") from error
        raise error


def _open_databases(env: Any, names: Sequence[str]) -> dict[str, Any]:
    """Open databases that exist, and return their handles by name.

    A handle stays open only if its transaction is a write, so this waits for the writer. py-lmdb
    waits without the interpreter's lock in ``begin``, but with it in ``open_db``: if the writer is
    a thread of this process, that would be a deadlock.
    """
    if env.flags()["readonly"]:
        return {name: env.open_db(name.encode(), create=False) for name in names}
    with env.begin(write=True) as txn:
        return {name: env.open_db(name.encode(), txn=txn, create=False) for name in names}


def exists(path: Path) -> bool:
    """Return True if a folder holds the data file of an environment."""
    return (path / DATA_FILE).is_file()


def _open_lmdb(path: Path, advice: str) -> Any:
    """Open LMDB; read-only and without locks if the folder cannot be written.

    Raises StoreBusy if a process with the same id has it open, which must be in another container:
    LMDB would confuse the two, and without locks its pages could change while they are read.
    """
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
        except (lmdb.ReadonlyError, PermissionError, lmdb.LockError) as error:
            if os.strerror(errno.EAGAIN) in str(error):
                raise StoreBusy(
                    f"{path} is open in another container, in a process with the same id "
                    f"({os.getpid()}): run the command in that container ('docker compose exec'), "
                    'or give both one PID namespace (pid: "service:NAME" in a compose file)'
                ) from error
            return lmdb.open(str(path), readonly=True, lock=False, **settings)
        except lmdb.Error as error:
            if "Read-only" not in str(error) and "Permission denied" not in str(error):
                raise
            return lmdb.open(str(path), readonly=True, lock=False, **settings)
    except lmdb.Error as error:
        raise _cannot_open(path, error, advice) from error


def _cannot_open(path: Path, error: lmdb.Error, advice: str) -> IndexCorrupt | StoreFull:
    if type(error) in (lmdb.Error, lmdb.DiskError):  # an error of the operating system
        return StoreFull(f"{path} cannot be opened: {error}")
    return IndexCorrupt(
        f"{path} cannot be opened as a store: {error}. {advice[:1].upper()}{advice[1:]}"
    )
