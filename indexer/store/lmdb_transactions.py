"""Transactions on the named databases of an LMDB environment, whose keys and values are bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class ReadTransaction:
    """A consistent view of an environment. A database that does not exist yet reads as empty."""

    def __init__(self, txn: Any, handles: Mapping[str, Any]) -> None:
        self._txn = txn
        self._handles = handles

    def get(self, database: str, key: bytes) -> bytes | None:
        """Return the value of a key, or None if there is none."""
        handle = self._handles.get(database)
        value: bytes | None = None if handle is None else self._txn.get(key, db=handle)
        return value

    def has(self, database: str, key: bytes) -> bool:
        """Return True if a key exists, without reading its value."""
        handle = self._handles.get(database)
        return handle is not None and bool(self._txn.cursor(db=handle).set_key(key))

    def keys(self, database: str, start: bytes = b"") -> Iterator[bytes]:
        """Iterate over the keys from ``start`` on, in byte order."""
        cursor = self._cursor(database, start)
        keys: Iterator[bytes] = iter(()) if cursor is None else cursor.iternext(values=False)
        return keys

    def entries(self, database: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Iterate over the keys and values from ``start`` on, in byte order of the keys."""
        cursor = self._cursor(database, start)
        entries: Iterator[tuple[bytes, bytes]] = iter(()) if cursor is None else cursor.iternext()
        return entries

    def entries_before(self, database: str, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over the keys before ``end`` and their values, in descending byte order."""
        handle = self._handles.get(database)
        if handle is None:
            return iter(())
        cursor = self._txn.cursor(db=handle)
        found = cursor.prev() if cursor.set_range(end) else cursor.last()
        entries: Iterator[tuple[bytes, bytes]] = cursor.iterprev() if found else iter(())
        return entries

    def count(self, database: str) -> int:
        """Return the number of keys in a database."""
        handle = self._handles.get(database)
        return 0 if handle is None else int(self._txn.stat(handle)["entries"])

    def _cursor(self, database: str, start: bytes) -> Any:
        """Return a cursor at the first key from ``start`` on, or None if there is no such key."""
        handle = self._handles.get(database)
        if handle is None:
            return None
        cursor = self._txn.cursor(db=handle)
        return cursor if (cursor.set_range(start) if start else cursor.first()) else None


class WriteTransaction(ReadTransaction):
    """A write transaction: when its block ends, all of it is on disk, or nothing after an error."""

    def put(self, database: str, key: bytes, value: bytes) -> None:
        """Store a value under a key; replaces the previous value."""
        self._txn.put(key, value, db=self._handles[database])

    def delete(self, database: str, key: bytes) -> None:
        """Delete a key, if it exists."""
        self._txn.delete(key, db=self._handles[database])
