"""Look up the position of a row number in an index."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from indexer.arrays import Positions, Rows


class RowTable:
    """Maps the distinct row numbers (n,) of an index to their positions."""

    def __init__(self, rows: Rows) -> None:
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        # Only the rows of a graph are not sorted, and FAISS's graphs have less than 2^31 rows.
        # Sorted ones need no second table.
        is_sorted = bool((rows[1:] > rows[:-1]).all())
        self._order = None if is_sorted else np.argsort(rows, kind="stable").astype(np.int32)
        self._sorted = rows if self._order is None else rows[self._order]
        self._numbers = self._sorted.data  # faster than an array when read number by number
        self._first = int(self._sorted[0]) if len(self._sorted) else 0

    def positions_of(self, rows: Rows) -> Positions:
        """Return the position of each row: (r,) to (r,), -1 for rows that the index lacks."""
        if not len(self._sorted):
            return np.full(len(rows), -1, dtype=np.int64)
        place = np.minimum(self._sorted.searchsorted(rows), len(self._sorted) - 1)
        known = self._sorted[place] == rows
        found = place if self._order is None else self._order[place]
        return np.where(known, found, np.int64(-1))

    def position_of(self, row: int) -> int:
        """Return the position of this row; -1 if the index lacks it."""
        count = len(self._numbers)
        # The numbers are distinct and sorted, so the place is at most the difference to the first
        # number, and equal to it if no row in between was deleted.
        place = row - self._first
        if place < 0:
            return -1
        if place >= count or self._numbers[place] != row:
            place = bisect_left(self._numbers, row, 0, min(place, count))
            if place == count or self._numbers[place] != row:
                return -1
        return place if self._order is None else int(self._order[place])
