"""The engine of a shop, opened again when another generation serves."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FreshEngine:
    """Lends the engine of the generation that serves now, with all writes so far. Thread-safe."""

    def __init__(self, shop: Path) -> None:
        """Open the shop. Raises IndexNotFound, IndexCorrupt, EncoderNotFound."""
        self._folder = ShopFolder(shop)
        self._lock = threading.Lock()
        self._opened = _OpenEngine(SearchEngine.open(shop))

    @contextmanager
    def lease(self) -> Iterator[SearchEngine]:
        """Keep the engine open within the block, even if another generation replaces it."""
        with self._lock:
            if self._folder.current() != self._opened.engine.generation:
                replaced, self._opened = (
                    self._opened,
                    _OpenEngine(SearchEngine.open(self._folder.path)),
                )
                replaced.retire()
            opened = self._opened
            opened.engine.refresh()
            opened.leases += 1
        try:
            yield opened.engine
        finally:
            with self._lock:
                opened.leases -= 1
                opened.close_if_unused()

    def close(self) -> None:
        """Close the shop, after the last lease has ended."""
        with self._lock:
            self._opened.retire()


class _OpenEngine:
    """An engine with the number of its leases; a retired engine is closed after the last one."""

    def __init__(self, engine: SearchEngine) -> None:
        self.engine = engine
        self.leases = 0
        self._is_retired = False

    def retire(self) -> None:
        self._is_retired = True
        self.close_if_unused()

    def close_if_unused(self) -> None:
        if self._is_retired and not self.leases:
            self.engine.close()
