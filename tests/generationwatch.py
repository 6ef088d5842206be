"""Waits until a running service serves a generation, or has looked at the one of its shop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from indexer.shop.folder import ShopFolder


class GenerationWatch:
    """What ``serve`` takes as ``current``: the generation of a shop, and how often it was read."""

    def __init__(self, shop: Path) -> None:
        self._folder = ShopFolder(shop)
        self._reads = 0

    def __call__(self) -> str:
        self._reads += 1
        return self._folder.current()

    async def seen(self) -> None:
        """Return when the service has done what the generation that is named now asks for."""
        before = self._reads
        async with asyncio.timeout(120):
            while self._reads < before + 2:  # the second look begins when the first has ended
                await asyncio.sleep(0.002)


async def until(http, generation: str) -> None:
    """Wait until the service serves a generation."""
    async with asyncio.timeout(120):
        while (await http.client.get("/readyz")).json().get("generation") != generation:
            await asyncio.sleep(0.01)
