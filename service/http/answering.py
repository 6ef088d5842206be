"""Answers a query: checks its cost, encodes its photos, searches, and encodes the reply."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import BadImage, BadQuery
from search.cost import COSTLY, cost_of
from search.query import EmbeddingPart, ImagePart
from service.http.replies import search_reply_parts
from service.runtime.answer_cache import Answer, AnswerKey, hash_of
from service.runtime.tracing import trace_search

if TYPE_CHECKING:
    from starlette.requests import Request

    from indexer.arrays import Embedding
    from indexer.imaging.images import Box
    from indexer.imaging.photos import Photo
    from search.query import CheckedQuery, Query
    from service.http.appstate import AppState
    from service.runtime.engine import Engine
    from service.runtime.serving import Served

_NO_TIME = dict.fromkeys(("encode_ms", "search_ms", "rank_ms", "fields_ms"), 0.0)


async def reply_to(
    state: AppState, query: Query, request: Request, *, by_url: bool = False
) -> bytes:
    """Return the reply to a query as JSON; it may be the kept answer to the same query.

    The request was already counted as one search. ``by_url`` is True if the URL of the request
    contains the whole query, so that ``kept_reply`` can find the answer by it. Raises BadQuery for
    a limit that is too large, and HttpError (429) if the query costs more searches than its client
    has left.
    """
    query, cost = checked(state, query)
    state.rates.take_search(request.scope, request.headers, int(cost) - 1)
    pool = state.pools.costly if cost > COSTLY else state.pools.searching
    root = request.scope.get("root_path", "")
    async with state.serving.lease() as served:
        search = _Search(
            state, served.engine, root, _hash_of_query(state, query, request if by_url else None)
        )
        began = time.perf_counter()
        if (known := search.known()) is not None:
            return known
        embedded = await _embed_photos(served, query)
        photo_ms = (time.perf_counter() - began) * 1e3 if embedded is not query else 0.0
        return await pool.run(lambda: search.run(embedded, photo_ms))


def kept_reply(state: AppState, request: Request) -> bytes | None:
    """Return the kept answer to the same URL, or None; a write to the shop outdates it.

    A found answer counts as a search of the client; raises HttpError (429).
    """
    engine = state.serving.engine
    if engine is None or not state.answers.max_bytes:
        return None
    search = _Search(state, engine, request.scope.get("root_path", ""), _hash_of_url(request))
    known = search.known()
    if known is not None:
        state.rates.take_search(request.scope, request.headers)
    return known


def _hash_of_url(request: Request) -> bytes:
    path = request.scope["path"].encode("utf-8", "surrogateescape")
    return hash_of(b"GET", path, request.scope["query_string"])


def _hash_of_query(
    state: AppState, query: CheckedQuery, request: Request | None = None
) -> bytes | None:
    """Return the hash under which the answer to a query is kept; None if it must not be kept.

    It is the hash of the URL if ``request`` is given, whose URL contains the whole query. Photos
    are hashed by their content. Queries for a user have no hash, because every event changes their
    answer.
    """
    if not state.answers.max_bytes or any(part.is_private for part in query.parts):
        return None
    if request is not None:
        return _hash_of_url(request)
    contents: list[bytes] = []
    for part in query.parts:
        if isinstance(part, ImagePart) and isinstance(part.image, bytes):
            contents += [part.image, repr((part.weight, part.box)).encode()]
        elif isinstance(part, EmbeddingPart):
            contents += [part.embedding.tobytes(), repr(part.weight).encode()]
        else:
            contents += [b"", repr(part).encode("utf-8", "surrogatepass")]
    rest = repr(msgspec.structs.replace(query, parts=[]))
    return hash_of(*contents, rest.encode("utf-8", "surrogatepass"))


def checked(state: AppState, query: Query) -> tuple[CheckedQuery, float]:
    """Return the query as checked, and its cost in plain searches. Raises BadQuery."""
    check_limit(state, query.limit)
    most = state.settings.max_collapsed
    if query.collapse is not None and query.limit > most:
        raise BadQuery(
            f"limit must be from 1 to {most} with collapse, got {query.limit}", param="limit"
        )
    found = query.check()
    return found, cost_of(found)


def check_limit(state: AppState, limit: int) -> None:
    """Raise BadQuery if the limit is larger than the settings allow."""
    most = state.settings.max_limit
    if limit > most:
        raise BadQuery(f"limit must be from 1 to {most}, got {limit}", param="limit")


async def _embed_photos(served: Served, query: Query) -> Query:
    """Return the query with its photos replaced by their embeddings."""
    images = [
        (at, part.image, part.box)
        for at, part in enumerate(query.parts)
        if isinstance(part, ImagePart) and isinstance(part.image, bytes)
    ]
    if not images:
        return query
    shared = served.batcher.photos()
    photos = [shared.photo(image) for _, image, _ in images]
    boxes = [box for _, _, box in images]
    if len(photos) == 1:
        vectors = [await _embed(served, photos[0], boxes[0])]
    else:
        tasks = [
            asyncio.ensure_future(_embed(served, photo, box))
            for photo, box in zip(photos, boxes, strict=True)
        ]
        try:
            vectors = await asyncio.gather(*tasks)
        finally:  # if a photo is bad, the others need not be encoded
            for task in tasks:
                task.cancel()
    parts = list(query.parts)
    for (at, _, _), vector in zip(images, vectors, strict=True):
        parts[at] = EmbeddingPart(vector, parts[at].weight)  # (dim,)
    return msgspec.structs.replace(query, parts=parts)


async def _embed(served: Served, photo: Photo, box: Box) -> Embedding:
    try:
        return await served.batcher.embed(photo, box)
    except BadImage as error:
        error.param = error.param or "image"
        raise


class _Search:
    """A search by one engine. Its answer is kept if ``query_hash`` is given."""

    def __init__(
        self, state: AppState, engine: Engine, root: str, query_hash: bytes | None
    ) -> None:
        self._answers = state.answers
        self._metrics = state.metrics
        self._engine = engine
        self._root = root
        self._query_hash = query_hash

    def known(self) -> bytes | None:
        """Return the answer if it was given before in the present state of the shop."""
        began = time.perf_counter()
        key = self._key()
        answer = None if key is None else self._answers.get(key)
        if answer is None:
            return None
        seconds = time.perf_counter() - began
        timings = {**_NO_TIME, "total_ms": round(seconds * 1e3, 3)}
        self._metrics.kept_search(answer.mode, seconds)
        self._metrics.answer("hit", self._answers.bytes_used)
        return answer.before + msgspec.json.encode(timings) + answer.after

    def run(self, query: Query, photo_ms: float) -> bytes:
        """Search, and keep the answer. ``photo_ms`` is the time that encoding the photos took."""
        key = self._key()  # read first: the search may already see later writes
        began = time.monotonic()
        reply = self._engine.search(query)
        trace_search(began, reply.timings)
        self._metrics.search(reply.mode, reply.timings, photo_ms)
        if photo_ms:
            for stage in ("encode_ms", "total_ms"):
                reply.timings[stage] = round(reply.timings.get(stage, 0.0) + photo_ms, 3)
        answer = Answer(*search_reply_parts(reply, root=self._root), reply.mode)
        if key is not None:
            self._answers.put(key, answer)
        self._metrics.answer("miss" if self._query_hash else "never", self._answers.bytes_used)
        return answer.before + msgspec.json.encode(reply.timings) + answer.after

    def _key(self) -> AnswerKey | None:
        if self._query_hash is None:
            return None
        state = self._engine.answer_state()
        return None if state is None else AnswerKey(self._query_hash, (self._root, state))
