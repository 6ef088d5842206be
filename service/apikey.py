"""An API key: what it may do, how long it is valid, and how it is recognized without storing it."""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
from typing import TypeAlias

import msgspec

from indexer.errors import VitrineError

__all__ = [
    "ApiKey",
    "BadKeys",
    "KeyExists",
    "Scope",
    "Token",
    "UnknownKey",
    "digest_of",
    "new_token",
]

Token: TypeAlias = str
_PREFIX = "vtr_"  # so that scanners for leaked secrets recognize a key
_RANDOM_BYTES = 32


class BadKeys(VitrineError):
    """The keys of a shop cannot be read, or a key cannot be added, replaced or removed."""


class UnknownKey(BadKeys):
    """There is no key with this name."""


class KeyExists(BadKeys):
    """There is already a key with this name."""


class Scope(enum.StrEnum):
    """What a key may do. A wider scope includes the narrower ones."""

    READ = "read"
    """Search, and read items, pictures and the status."""
    WRITE = "write"
    """Also write items and events, and read what is stored about users."""
    ADMIN = "admin"
    """Also change what is served: promote a generation, roll back."""

    def includes(self, needed: Scope) -> bool:
        """Return whether a key of this scope may do what ``needed`` allows."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class ApiKey(msgspec.Struct, frozen=True):
    """A key as it is stored: by its digest, from which the key cannot be computed.

    Two keys with the same ``name`` are the old and the new key of a rotation. ``created`` and
    ``expires`` are seconds since 1970. ``searches_per_s`` limits the searches with all keys of
    this name together; if it is None, the limit of the service applies.
    """

    name: str
    scope: Scope
    digest: str
    created: float
    expires: float | None = None
    searches_per_s: float | None = None

    def is_valid(self, now: float) -> bool:
        """Return whether the key is accepted at this time."""
        return self.expires is None or now < self.expires

    def matches(self, digest: str) -> bool:
        """Return whether this key has this digest, in constant time."""
        return hmac.compare_digest(self.digest, digest)


def new_token() -> Token:
    """Return a new random key of 256 bits, to be shown once and never stored."""
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: bytes) -> str:
    """Return the SHA-256 of a key, in hex.

    A fast hash is enough: nobody can guess a random key of 256 bits.
    """
    return hashlib.sha256(token).hexdigest()
