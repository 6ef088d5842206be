"""How much happier the reviews of each item are than those of the shop, for recommendations."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.enrichment.reviewlog import open_if_exists
from indexer.errors import VitrineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from search.live.view import ShopView

logger = logging.getLogger("vitrine.search")

_FRESH_S: Final = 5.0  # new reviews count within this time


class _OfView(NamedTuple):
    """The moods of the items of one view: (items,)."""

    view: ShopView
    moods: Mapping[str, float]
    of_items: NDArray[np.float32]


class ReviewMoods:
    """Reads the moods that were stored with the reviews of a shop. Thread-safe."""

    def __init__(self, shop: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """``shop`` is the folder that has the reviews; ``clock`` gives seconds."""
        self._shop = shop
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = -np.inf
        self._version = 0
        self._moods: Mapping[str, float] = {}
        self._last: _OfView | None = None

    def of_items(self, view: ShopView) -> NDArray[np.float32]:
        """Return the moods of the items of a view, in [-1, 1]: (items,); 0 without reviews."""
        moods = self._current()
        last = self._last
        if last is None or last.view is not view or last.moods is not moods:
            of_items = np.zeros(view.size, dtype=np.float32)
            numbers = view.numbers_of(list(moods))
            of_items[numbers[numbers >= 0]] = np.array(list(moods.values()))[numbers >= 0]
            last = self._last = _OfView(view, moods, of_items)
        return last.of_items

    def _current(self) -> Mapping[str, float]:
        """Return the moods by item id. If the reviews are damaged, the last ones hold."""
        if self._clock() - self._read_at < _FRESH_S:
            return self._moods
        with self._lock:
            try:
                self._read()
            except VitrineError as error:
                logger.warning("%s; recommendations use the last moods of reviews", error)
            self._read_at = self._clock()
            return self._moods

    def _read(self) -> None:
        log = open_if_exists(self._shop)  # each time, as a replica replaces the environment
        if log is None:
            return
        with log:
            stored = log.item_moods(self._version)
        if stored is not None:
            self._version, self._moods = stored
