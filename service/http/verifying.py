"""Compares the photo of a search with its first hits, by points or words, and reorders them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.imaging.images import WHOLE, Box
from indexer.imaging.photos import Photo
from indexer.jsonbytes import decode_json_as
from indexer.recognizers.text_reader import READ_SIDE
from search.recognition.verified_hits import reordered_by_words, verified_hits
from search.recognition.verify import check_verify
from service.http.replies import SearchReply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from service.http.appstate import AppState
    from service.http.replies import HitReply

VERIFY_COST = 10
"""Verifying, or reading words, counts as this many searches."""


async def verified(
    state: AppState,
    search: Callable[[], Awaitable[bytes]],
    photo: bytes,
    request: Request,
    box: Box = WHOLE,
) -> bytes:
    """Search, and return the reply with its first hits compared with the photo, and reordered.

    ``box`` is the region of the photo that is searched with, unless the reply names another. Raises
    BadQuery without OpenCV, and HttpError (429) before the search.
    """
    check_verify()
    state.rates.take_search(request.scope, request.headers, VERIFY_COST)
    found = decode_json_as(await search(), SearchReply)
    async with state.serving.lease() as served:
        engine = served.engine
        region = found.cropped or box
        hits = await state.pools.styling.run(
            lambda: verified_hits(Photo(photo), region, found.hits, engine.thumbnail)
        )
    return msgspec.json.encode(msgspec.structs.replace(found, hits=hits))


async def ordered_by_words(
    state: AppState,
    search: Callable[[], Awaitable[bytes]],
    photo: bytes,
    request: Request,
    box: Box = WHOLE,
) -> bytes:
    """Search, and return the reply with its first hits reordered by the words in the photo.

    Raises RecognizerNotFound without RapidOCR, and the errors of ``verified``.
    """
    reader = state.recognizer.reader()
    state.rates.take_search(request.scope, request.headers, VERIFY_COST)
    found = decode_json_as(await search(), SearchReply)
    region = found.cropped or box

    def work() -> list[HitReply]:
        texts = reader.read(Photo(photo).cut(region, side=READ_SIDE))
        return reordered_by_words(texts, found.hits)

    hits = await state.pools.styling.run(work)
    return msgspec.json.encode(msgspec.structs.replace(found, hits=hits))
