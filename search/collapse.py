"""The third step of an answer: a hit for each group, near copies collapsed into the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.bound_query import BoundQuery
    from search.live.view import Candidate, ShopView
    from search.rank import Ranking


_BLOCK = 256  # rows compared at a time with each other
_ROOM = 1 << 20  # cosines held at a time: n x n numbers may not fit
_ROUNDING = 1e-5  # what the cosine of a picture with itself may lack to 1
_MOST_COMPARED = 20_000_000  # pairs of pictures, about half a second


class HitGroup(NamedTuple):
    """A candidate that becomes a hit, and the items that were collapsed into it as copies."""

    candidate: Candidate
    copies: list[int]


class Collapsed(NamedTuple):
    """What is left of a ranking, best first.

    ``available`` is the number of groups in the ranking, ``used`` that of those that were
    collapsed: fewer if copies are looked for, because each is compared with all before it.
    """

    hits: list[HitGroup]
    available: int
    used: int


class Collapser:
    """Collapses the rankings of a query, of which each may be longer than the one before.

    What was compared before is kept, as long as the longer ranking begins like the one before.
    """

    def __init__(self, bound: BoundQuery, dim: int) -> None:
        """``dim`` is that of the vectors in the view."""
        self._groups = bound.groups
        self._view = bound.view
        self._dim = dim
        self._at = bound.query.collapse
        self._copies = None if self._at is None else NearCopies(dim, self._at)
        self._compared: list[Candidate] = []

    @property
    def is_too_costly(self) -> bool:
        """Return True if so many pairs were compared that more of them would take too long."""
        copies = self._copies
        return copies is not None and len(copies) * len(copies.kept) > _MOST_COMPARED

    def collapse(self, ranking: Ranking, depth: int) -> Collapsed:
        """Keep the best candidate of each group, and of near copies the first.

        If the query collapses copies, only the first ``depth`` groups are used.
        """
        first = first_of_groups(ranking.candidates, self._groups)
        if self._at is None:
            hits = [HitGroup(candidate, []) for candidate in first]
            return Collapsed(hits, len(first), len(first))
        used = first[:depth]
        return Collapsed(self._without_copies(used, self._at), len(first), len(used))

    def _without_copies(self, ranked: list[Candidate], at: float) -> list[HitGroup]:
        before = [candidate.item for candidate in self._compared]
        same = before == [candidate.item for candidate in ranked[: len(before)]]
        copies = self._copies if same and self._copies else NearCopies(self._dim, at)
        copies.add(_vectors_of(ranked[len(copies) :], self._view, self._dim))
        self._copies, self._compared = copies, ranked
        return [
            HitGroup(ranked[kept], [ranked[copy].item for copy in places])
            for kept, places in copies.kept.items()
        ]


def first_of_groups(candidates: Sequence[Candidate], groups: NDArray[np.int64]) -> list[Candidate]:
    """The first candidate of each group, in their order. ``groups`` (items,) are the groups."""
    taken: set[int] = set()
    first = []
    group_of = groups[[candidate.item for candidate in candidates]].tolist()
    for candidate, group in zip(candidates, group_of, strict=True):
        if group not in taken:
            taken.add(group)
            first.append(candidate)
    return first


class NearCopies:
    """Finds near copies among the vectors of a ranking: of copies the first is kept.

    In the order of the ranking, a vector is kept unless its cosine to a kept one is at least
    ``at``; then it is a copy of the first such. A row of zeros (no vector) has no copies and is
    kept. Each vector is compared with the kept ones only: many copies of a few pictures are cheap.
    """

    def __init__(self, dim: int, at: float) -> None:
        self.kept: dict[int, list[int]] = {}  # places that are kept, with those of their copies
        self._at = at - _ROUNDING
        self._heads = np.empty((_BLOCK, dim), dtype=np.float32)  # (room, dim)
        self._numbers = np.empty(_BLOCK, dtype=np.int64)  # (room,): their places in the ranking
        self._in_use = 0  # how many of both are in use
        self._seen = 0

    def __len__(self) -> int:
        return self._seen

    def add(self, vectors: Vectors) -> None:
        """Add the next (n, dim) unit vectors of the ranking."""
        start = 0
        while start < len(vectors):
            step = max(_BLOCK, _ROOM // max(1, self._in_use))
            self._add(np.asarray(vectors[start : start + step], dtype=np.float32))
            start += step

    def _add(self, chunk: Vectors) -> None:
        numbers = np.arange(self._seen, self._seen + len(chunk))
        into = self._first_like(chunk, 0)
        rest = np.flatnonzero(into < 0)  # (r,): no copies of what was kept before this chunk
        before = self._in_use
        for start in range(0, len(rest), _BLOCK):
            part = rest[start : start + _BLOCK]
            into[part] = self._compare(chunk[part], numbers[part], before)
        for number, head in zip(numbers.tolist(), into.tolist(), strict=True):
            if number == head:
                self.kept[number] = []
            else:
                self.kept[head].append(number)
        self._seen += len(chunk)

    def _compare(self, block: Vectors, numbers: NDArray[np.int64], since: int) -> NDArray[np.int64]:
        """The kept vector, from ``since`` on, that each of (b, dim) is a copy of: (b,).

        Those that are kept now are copies of themselves.
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
        """The number of the first kept vector, from ``since`` on, like each: (n,), or -1."""
        into = np.full(len(vectors), -1, dtype=np.int64)
        if self._in_use > since:
            like = vectors @ self._heads[since : self._in_use].T >= self._at  # (n, heads)
            copies = like.any(axis=1)
            into[copies] = self._numbers[since : self._in_use][like[copies].argmax(axis=1)]
        return into

    def _keep(self, heads: Vectors, numbers: NDArray[np.int64]) -> None:
        before, after = self._in_use, self._in_use + len(heads)
        if after > len(self._heads):
            self._heads = np.concatenate([self._heads[:before], np.empty_like(self._heads), heads])
            self._numbers = np.resize(self._numbers, len(self._heads))
        self._heads[before:after] = heads
        self._numbers[before:after] = numbers
        self._in_use = after


def _vectors_of(candidates: Sequence[Candidate], view: ShopView, dim: int) -> Vectors:
    """The vector of the image that each was found by, or of its item's first image: (n, dim).

    Zeros for an item without any.
    """
    rows = np.array([candidate.row for candidate in candidates], dtype=np.int64)  # (n,)
    by_words = np.flatnonzero(rows < 0)
    if len(by_words):
        rows[by_words] = view.main_rows([candidates[place].item for place in by_words.tolist()])
    return view.vectors_of(rows, dim)
