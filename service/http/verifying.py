"""Compares the photo of a search with the pictures of its first hits, and reorders these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.imaging.images import WHOLE, Box
from indexer.imaging.photos import Photo
from search.recognition.verified_hits import verified_hits
from search.recognition.verify import check_verify
from service.http.replies import SearchReply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from service.http.appstate import AppState

VERIFY_COST = 10
"""Searches that verifying counts as."""


async def verified(
    state: AppState,
    search: Callable[[], Awaitable[bytes]],
    photo: bytes,
    request: Request,
    box: Box = WHOLE,
) -> bytes:
    """Search, and return the reply with its first hits compared with the photo, and reordered.

    ``box`` is the region of the photo that was searched with, if the reply names no other. Raises
    BadQuery without OpenCV, and HttpError (429) before the search.
    """
    check_verify()
    state.rates.take_search(request.scope, request.headers, VERIFY_COST)
    found = msgspec.json.decode(await search(), type=SearchReply)
    async with state.serving.lease() as served:
        engine = served.engine
        region = found.cropped or box
        hits = await state.pools.styling.run(
            lambda: verified_hits(Photo(photo), region, found.hits, engine.thumbnail)
        )
    return msgspec.json.encode(msgspec.structs.replace(found, hits=hits))
