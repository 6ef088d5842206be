"""A route that answers from memory before FastAPI reads the parameters of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Response
from fastapi.routing import APIRoute

from service.http.answering import kept_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request

    from service.http.appstate import AppState


def kept_route(state: AppState) -> type[APIRoute]:
    """Return a class of routes of searches by GET.

    For a kept answer, reading the parameters would take longer than everything else. They need no
    check, because the same URL was answered before. The search is counted for its client as always.
    """

    class KeptRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                body = kept_reply(state, request)
                if body is None:
                    return await handle(request)
                return Response(body, media_type="application/json")

            return answer

    return KeptRoute
