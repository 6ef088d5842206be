"""What is sent about API keys, and what requests that make them hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from pydantic import Field

from service.apikey import ApiKey, Scope
from service.http.schemas import RequestModel

ScopeName: TypeAlias = Literal["read", "write", "admin"]

DAY_S = 86_400.0
KEEP_HOURS = 24.0  # how long the old key of a rotation is valid beside the new one


class KeyBody(RequestModel):
    """A key to be made."""

    name: str = Field(description="Who has the key, such as till.", examples=["till"])
    scope: Scope = Field(Scope.READ, strict=False, description="What it may do.")
    expires_days: float | None = Field(None, gt=0, le=36_500, description="Days until it ends.")
    searches_per_s: float | None = Field(
        None, gt=0, description="Most searches a second; by default the limit of the service."
    )


class RotateBody(RequestModel):
    """How to replace a key."""

    keep_hours: float = Field(
        KEEP_HOURS, ge=0, le=8_760, description="How long the old key stays valid."
    )
    expires_days: float | None = Field(None, gt=0, le=36_500, description="As for a new key.")


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
        created=_date(key.created),
        expires=_date(key.expires) if key.expires else None,
        valid=key.is_valid(now),
        searches_per_s=key.searches_per_s,
    )


def scope_name(scope: Scope) -> ScopeName:
    """Return the name of a scope, as it is sent."""
    return scope.value


def end_of(days: float | None, now: float) -> float | None:
    """Return the end of a key that is valid for so many days, in seconds since 1970."""
    return None if days is None else now + days * DAY_S


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
