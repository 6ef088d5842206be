"""A shop of this machine, for an assistant that runs here too."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from indexer.errors import BadImage
from service.base64text import decode_base64, is_data_uri
from service.query_builder import GivenFields, GivenPart, build_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.items import Item
    from search.engine import SearchEngine
    from search.hits import Hit
    from search.personal.recommendation import Recommendations
    from service.assistants.fresh_engine import FreshEngine

T = TypeVar("T")

_LONGEST_PATH = 4096


class LocalShop:
    """Answers the tools with the engine of a shop; photos may be files. See ``ShopAccess``."""

    def __init__(self, engine: FreshEngine) -> None:
        self._engine = engine

    async def search_photo(self, photo: str, limit: int, filter: str | None) -> list[Hit]:
        """Find items that look like a photo: the path of a file, base64, or a data URI."""
        return await self._ask(lambda engine: engine.by_image(_photo(photo), limit, filter=filter))

    async def search(self, part: GivenPart, limit: int, filter: str | None) -> list[Hit]:
        """Find items by words or an item, best first."""
        query = build_query([part], GivenFields(limit=limit, filter=filter))
        return await self._ask(lambda engine: engine.search(query).hits)

    async def item(self, item_id: str) -> Item:
        """Return an item. Raises UnknownItem."""
        return await self._ask(lambda engine: engine.item(item_id))

    async def recommend(self, user_id: str, limit: int, filter: str | None) -> Recommendations:
        """Recommend items for a user."""
        return await self._ask(lambda engine: engine.recommend(user_id, limit, filter=filter))

    async def _ask(self, ask: Callable[[SearchEngine], T]) -> T:
        def answer() -> T:
            with self._engine.lease() as engine:
                return ask(engine)

        return await asyncio.to_thread(answer)


def _photo(text: str) -> bytes | Path:
    """Return the photo that an assistant names. Raises BadImage."""
    if not is_data_uri(text) and len(text) < _LONGEST_PATH and "\0" not in text:
        path = Path(text)
        if path.is_file():
            return path
    try:
        return decode_base64(text)
    except ValueError as error:
        raise BadImage(
            f"no image file is at {text[:200]!r}, and it is not base64 either"
        ) from error
