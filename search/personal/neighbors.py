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

    def strongest(self, limit: int, met: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return up to ``limit`` items by the sum of their strengths, best first: (n,).

        ``met`` (m,) are the items that lead to them; each counts a tenth less than that before.
        """
        known = [
            (place, self.rows[item]) for place, item in enumerate(met.tolist()) if item in self.rows
        ]
        if not known:
            return np.zeros(0, dtype=np.int64)
        numbers = np.concatenate([numbers for _, (numbers, _) in known])
        strengths = np.concatenate([values * 0.9**place for place, (_, values) in known])
        items, inverse = np.unique(numbers, return_inverse=True)
        sums = np.bincount(inverse, strengths, len(items))
        return items[np.argsort(-sums, kind="stable")[:limit]]

    def strengths(self, items: NDArray[np.int64], liked: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how strongly each of ``liked`` (m,) leads to each of ``items`` (n,): (n, m).

        ``items`` are distinct.
        """
        table = np.zeros((len(items), len(liked)), dtype=np.float32)
        known = [
            (place, self.rows[item])
            for place, item in enumerate(liked.tolist())
            if item in self.rows
        ]
        if not len(items) or not known:
            return table
        order = np.argsort(items, kind="stable")
        ranked = items[order]
        numbers = np.concatenate([numbers for _, (numbers, _) in known])
        values = np.concatenate([values for _, (_, values) in known])
        places = np.repeat([place for place, _ in known], [len(row[0]) for _, row in known])
        at = np.searchsorted(ranked, numbers)
        at[at == len(ranked)] = 0
        found = ranked[at] == numbers
        table[order[at[found]], places[found]] = values[found]
        return table
