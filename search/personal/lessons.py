"""Read what was learned from all events, by the items of a view, and keep it in memory."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.learning import linear_of, neighbors_of
from search.personal.linear import mapped
from search.personal.neighbors import Neighbors
from search.personal.newcomers import Newcomers, user_factors

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from search.live.view import ShopView
    from search.personal.event_reader import EventReader
    from search.personal.main_images import MainImages
    from search.personal.neighbors import Row

_MOST_ROWS: Final = 100_000  # a row takes about 1 kB
_FRESH_S: Final = 10.0  # a new item becomes a newcomer within this time


class _Rows(NamedTuple):
    """Rows and factors by item number, as of one lesson and one size of the view; None for none."""

    version: tuple[int, int]
    neighbors: dict[int, Row | None]
    linear: dict[int, Row | None]
    factors: dict[int, NDArray[np.float32] | None]


class _Found(NamedTuple):
    """Newcomers, as of one lesson and one size of the view, and when they were found."""

    version: tuple[int, int]
    at: float
    newcomers: Newcomers | None


class Lessons:
    """Reads what was learned, and keeps it until something else is learned. Thread-safe.

    Item numbers are those of the views of one ``LiveShop``.
    """

    def __init__(self, dim: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``dim`` is that of the shop's vectors; ``clock`` gives seconds."""
        self._dim = dim
        self._clock = clock
        self._lock = threading.Lock()
        self._rows = _Rows((-1, -1), {}, {}, {})
        self._found = _Found((-1, -1), 0.0, None)

    def neighbors(
        self, reader: EventReader, items: list[int], view: ShopView
    ) -> tuple[Neighbors, Neighbors]:
        """Return what items lead to: by what is met together, and by the linear model."""
        rows = self._rows_of(reader, view)
        for item in items:
            if item not in rows.linear:
                item_id = view.ids[item]
                for kept, learned in (
                    (rows.neighbors, neighbors_of(reader, item_id)),
                    (rows.linear, linear_of(reader, item_id)),
                ):
                    kept[item] = Neighbors.of([(item, learned)], view).rows.get(item)
        return _some(rows.neighbors, items), _some(rows.linear, items)

    def newcomers(self, reader: EventReader, images: MainImages) -> Newcomers | None:
        """Return the items that too few users met; None if no map from pictures was learned."""
        version = (reader.lessons, images.view.size)
        found, now = self._found, self._clock()
        is_fresh = found.version == version or (
            found.version[0] == version[0] and now - found.at < _FRESH_S
        )
        if not is_fresh:
            with self._lock:  # the first of several threads does the work
                if self._found is found:
                    self._found = _Found(version, now, self._find(reader, images))
                found = self._found
        return found.newcomers

    def user_factors(
        self, reader: EventReader, items: NDArray[np.int64], images: MainImages
    ) -> NDArray[np.float32] | None:
        """Return the factors of a user from the items met, the newest first; None if unknown."""
        weights = self._map(reader)
        if weights is None or not len(items):
            return None
        kept = self._rows_of(reader, images.view).factors
        own = []
        for item in items.tolist():
            if item not in kept:
                kept[item] = reader.factors(images.view.ids[item])
            own.append(kept[item])
        unknown = [place for place, factors in enumerate(own) if factors is None]
        by_picture = iter(mapped(images.vectors_of(items[unknown]), weights))
        return user_factors(
            np.stack([next(by_picture) if factors is None else factors for factors in own])
        )

    def _rows_of(self, reader: EventReader, view: ShopView) -> _Rows:
        """Return what is kept as of the present lesson."""
        version = (reader.lessons, view.size)
        with self._lock:
            rows = self._rows
            if rows.version != version or len(rows.neighbors) > _MOST_ROWS:
                rows = self._rows = _Rows(version, {}, {}, {})
            return rows

    def _find(self, reader: EventReader, images: MainImages) -> Newcomers | None:
        weights = self._map(reader)
        if weights is None:
            return None
        view = images.view
        alive = np.flatnonzero(view.columns.alive)
        seen = alive[images.rows_of(alive) >= 0].tolist()
        unknown = [item for item in seen if reader.factors(view.ids[item]) is None]
        items = np.array(unknown, dtype=np.int64)
        return Newcomers(items, mapped(images.vectors_of(items), weights))

    def _map(self, reader: EventReader) -> NDArray[np.float32] | None:
        """Return the map from pictures; None if it was learned with another encoder."""
        weights = reader.picture_map()
        return weights if weights is not None and len(weights) == self._dim + 1 else None


def _some(rows: dict[int, Row | None], items: list[int]) -> Neighbors:
    return Neighbors({item: row for item in items if (row := rows.get(item)) is not None})
