"""The tools for assistants over HTTP: what they may do is what the routes of the API may do."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request

from indexer.errors import VitrineError
from indexer.jsonbytes import decode_json, decode_json_as
from search.personal.recommendation import RecommendQuery
from search.personal.shown_style import recommend_in_style
from service.assistants.tools import shop_server
from service.http.answering import reply_to
from service.http.json_body import check_json_type, check_marks
from service.http.problems import HttpError, problem_of
from service.http.replies import SearchReply
from service.query_builder import GivenFields, GivenPart, build_query

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Receive, Scope, Send

    from indexer.items import Item
    from search.personal.recommendation import Recommendations
    from service.http.appstate import AppState
    from service.http.replies import HitReply

T = TypeVar("T")

MCP_PATH = "/mcp"
_REQUEST: ContextVar[Request] = ContextVar("request")  # the SDK runs tools in its context


class CallRefused(VitrineError):
    """A call of a tool that the service does not answer, with the words of its problem."""


class ServedShop:
    """Answers the tools as the routes of the API do: with their limits, pools and keys.

    See ``ShopAccess``. A photo is base64 or a data URI, never a file of this machine.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def search_photo(self, photo: str, limit: int, filter: str | None) -> list[HitReply]:
        """Find items that look like a photo."""
        return await self.search(GivenPart(image=photo), limit, filter)

    async def search(self, part: GivenPart, limit: int, filter: str | None) -> list[HitReply]:
        """Find items by a photo, words or an item, best first."""
        return await _with_problem_texts(
            self._search(part, GivenFields(limit=limit, filter=filter))
        )

    async def item(self, item_id: str) -> Item:
        """Return an item."""
        return await _with_problem_texts(self._item(item_id))

    async def recommend(self, user_id: str, limit: int, filter: str | None) -> Recommendations:
        """Recommend items for a user; needs a key that may write, as its route does."""
        return await _with_problem_texts(
            self._recommend(user_id, GivenFields(limit=limit, filter=filter))
        )

    async def _search(self, part: GivenPart, fields: GivenFields) -> list[HitReply]:
        state, request = self._state, self._counted()
        query = await state.pools.decoding.run(lambda: build_query([part], fields))
        return decode_json_as(await reply_to(state, query, request), SearchReply).hits

    async def _item(self, item_id: str) -> Item:
        async with self._state.serving.lease() as served:
            engine = served.engine
            return await self._state.pools.reading.run(lambda: engine.item(item_id))

    async def _recommend(self, user_id: str, fields: GivenFields) -> Recommendations:
        state, request = self._state, self._counted()
        state.rates.check_key(request.scope, request.headers)
        filter = build_query([], fields).filter
        query = RecommendQuery(limit=fields.limit, filter=filter).check()
        async with state.serving.lease() as served:
            engine = served.engine
            return await state.pools.searching.run(
                lambda: recommend_in_style(
                    engine.recommender,
                    engine.style_registry,
                    engine.recommender.profile(user_id),
                    query,
                )
            )

    def _counted(self) -> Request:
        """Count the call as a search of its client. Raises HttpError (429)."""
        request = _REQUEST.get()
        self._state.rates.take_search(request.scope, request.headers)
        return request


async def _with_problem_texts(work: Awaitable[T]) -> T:
    """Return the result of a call. Raises CallRefused with what a route would reply."""
    try:
        return await work
    except Exception as error:
        reply = problem_of(_REQUEST.get().scope, error)
        raise CallRefused(decode_json(bytes(reply.body))["detail"]) from error


class AssistantsEndpoint:
    """POST /mcp, as an ASGI application: the Model Context Protocol, without sessions."""

    def __init__(self, state: AppState, version: str) -> None:
        """Needs the extra mcp: see ``check_extras``."""
        from mcp.server.transport_security import TransportSecuritySettings

        server = shop_server(ServedShop(state), state.settings.shop_name, version)
        self._origins = {origin.strip() for origin in state.settings.cors_origins.split(",")}
        server.streamable_http_app(  # makes the manager; its routes are not used
            json_response=True,
            stateless_http=True,
            max_request_body_size=max(1, int(state.settings.max_upload_mb * 1e6)),
            # Hosts and origins are checked here, by the settings of the service.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._manager = server.session_manager
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    async def start(self) -> None:
        """Start the manager of requests in a task of its own, which it must also end in."""
        started = asyncio.Event()

        async def run() -> None:
            async with self._manager.run():
                started.set()
                await self._stopped.wait()

        self._task = asyncio.create_task(run())
        await started.wait()

    async def stop(self) -> None:
        """End all requests."""
        self._stopped.set()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Raises HttpError (403, 413, 415)."""
        request = Request(scope, receive)
        self._check_origin(request)
        check_json_type(request)
        body = await request.body()
        check_marks(body)
        sent = False

        async def receive_again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        token = _REQUEST.set(request)
        try:
            await self._manager.handle_request(scope, receive_again, send)
        finally:
            _REQUEST.reset(token)

    def _check_origin(self, request: Request) -> None:
        """Refuse pages of other origins, as the protocol demands."""
        origin = request.headers.get("origin")
        if origin is None or {origin, "*"} & self._origins:
            return
        if urlsplit(origin).netloc != request.headers.get("host"):
            raise HttpError(
                403,
                "forbidden",
                f"pages of {origin[:100]!r} may not call this; VITRINE_CORS_ORIGINS lists "
                "those that may",
            )
