"""Items that the same people took: a sparse matrix of likeness by behavior."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class Neighbors(NamedTuple):
    """Of each item, the items most often taken by the same people, and how strongly.

    A sparse matrix in rows: item ``i`` has ``columns[starts[i]:starts[i + 1]]`` (ascending item
    numbers) with ``values`` of the same places, in (0, 1]. ``starts`` is (items + 1,).
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float32]

    @classmethod
    def of(
        cls, pairs: Mapping[str, Sequence[tuple[str, float]]], numbers: Mapping[str, int], size: int
    ) -> Neighbors:
        """Return the matrix of pairs by item id; other ids are left out."""
        rows: list[list[tuple[int, float]]] = [[] for _ in range(size)]
        for item, others in pairs.items():
            row = numbers.get(item, size)
            if row < size:
                known = ((numbers.get(other, size), value) for other, value in others)
                rows[row] = sorted(pair for pair in known if pair[0] < size)
        lengths = [len(row) for row in rows]
        flat = [pair for row in rows for pair in row]
        return cls(
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            np.array([column for column, _ in flat], dtype=np.int64),
            np.array([value for _, value in flat], dtype=np.float32),
        )

    def of_item(self, item: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the neighbors of an item and their values; empty for an item added since."""
        if not 0 <= item < len(self.starts) - 1:
            return self.columns[:0], self.values[:0]
        row = slice(self.starts[item], self.starts[item + 1])
        return self.columns[row], self.values[row]

    def strengths(self, items: NDArray[np.int64], liked: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how strongly each of ``liked`` (m,) leads to each of ``items`` (n,): (n, m).

        ``items`` are distinct.
        """
        table = np.zeros((len(items), len(liked)), dtype=np.float32)
        order = np.argsort(items, kind="stable")
        ranked = items[order]
        for place, item in enumerate(liked.tolist() if len(items) else ()):
            columns, values = self.of_item(item)
            at = np.searchsorted(ranked, columns)
            at[at == len(ranked)] = 0
            found = ranked[at] == columns
            table[order[at[found]], place] = values[found]
        return table
