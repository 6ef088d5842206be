"""The API keys of a shop, in ``keys.json`` of its folder: added, rotated, removed and looked up."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from indexer.errors import CannotWrite
from indexer.jsonbytes import decode_json_as
from indexer.layout import KEYS
from indexer.regularfile import not_permitted, read_regular
from service.apikey import (
    ApiKey,
    BadKeys,
    KeyExists,
    Scope,
    Token,
    UnknownKey,
    digest_of,
    new_token,
)

__all__ = ["KeyCache", "KeyFile"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_KEYS = 1000
_MAX_BYTES = 1_000_000


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    """The content of the file."""

    version: int
    keys: list[ApiKey]


class KeyFile:
    """The keys of one shop. Every change replaces the file, which only its owner may read."""

    def __init__(self, shop: Path) -> None:
        self.path = shop / KEYS

    def read(self) -> list[ApiKey]:
        """Return all keys, oldest first; [] without a file. Raises BadKeys."""
        try:
            data = read_regular(self.path, _MAX_BYTES)
        except FileNotFoundError:
            return []
        except PermissionError:
            raise BadKeys(not_permitted(self.path)) from None
        except OSError as error:
            raise BadKeys(f"{self.path} cannot be read: {error.strerror or error}") from error
        try:
            content = decode_json_as(data, _Content)
        except msgspec.MsgspecError as error:
            raise BadKeys(
                f"{self.path} is damaged: {error}; restore it, or delete it and add the keys again"
            ) from error
        if content.version != 1:
            raise BadKeys(f"{self.path} has version {content.version}, expected 1; update Vitrine")
        return content.keys

    def add(
        self,
        name: str,
        scope: Scope,
        *,
        expires: float | None = None,
        searches_per_s: float | None = None,
    ) -> Token:
        """Store a new key and return it; it cannot be shown again. Raises BadKeys, CannotWrite.

        ``name`` says who has the key, and must be new. ``expires`` is in seconds since 1970.
        """
        if not _NAME.fullmatch(name):
            raise BadKeys(
                f"the name of a key has 1 to 64 of A-Z a-z 0-9 . _ -, got {name[:80]!r}",
                param="name",
            )
        with self._changing() as keys:
            if any(key.name == name for key in keys):
                raise KeyExists(
                    f"there is already a key {name!r}; 'vitrine keys rotate {name}' replaces it",
                    param="name",
                )
            token = new_token()
            now = time.time()
            keys.append(
                ApiKey(name, scope, digest_of(token.encode()), now, expires, searches_per_s)
            )
        return token

    def rotate(self, name: str, keep_s: float, *, expires: float | None = None) -> Token:
        """Store a second key of this name and return it; the old key stays valid for ``keep_s``.

        The new key has the scope and the limit of the old one, and expires at ``expires``. If there
        are two keys already, the older one is removed at once. Raises BadKeys, CannotWrite.
        """
        with self._changing() as keys:
            mine = [key for key in keys if key.name == name]
            if not mine:
                raise _unknown(name)
            old = mine[-1]
            token = new_token()
            now = time.time()
            end = now + keep_s if old.expires is None else min(old.expires, now + keep_s)
            keys[:] = [key for key in keys if key.name != name]
            if end > now:
                keys.append(msgspec.structs.replace(old, expires=end))
            keys.append(
                msgspec.structs.replace(
                    old, digest=digest_of(token.encode()), created=now, expires=expires
                )
            )
        return token

    def remove(self, name: str) -> int:
        """Remove the keys of this name, and return how many there were. Raises BadKeys."""
        with self._changing() as keys:
            before = len(keys)
            keys[:] = [key for key in keys if key.name != name]
            if len(keys) == before:
                raise _unknown(name)
            return before - len(keys)

    @contextmanager
    def _changing(self) -> Iterator[list[ApiKey]]:
        """Yield the valid keys to change; store them at the end, unless there was an error.

        Locks the folder, because the file itself is replaced.
        """
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise CannotWrite(f"{self.path.parent}: {error.strerror or error}") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            now = time.time()
            keys = [key for key in self.read() if key.is_valid(now)]
            yield keys
            if len(keys) > _MAX_KEYS:
                raise BadKeys(f"a shop has at most {_MAX_KEYS} keys; remove some", param="name")
            self._replace(msgspec.json.format(msgspec.json.encode(_Content(1, keys))))
            os.fsync(folder)
        finally:
            os.close(folder)

    def _replace(self, content: bytes) -> None:
        new = self.path.with_name(f".{KEYS}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content + b"\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise CannotWrite(f"cannot write {self.path}: {error.strerror or error}") from error


class KeyCache:
    """Finds the key that a request sent; reads the file again when it has changed. Thread-safe."""

    def __init__(self, file: KeyFile, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: tuple[int, int, int] | None = None
        self._keys: list[ApiKey] = []

    def find(self, token: bytes) -> ApiKey | None:
        """Return the valid key with this token, or None. Raises BadKeys if the file is damaged.

        Takes the same time for every key.
        """
        digest = digest_of(token)
        found = None
        for key in self.valid():
            if key.matches(digest):
                found = key
        return found

    def valid(self) -> list[ApiKey]:
        """Return the keys that are accepted now. Raises BadKeys."""
        with self._lock:
            state = self._state()
            if state != self._read_at:
                self._keys = self._file.read() if state else []
                self._read_at = state
            keys = self._keys
        now = self._clock()
        return [key for key in keys if key.is_valid(now)]

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = self._file.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadKeys(f"{self._file.path}: {error.strerror or error}") from error
        return status.st_mtime_ns, status.st_size, status.st_ino


def _unknown(name: str) -> UnknownKey:
    return UnknownKey(f"there is no key {name[:80]!r}; 'vitrine keys list' shows all", param="name")
