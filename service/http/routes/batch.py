"""POST /v1/search/batch: several searches in one request."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import Request, Response

from indexer.errors import VitrineError
from service.http.answering import reply_to
from service.http.appstate import AppState
from service.http.json_body import PHOTO_HINT, check_json_type, check_marks
from service.http.middleware import cancel_on_disconnect
from service.http.problems import HttpError, problem_of
from service.http.schemas import BatchBody, SearchBody
from service.query_builder import build_query

_AT_ONCE = 4  # searches of one request that run together, so that it does not fill the queue
_NONE = msgspec.Raw(b"null")


class _Result(msgspec.Struct):
    """``replies.BatchResult`` whose fields are encoded already."""

    reply: msgspec.Raw = _NONE
    problem: msgspec.Raw = _NONE


async def search_batch(state: AppState, request: Request) -> Response:
    """Answer several searches; each counts as one.

    The results are in the order of the searches. A search that fails, for example because its item
    is unknown, has a problem in place of a reply and does not affect the others.
    """
    check_json_type(request, PHOTO_HINT)
    body = await request.body()
    batch = await state.pools.decoding.run(lambda: _batch(body))
    state.rates.take_search(request.scope, request.headers, len(batch.searches))
    slots = asyncio.Semaphore(_AT_ONCE)

    async def answer(fields: SearchBody) -> _Result:
        async with slots:
            try:
                query = await state.pools.decoding.run(lambda: build_query(fields.parts, fields))
                if any(part.is_private for part in query.parts):
                    state.rates.check_key(request.scope, request.headers)
                return _Result(reply=msgspec.Raw(await reply_to(state, query, request)))
            except (VitrineError, HttpError) as error:
                return _Result(problem=msgspec.Raw(problem_of(request.scope, error).body))

    async def answer_all() -> list[_Result]:
        return await asyncio.gather(*map(answer, batch.searches))

    results = await cancel_on_disconnect(request, answer_all())
    return Response(msgspec.json.encode({"results": results}), media_type="application/json")


def _batch(body: bytes) -> BatchBody:
    check_marks(body)
    return BatchBody.model_validate_json(body or b"null")
