"""Routes as plain functions over the state of the app: a test can call them with its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec

from fastapi import Response

from service.http.appstate import AppState

P = ParamSpec("P")
Handler = Callable[Concatenate[AppState, P], Awaitable[Response]]


def bind(handler: Handler[P], state: AppState) -> Callable[P, Awaitable[Response]]:
    """Return the handler with its first argument filled in, as FastAPI takes it.

    FastAPI reads the names and types of the other arguments from the signature. A dependency
    would do the same, but would be solved again for every request.
    """

    @functools.wraps(handler)
    async def endpoint(*args: Any, **kwargs: Any) -> Response:
        return await handler(state, *args, **kwargs)

    signature = inspect.signature(handler, eval_str=True)
    parameters = list(signature.parameters.values())[1:]
    endpoint.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return endpoint
