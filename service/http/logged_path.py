"""The path of a request as logs show it: without the id of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import Scope

USERS: Final = "/v1/users/"


def logged_path(scope: Scope) -> str:
    """Return the path of a request; below ``/v1/users/``, its pattern instead."""
    path: str = scope["path"]
    prefix = scope.get("root_path", "") + USERS
    if not path.startswith(prefix):
        return path
    end = "/recommendations"
    return f"{prefix}{{user_id}}{end if path.endswith(end) else ''}"
