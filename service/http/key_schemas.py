"""The models of requests that add and rotate API keys."""

from __future__ import annotations

from pydantic import Field

from service.apikey import Scope
from service.http.request_model import RequestModel

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


def end_of(days: float | None, now: float) -> float | None:
    """Return the end of a key that is valid for so many days, in seconds since 1970."""
    return None if days is None else now + days * DAY_S
