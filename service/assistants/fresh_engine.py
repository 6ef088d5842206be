"""The engine of a shop, opened again when another generation serves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine

if TYPE_CHECKING:
    from pathlib import Path


class FreshEngine:
    """Gives the engine of the generation that serves now, with all writes so far. Thread-safe."""

    def __init__(self, shop: Path) -> None:
        """Open the shop. Raises IndexNotFound, IndexCorrupt, EncoderNotFound."""
        self._folder = ShopFolder(shop)
        self._lock = threading.Lock()
        self._engine = SearchEngine.open(shop)

    def get(self) -> SearchEngine:
        """Return the engine; valid until the next call."""
        with self._lock:
            if self._folder.current() != self._engine.generation:
                old, self._engine = self._engine, SearchEngine.open(self._folder.path)
                old.close()
            self._engine.refresh()
            return self._engine

    def close(self) -> None:
        """Close the shop."""
        self._engine.close()
