"""Routes that need a key: the check of the key, and its part of the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends, Request

from service.apikey import Scope

if TYPE_CHECKING:
    from service.http.appstate import AppState

SECURED: dict[Scope, dict[str, Any]] = {
    scope: {"security": [{f"{scope.value}Key": []}]} for scope in Scope
}
"""For each scope, the part of the OpenAPI document of a route that needs a key of it."""


def needs_key(state: AppState, scope: Scope = Scope.WRITE) -> Any:
    """Return a dependency of routes that need a key: it raises HttpError (401, 403, 429).

    It runs before the body is read, so that a client without a key cannot fill the memory.
    """

    # Not a plain function: FastAPI would run it in a thread, which takes longer than the check.
    async def check(request: Request) -> None:
        state.rates.check_key(request.scope, request.headers, scope)

    return Depends(check)
