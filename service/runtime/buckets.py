"""Stores for the token buckets of clients: in this process, or in a file that several share."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import threading
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

MAX_CLIENTS = 10_000  # beyond this, the least recently seen client is removed
_SLOT = struct.Struct("<16sdd")  # hash of the client, tokens left, at this time
_SLOTS = 8  # in a group; a client is always in the group that its hash names
_GROUPS = 2048
_GROUP_BYTES = _SLOTS * _SLOT.size
FILE_BYTES = _GROUPS * _GROUP_BYTES


class Bucket(NamedTuple):
    """The tokens that a client had left at a time of ``time.monotonic``."""

    left: float
    at: float


class BucketStore(Protocol):
    """Keeps the buckets of many clients, at least ``MAX_CLIENTS`` of them."""

    def lock(self, client: str) -> AbstractContextManager[None]:
        """Keep others from this client's bucket within the block."""
        ...

    def get(self, client: str) -> Bucket | None:
        """Return the bucket of a client, or None if it is not kept."""
        ...

    def put(self, client: str, bucket: Bucket) -> None:
        """Keep a bucket; the least recently used one may be dropped for it."""
        ...


class LocalBuckets:
    """Buckets in the memory of this process. Thread-safe."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def lock(self, client: str) -> AbstractContextManager[None]:  # noqa: ARG002 - one lock for all
        """See ``BucketStore``."""
        return self._locked()

    def get(self, client: str) -> Bucket | None:
        """See ``BucketStore``."""
        return self._buckets.get(client)

    def put(self, client: str, bucket: Bucket) -> None:
        """See ``BucketStore``."""
        self._buckets[client] = bucket
        self._buckets.move_to_end(client)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            yield


class BucketFile:
    """A file of buckets, as this process maps it."""

    def __init__(self, path: Path) -> None:
        """Map the file of ``create_file``."""
        self.descriptor = os.open(path, os.O_RDWR)
        self.map = mmap.mmap(self.descriptor, FILE_BYTES)
        self.lock = threading.Lock()  # lockf does not tell the threads of a process apart


class SharedBuckets:
    """Buckets in a file that several processes map. Thread-safe, and safe for processes.

    The file is a hash table of groups of eight buckets; a new client replaces the least
    recently seen one of its group. A group is locked by ``fcntl.lockf``, which
    the system releases if a process is killed.
    """

    def __init__(self, file: BucketFile, kind: str) -> None:
        """``kind`` distinguishes the buckets of several limits in one file."""
        self._file = file
        self._kind = kind

    def lock(self, client: str) -> AbstractContextManager[None]:
        """See ``BucketStore``."""
        return self._locked(self._hash(client))

    def get(self, client: str) -> Bucket | None:
        """See ``BucketStore``."""
        digest = self._hash(client)
        for place in self._group(digest):
            found, left, at = _SLOT.unpack_from(self._file.map, place)
            if found == digest:
                return Bucket(left, at)
        return None

    def put(self, client: str, bucket: Bucket) -> None:
        """See ``BucketStore``."""
        digest = self._hash(client)
        oldest, oldest_at = -1, float("inf")
        for place in self._group(digest):
            found, _, at = _SLOT.unpack_from(self._file.map, place)
            if found == digest:
                oldest = place
                break
            if at < oldest_at:
                oldest, oldest_at = place, at
        _SLOT.pack_into(self._file.map, oldest, digest, *bucket)

    def _hash(self, client: str) -> bytes:
        text = f"{self._kind} {client}".encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=16).digest()

    @staticmethod
    def _group(digest: bytes) -> range:
        start = int.from_bytes(digest[:4], "little") % _GROUPS * _GROUP_BYTES
        return range(start, start + _GROUP_BYTES, _SLOT.size)

    @contextlib.contextmanager
    def _locked(self, digest: bytes) -> Iterator[None]:
        import fcntl  # not on Windows, where there is one process only

        start = self._group(digest).start
        with self._file.lock:
            fcntl.lockf(self._file.descriptor, fcntl.LOCK_EX, _GROUP_BYTES, start)
            try:
                yield
            finally:
                fcntl.lockf(self._file.descriptor, fcntl.LOCK_UN, _GROUP_BYTES, start)


def create_file(path: Path) -> None:
    """Create the empty file of ``SharedBuckets``."""
    with path.open("wb") as file:
        file.truncate(FILE_BYTES)


def bucket_stores(path: Path | None) -> Callable[[str], BucketStore]:
    """Return a function that makes the store for a kind of limit: in this file, or in memory."""
    if path is None:
        return lambda _: LocalBuckets()
    file = BucketFile(path)
    return lambda kind: SharedBuckets(file, kind)
