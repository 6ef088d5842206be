"""Items that the same people met: rows of a sparse matrix of likeness by behavior."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from search.live.view import ShopView

Row = tuple["NDArray[np.int64]", "NDArray[np.float32]"]
"""Neighbors of an item, ascending item numbers (k,), and their strengths (k,)."""


class Neighbors(NamedTuple):
    """The neighbors of some items of a view, by item number; an item without any is missing."""

    rows: Mapping[int, Row]

    @classmethod
    def of(
        cls, pairs: Iterable[tuple[int, Iterable[tuple[str, float]]]], view: ShopView
    ) -> Neighbors:
        """Return the neighbors of items, given as item ids with strengths.

        Ids that are not in the view are left out.
        """
        rows: dict[int, Row] = {}
        for item, neighbors in pairs:
            named = list(neighbors)
            if not named:
                continue
            ids, strengths = zip(*named, strict=True)
            numbers = view.numbers_of(ids)
            order = np.argsort(numbers, kind="stable")
            order = order[numbers[order] >= 0]
            if len(order):
                rows[item] = (numbers[order], np.array(strengths, dtype=np.float32)[order])
        return cls(rows)

    def entries(
        self, items: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return the neighbors of items (m,), one after another: (e,) each.

        The first array has the place of each one's item among ``items``, the second the neighbors,
        the third their strengths.
        """
        known = [
            (place, row)
            for place, item in enumerate(items.tolist())
            if (row := self.rows.get(item)) is not None
        ]
        if not known:
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, np.zeros(0, dtype=np.float32)
        places = np.repeat([place for place, _ in known], [len(row[0]) for _, row in known])
        numbers = np.concatenate([row[0] for _, row in known])
        return places, numbers, np.concatenate([row[1] for _, row in known])
