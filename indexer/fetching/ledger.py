"""Remember the picture of each URL, and the marks with which to ask for changes."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from indexer.store.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DATABASES = ("urls", "meta")
_KEPT_RUNS = 10  # a URL that no catalog named in so many runs is forgotten
_ADVICE = "delete it; the next run fetches all pictures again"
_DELETED_AT_ONCE = 10_000


class KnownPicture(msgspec.Struct, frozen=True, array_like=True):
    """The picture that a URL had: its content hash and size, and the run that saw it last."""

    etag: str
    last_modified: str
    content: bytes
    width: int
    height: int
    run: int

    @property
    def marks(self) -> dict[str, str]:
        """The request headers that make a server answer 304 if nothing has changed."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value}


class Ledger:
    """The URLs of a shop, in an LMDB file of its own. Close it, or use it in a ``with`` block.

    It is a cache: a shop without it fetches everything again. An interrupted run is continued by
    the next one, which does not request again what the interrupted run has seen.
    """

    def __init__(self, path: Path) -> None:
        """Open the ledger in the folder ``path``; make it if there is none."""
        self._environment = Environment(path, _DATABASES, create=True, advice=_ADVICE)
        with self._environment.read() as txn:
            self.run = msgspec.msgpack.decode(txn.get("meta", b"run") or b"\x01", type=int)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._environment.close()

    def known(self, url: str) -> KnownPicture | None:
        """Return the picture of a URL, or None if none is known."""
        with self._environment.read() as txn:
            found = txn.get("urls", _key(url))
        return None if found is None else msgspec.msgpack.decode(found, type=KnownPicture)

    def put(self, pictures: Mapping[str, KnownPicture]) -> None:
        """Remember the pictures of some URLs. The pictures must already be in the store."""
        if not pictures:
            return
        with self._environment.write() as txn:
            for url, picture in pictures.items():
                txn.put("urls", _key(url), msgspec.msgpack.encode(picture))

    def finish(self) -> None:
        """End the run, so that the next one asks for changes; forget URLs not seen for long."""
        with self._environment.read() as txn:
            old = [
                key
                for key, value in txn.entries("urls")
                if msgspec.msgpack.decode(value, type=KnownPicture).run <= self.run - _KEPT_RUNS
            ]
        for start in range(0, len(old), _DELETED_AT_ONCE):
            with self._environment.write() as txn:
                for key in old[start : start + _DELETED_AT_ONCE]:
                    txn.delete("urls", key)
        self.run += 1
        with self._environment.write() as txn:
            txn.put("meta", b"run", msgspec.msgpack.encode(self.run))


def _key(url: str) -> bytes:
    return blake2b(url.encode("utf-8", "replace"), digest_size=16).digest()
