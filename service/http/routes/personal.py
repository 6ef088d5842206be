"""Routes of events, recommendations, and the data of a user."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from indexer.errors import BadEvent, BadQuery
from indexer.items import MAX_ID_BYTES, clean_id
from indexer.jsonbytes import decode_json
from search.filters.grammar import parse_filter
from search.filters.jsonform import Filter, filter_from_json
from search.personal.event import Event, event_from
from search.personal.profile import Profile, profile_of
from search.personal.recommendation import RecommendQuery
from search.personal.shown_style import recommend_in_style
from service.apikey import Scope
from service.http.answering import check_limit
from service.http.appstate import AppState, bind
from service.http.event_forwarding import forward_erasure, forward_events
from service.http.fresh_json import NO_STORE
from service.http.json_body import check_json_type
from service.http.middleware import RAW_ID, cancel_on_disconnect
from service.http.openapi import body_of, problems, reply_of
from service.http.personal_replies import (
    ErasedReply,
    EventsReply,
    RecommendReply,
    RefusedEvent,
    UserReply,
    recommend_reply,
)
from service.http.personal_schemas import (
    EventsBody,
    EventsEnvelope,
    RecommendParams,
    SessionBody,
    SessionEventBody,
)
from service.http.problems import HttpError
from service.http.secured import SECURED, needs_key
from service.runtime.engine import Engine

_SECURED = SECURED[Scope.WRITE]
_MAX_SESSION_BYTES = 100_000
_CLOCKS_AHEAD_S = 10 * 366 * 86_400.0
_DAY_S = 86_400.0
_SESSION_USER = "session"  # never stored


async def _user_id(  # not in a thread, which takes longer than the rest
    request: Request,
    user_id: Annotated[str, Path(description="The shop's id of the user, percent-encoded.")],
) -> str:
    if request.scope.get(RAW_ID):
        try:
            user_id = unquote(user_id, errors="strict")
        except UnicodeDecodeError:
            raise BadQuery(f"user id {user_id[:80]!r} is not UTF-8", param="user_id") from None
    user_id = clean_id(user_id)
    if not user_id or len(user_id.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise BadQuery(f"a user id has 1 to {MAX_ID_BYTES} bytes", param="user_id")
    return user_id


UserId = Annotated[str, Depends(_user_id)]


def personal_routes(state: AppState) -> APIRouter:
    """Return POST /v1/events, POST /v1/sessions/recommend, and the routes of /v1/users/{id}."""

    key = [needs_key(state)]
    router = APIRouter(prefix="/v1", tags=["personal"])
    router.add_api_route(
        "/events",
        bind(add_events, state),
        methods=["POST"],
        summary="Store what users did",
        dependencies=key,
        responses=reply_of(EventsReply) | problems(401, 403, 408, 413, 415, 422, 429, 503, 507),
        openapi_extra=body_of((EventsBody, "application/json")) | _SECURED,
        operation_id="add_events",
    )
    router.add_api_route(
        "/sessions/recommend",
        bind(recommend_session, state),
        methods=["POST"],
        summary="Recommend items for an anonymous session",
        responses=reply_of(RecommendReply) | problems(404, 408, 413, 415, 422, 429, 503),
        openapi_extra=body_of((SessionBody, "application/json")),
        operation_id="recommend_session",
    )
    # The longer path comes first: an id may itself contain slashes.
    router.add_api_route(
        "/users/{user_id:path}/recommendations",
        bind(recommend_user, state),
        summary="Recommend items for a user",
        dependencies=key,
        responses=reply_of(RecommendReply) | problems(401, 403, 404, 422, 429, 503),
        openapi_extra=_SECURED,
        operation_id="recommend_user",
    )
    router.add_api_route(
        "/users/{user_id:path}",
        bind(user, state),
        summary="Everything that is stored about a user",
        dependencies=key,
        responses=reply_of(UserReply) | problems(401, 403, 422, 429, 503),
        openapi_extra=_SECURED,
        operation_id="user",
    )
    router.add_api_route(
        "/users/{user_id:path}",
        bind(erase_user, state),
        methods=["DELETE"],
        summary="Erase a user",
        dependencies=key,
        responses=reply_of(ErasedReply) | problems(401, 403, 422, 429, 503, 507),
        openapi_extra=_SECURED,
        operation_id="erase_user",
    )
    return router


async def add_events(state: AppState, request: Request) -> Response:
    """Store events, each once by its `event_id`; the order in which they come does not matter.

    Invalid events are `refused` one by one. What is stored is on disk when the reply comes, and
    is in the next recommendation.
    """
    check_json_type(request)
    body = await request.body()
    if (forwarded := await forward_events(state, body)) is not None:
        return forwarded
    async with state.serving.lease() as served:
        engine = served.engine
        kept = state.settings.keep_events_days
        reply = await state.pools.events.run(lambda: _store(engine, _json(body), kept))
    return _reply(reply)


async def recommend_session(state: AppState, request: Request) -> Response:
    """Recommend items from the events in the request alone; nothing is stored."""
    state.rates.take_search(request.scope, request.headers)
    check_json_type(request)
    body = await request.body()
    if len(body) > _MAX_SESSION_BYTES:
        raise HttpError(
            413, "too_large", f"the body has {len(body)} bytes, at most {_MAX_SESSION_BYTES}"
        )
    fields = SessionBody.model_validate_json(body or b"null")
    query = RecommendQuery(
        limit=fields.limit,
        filter=_filter(fields.filter),
        context=fields.item,
        seen=fields.seen,
        explain=fields.explain,
        diversity=fields.diversity,
        style=fields.style,
    )

    def profile(engine: Engine) -> Profile:
        return _session_profile(fields.events, engine.recommender.now())

    return await _recommend(state, request, query, profile)


async def recommend_user(
    state: AppState, request: Request, user_id: UserId, params: Annotated[RecommendParams, Query()]
) -> Response:
    """Recommend items from the stored events of a user; unknown users get popular items.

    It needs the write key, because the items and their reasons reveal what the user looked at.
    """
    state.rates.take_search(request.scope, request.headers)
    query = RecommendQuery(
        limit=params.limit,
        filter=_filter(params.filter),
        context=params.item,
        seen=params.seen,
        explain=params.explain,
        diversity=params.diversity,
        style=params.style,
    )
    return await _recommend(
        state, request, query, lambda engine: engine.recommender.profile(user_id)
    )


async def user(state: AppState, user_id: UserId) -> Response:
    """Return everything that is stored about a user: the events, oldest first."""

    async def read(after: bytes) -> tuple[bytes, bytes]:
        async with state.serving.lease() as served:
            engine = served.engine
            return await state.pools.reading.run(lambda: _event_page(engine, user_id, after))

    # Read before the reply begins, so that an error is still a reply.
    first, after = await read(b"")

    async def body() -> AsyncIterator[bytes]:
        yield b'{"user_id":' + msgspec.json.encode(user_id) + b',"events":[' + first
        start = after
        while start:
            page, start = await read(start)
            if page:  # else the user was erased meanwhile
                yield b"," + page
        yield b"]}"

    return StreamingResponse(body(), media_type="application/json", headers=NO_STORE)


def _event_page(engine: Engine, user_id: str, after: bytes) -> tuple[bytes, bytes]:
    """Return some events of a user as JSON, joined by commas, and where the next ones begin."""
    events, last = engine.recommender.events_after(user_id, after)
    return b",".join(msgspec.json.encode(entry.event(user_id)) for entry in events), last


async def erase_user(state: AppState, user_id: UserId) -> Response:
    """Delete all events of a user, who then gets the recommendations of an unknown user."""
    if (forwarded := await forward_erasure(state, user_id)) is not None:
        return forwarded
    async with state.serving.lease() as served:
        engine = served.engine
        count = await state.pools.events.run(lambda: engine.recommender.forget(user_id))
    return _reply(ErasedReply(user_id=user_id, events=count))


async def _recommend(
    state: AppState,
    request: Request,
    query: RecommendQuery,
    profile: Callable[[Engine], Profile],
) -> Response:
    check_limit(state, query.limit)
    query = query.check()
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            found = recommend_in_style(
                engine.recommender, engine.style_registry, profile(engine), query
            )
            return msgspec.json.encode(recommend_reply(found, root=root))

        reply = await cancel_on_disconnect(request, state.pools.searching.run(work))
    return Response(reply, media_type="application/json", headers=NO_STORE)


def _store(engine: Engine, data: Any, kept_days: float) -> EventsReply:
    """Check and store the events of a body. Raises StoreFull; ValidationError without a list."""
    recommender = engine.recommender
    now = recommender.now()
    oldest = now - kept_days * _DAY_S if kept_days else -math.inf
    events: list[Event] = []
    refused: list[RefusedEvent] = []
    for index, record in enumerate(EventsEnvelope.model_validate(data).events):
        try:
            if not isinstance(record, dict):
                raise BadEvent("an event must be an object")
            events.append(event_from(record, now=now, oldest=oldest))
        except BadEvent as error:
            refused.append(RefusedEvent(index=index, reason=str(error), param=error.param))
    outcomes = recommender.add(events) if events else []
    counts = Counter(outcomes)
    stored = [event for event, outcome in zip(events, outcomes, strict=True) if outcome == "stored"]
    return EventsReply(
        stored=counts["stored"],
        repeated=counts["repeated"],
        no_consent=counts["no_consent"],
        unknown_items=sum(not engine.has_item(event.item_id) for event in stored),
        refused=refused,
    )


def _session_profile(given: Sequence[SessionEventBody], now: float) -> Profile:
    """Return the profile of a session. Events without a time are in order, the last one just now.

    A browser's clock may be ahead: what it calls the future happened now.
    """
    events = []
    for place, event in enumerate(given):
        record = {**event.model_dump(), "user_id": _SESSION_USER}
        record["time"] = record["time"] or now - (len(given) - place) * 1e-3
        read = event_from(record, now=now + _CLOCKS_AHEAD_S)
        events.append(msgspec.structs.replace(read, time=min(read.time, now)))
    return profile_of(events, now)


def _json(body: bytes) -> Any:
    try:
        return decode_json(body)
    except msgspec.DecodeError as error:
        raise BadQuery(f"the body is not JSON: {error}") from None


def _filter(given: str | dict[str, Any] | None) -> Filter | None:
    if given is None or given == "":
        return None
    return parse_filter(given) if isinstance(given, str) else filter_from_json(given)


def _reply(reply: EventsReply | ErasedReply) -> Response:
    return Response(msgspec.json.encode(reply), media_type="application/json", headers=NO_STORE)
