"""Read what was learned from all events, by the items of a view, and keep it in memory."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.personal.factor_map import LIKENESS
from search.personal.factors import FACTORS
from search.personal.facts import facts_of
from search.personal.item_factors import NO_FACTORS, ItemFactors
from search.personal.learning import linear_of, neighbors_of
from search.personal.neighbors import Neighbors

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.live.view import ShopView
    from search.personal.event_reader import EventReader
    from search.personal.main_images import MainImages
    from search.personal.neighbors import Row

_MOST_ROWS: Final = 100_000  # a row takes about 1 kB
_FRESH_S: Final = 10.0  # a new item becomes a newcomer within this time


class _Rows(NamedTuple):
    """Rows by item number, as of one lesson and one size of the view; None for none."""

    version: tuple[int, int]
    neighbors: dict[int, Row | None]
    linear: dict[int, Row | None]


class _Found(NamedTuple):
    """Factors, as of one lesson and one size of the view, and when they were read."""

    version: tuple[int, int]
    at: float
    factors: ItemFactors


class Lessons:
    """Reads what was learned, and keeps it until something else is learned. Thread-safe.

    Item numbers are those of the views of one ``LiveShop``.
    """

    def __init__(self, dim: int, model: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        """``dim`` is that of the shop's vectors, ``model`` the key of their model.

        ``clock`` gives seconds.
        """
        self._dim = dim
        self._model = model
        self._clock = clock
        self._lock = threading.Lock()
        self._rows = _Rows((-1, -1), {}, {})
        self._found = _Found((-1, -1), 0.0, NO_FACTORS)

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

    def factors(self, reader: EventReader, images: MainImages) -> ItemFactors:
        """Return the factors of all items; a view may have newer items."""
        version = (reader.lessons, images.view.size)
        found, now = self._found, self._clock()
        is_fresh = found.version == version or (
            found.version[0] == version[0] and now - found.at < _FRESH_S
        )
        if not is_fresh:
            with self._lock:  # the first of several threads does the work
                if self._found is found:
                    self._found = _Found(version, now, self._read_factors(reader, images))
                found = self._found
        return found.factors

    def _rows_of(self, reader: EventReader, view: ShopView) -> _Rows:
        """Return what is kept as of the present lesson."""
        version = (reader.lessons, view.size)
        with self._lock:
            rows = self._rows
            if rows.version != version or len(rows.neighbors) > _MOST_ROWS:
                rows = self._rows = _Rows(version, {}, {})
            return rows

    def _read_factors(self, reader: EventReader, images: MainImages) -> ItemFactors:
        view = images.view
        own = np.zeros((view.size, FACTORS), dtype=np.float32)
        alive = np.flatnonzero(view.columns.alive)
        for item in alive.tolist():
            values = reader.factors(view.ids[item])
            if values is not None and len(values) == FACTORS:
                own[item] = values
        map_ = reader.factor_map(self._model)
        if map_ is None or map_.pictures.shape != (self._dim + 1, FACTORS + LIKENESS):
            return ItemFactors(own, np.zeros_like(own))  # none, or learned with another encoder
        mapped = np.zeros((view.size, FACTORS + LIKENESS), dtype=np.float32)
        seen = alive[images.rows_of(alive) >= 0]
        mapped[seen] = map_.of_pictures(images.vectors_of(seen))
        if len(map_.code):
            mapped[seen] += map_.of_facts(facts_of(view.columns), view.size)[seen]
        return ItemFactors(own, mapped, map_.share)


def _some(rows: dict[int, Row | None], items: list[int]) -> Neighbors:
    return Neighbors({item: row for item in items if (row := rows.get(item)) is not None})
