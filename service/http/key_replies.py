"""The structs of replies about API keys."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from service.apikey import ApiKey, Scope
from service.timestamp import rfc3339

ScopeName: TypeAlias = Literal["read", "write", "admin"]


class KeyReply(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without the key itself, which is not stored."""

    name: str
    scope: ScopeName
    created: Annotated[str, Meta(description="RFC 3339, in UTC.")]
    expires: str | None
    valid: bool
    searches_per_s: float | None


class KeysReply(msgspec.Struct, frozen=True):
    """The keys of the shop, oldest first."""

    keys: list[KeyReply]


class NewKeyReply(msgspec.Struct, frozen=True, kw_only=True):
    """A new key. It is shown here only."""

    name: str
    key: str


class RemovedKeysReply(msgspec.Struct, frozen=True, kw_only=True):
    """How many keys of a name were removed."""

    name: str
    removed: int


class OwnKeyReply(msgspec.Struct, frozen=True, kw_only=True):
    """The key that was sent."""

    name: str
    scope: Annotated[ScopeName, Meta(description="A wider scope includes the narrower ones.")]
    required: Annotated[
        bool, Meta(description="Whether the service refuses to read without a key, pictures too.")
    ]


def key_reply(key: ApiKey, now: float) -> KeyReply:
    """Return what is sent about a key, at a time in seconds since 1970."""
    return KeyReply(
        name=key.name,
        scope=scope_name(key.scope),
        created=rfc3339(key.created),
        expires=rfc3339(key.expires) if key.expires else None,
        valid=key.is_valid(now),
        searches_per_s=key.searches_per_s,
    )


def scope_name(scope: Scope) -> ScopeName:
    """Return the name of a scope, as it is sent."""
    return scope.value
