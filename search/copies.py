"""Near copies among the hits: the same picture sold twice, or all but the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors


_BLOCK = 256  # rows compared at a time with each other
_ROOM = 1 << 20  # cosines held at a time: n x n numbers may not fit
_ROUNDING = 1e-5  # what the cosine of a picture with itself may lack to 1


class Folding:
    """Folds near copies into the first of them, as far into a ranking as it is given.

    In their order, a vector stays unless its cosine to one that stays is at least ``at``; it is
    then folded into the first such. A row of zeros (no vector) is like nothing and stays. The
    cost is that of comparing each with those that stay: many copies of a few pictures are cheap.
    """

    def __init__(self, dim: int, at: float) -> None:
        self.kept: dict[int, list[int]] = {}  # what stays, each with those folded into it
        self._at = at - _ROUNDING
        self._heads = np.empty((_BLOCK, dim), dtype=np.float32)  # (room, dim)
        self._numbers = np.empty(_BLOCK, dtype=np.int64)  # (room,): theirs in the ranking
        self._staying = 0  # how many of both are in use
        self._seen = 0

    def __len__(self) -> int:
        return self._seen

    def add(self, vectors: Vectors) -> None:
        """Go on with the next (n, dim) unit vectors of the ranking."""
        start = 0
        while start < len(vectors):
            step = max(_BLOCK, _ROOM // max(1, self._staying))
            self._add(np.asarray(vectors[start : start + step], dtype=np.float32))
            start += step

    def _add(self, chunk: Vectors) -> None:
        numbers = np.arange(self._seen, self._seen + len(chunk))
        into = self._first_like(chunk, 0)
        rest = np.flatnonzero(into < 0)  # (r,): like none that stayed before this chunk
        before = self._staying
        for start in range(0, len(rest), _BLOCK):
            part = rest[start : start + _BLOCK]
            into[part] = self._fold(chunk[part], numbers[part], before)
        for number, head in zip(numbers.tolist(), into.tolist(), strict=True):
            if number == head:
                self.kept[number] = []
            else:
                self.kept[head].append(number)
        self._seen += len(chunk)

    def _fold(self, block: Vectors, numbers: NDArray[np.int64], since: int) -> NDArray[np.int64]:
        """Fold (b, dim) vectors into those that stay from ``since`` on, or into each other: (b,).

        One that stays is folded into itself.
        """
        into = self._first_like(block, since)
        rest = np.flatnonzero(into < 0)  # (r,)
        if not len(rest):
            return into
        vectors = block[rest]
        like = vectors @ vectors.T >= self._at  # (r, r)
        free = np.ones(len(rest), dtype=np.bool_)
        stay = []
        for place in range(len(rest)):
            if free[place]:
                copies = like[place] & free
                copies[place] = True  # also where it is not like itself: a row of zeros
                into[rest[copies]] = numbers[rest[place]]
                free &= ~copies
                stay.append(rest[place])
        self._keep(block[stay], numbers[stay])
        return into

    def _first_like(self, vectors: Vectors, since: int) -> NDArray[np.int64]:
        """The number of the first that stays, from ``since`` on, and is like each: (n,), or -1."""
        into = np.full(len(vectors), -1, dtype=np.int64)
        if self._staying > since:
            like = vectors @ self._heads[since : self._staying].T >= self._at  # (n, heads)
            copies = like.any(axis=1)
            into[copies] = self._numbers[since : self._staying][like[copies].argmax(axis=1)]
        return into

    def _keep(self, heads: Vectors, numbers: NDArray[np.int64]) -> None:
        before, after = self._staying, self._staying + len(heads)
        if after > len(self._heads):
            self._heads = np.concatenate([self._heads[:before], np.empty_like(self._heads), heads])
            self._numbers = np.resize(self._numbers, len(self._heads))
        self._heads[before:after] = heads
        self._numbers[before:after] = numbers
        self._staying = after
