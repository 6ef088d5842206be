"""The third step of an answer: keep one hit of each group, and the first of near copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.live.best_rows import first_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.bound_query import BoundQuery
    from search.live.best_rows import Candidate
    from search.live.view import ShopView
    from search.rank import Ranking


_BLOCK_ROWS = 256  # vectors that are compared with each other at a time
_MAX_COSINES = 1 << 20  # in memory at a time
_ROUNDING = 1e-5  # the cosine of a picture with itself may be this much below 1
_MAX_COMPARED = 20_000_000  # pairs of pictures; about half a second


class HitGroup(NamedTuple):
    """A candidate that becomes a hit, and the items that were removed as copies of it."""

    candidate: Candidate
    copies: list[int]


class CollapsedRanking(NamedTuple):
    """The hits of a ranking, best first.

    ``available`` is the number of groups in the ranking, ``used`` how many of them were looked at.
    Fewer are used than available if the query collapses copies, because comparing takes time.
    """

    hits: list[HitGroup]
    available: int
    used: int


class Collapser:
    """Collapses the rankings of one query, each longer than the one before.

    If a ranking begins like the one before, only its new candidates are compared.
    """

    def __init__(self, bound: BoundQuery, dim: int) -> None:
        """``dim`` is the dimension of the vectors in the view."""
        self._groups = bound.groups
        self._view = bound.view
        self._dim = dim
        self._threshold = bound.query.collapse
        self._copies = None if self._threshold is None else NearCopies(dim, self._threshold)
        self._compared: list[Candidate] = []

    @property
    def is_too_costly(self) -> bool:
        """Return True if so many pairs were compared that a longer ranking takes too long."""
        copies = self._copies
        return copies is not None and len(copies) * len(copies.kept) > _MAX_COMPARED

    def collapse(self, ranking: Ranking, depth: int) -> CollapsedRanking:
        """Keep the best candidate of each group.

        If the query collapses copies, keep only the first of near copies among the first ``depth``
        groups.
        """
        first = first_of_groups(ranking.candidates, self._groups)
        if self._threshold is None:
            hits = [HitGroup(candidate, []) for candidate in first]
            return CollapsedRanking(hits, len(first), len(first))
        used = first[:depth]
        return CollapsedRanking(self._without_copies(used, self._threshold), len(first), len(used))

    def _without_copies(self, ranked: list[Candidate], threshold: float) -> list[HitGroup]:
        before = [candidate.item for candidate in self._compared]
        same = before == [candidate.item for candidate in ranked[: len(before)]]
        copies = self._copies if same and self._copies else NearCopies(self._dim, threshold)
        copies.add(_vectors_of(ranked[len(copies) :], self._view, self._dim))
        self._copies, self._compared = copies, ranked
        return [
            HitGroup(ranked[kept], [ranked[copy].item for copy in places])
            for kept, places in copies.kept.items()
        ]


def first_of_groups(candidates: Sequence[Candidate], groups: NDArray[np.int64]) -> list[Candidate]:
    """Return the first candidate of each group, in order. ``groups`` is (items,)."""
    group_of = groups[[candidate.item for candidate in candidates]]  # (n,)
    return [candidates[place] for place in first_places(group_of)]


class NearCopies:
    """Finds near copies among the vectors of a ranking, and keeps the first of each.

    A vector is a copy if its cosine to a kept vector before it is at least ``threshold``; it is
    then a copy of the first such vector. A row of zeros (no vector) is always kept. Vectors are
    compared with kept vectors only, so many copies of few pictures take little time.
    """

    def __init__(self, dim: int, threshold: float) -> None:
        # By the place of each kept vector in the ranking, the places of its copies.
        self.kept: dict[int, list[int]] = {}
        self._threshold = threshold - _ROUNDING
        self._kept_vectors = np.empty((_BLOCK_ROWS, dim), dtype=np.float32)  # (capacity, dim)
        self._kept_places = np.empty(_BLOCK_ROWS, dtype=np.int64)  # (capacity,)
        self._kept_count = 0
        self._seen = 0

    def __len__(self) -> int:
        return self._seen

    def add(self, vectors: Vectors) -> None:
        """Add the next (n, dim) unit vectors of the ranking."""
        start = 0
        while start < len(vectors):
            step = max(_BLOCK_ROWS, _MAX_COSINES // max(1, self._kept_count))
            self._add(np.asarray(vectors[start : start + step], dtype=np.float32))
            start += step

    def _add(self, chunk: Vectors) -> None:
        places = np.arange(self._seen, self._seen + len(chunk))
        copy_of = self._first_similar(chunk, 0)
        rest = np.flatnonzero(copy_of < 0)  # (r,): not copies of vectors before this chunk
        before = self._kept_count
        for start in range(0, len(rest), _BLOCK_ROWS):
            part = rest[start : start + _BLOCK_ROWS]
            copy_of[part] = self._compare(chunk[part], places[part], before)
        for place, kept_place in zip(places.tolist(), copy_of.tolist(), strict=True):
            if place == kept_place:
                self.kept[place] = []
            else:
                self.kept[kept_place].append(place)
        self._seen += len(chunk)

    def _compare(self, block: Vectors, places: NDArray[np.int64], since: int) -> NDArray[np.int64]:
        """Return the place of the kept vector that each vector (b, dim) is a copy of: (b,).

        Looks at kept vectors from ``since`` on. Vectors that are kept now are copies of themselves.
        """
        copy_of = self._first_similar(block, since)
        rest = np.flatnonzero(copy_of < 0)  # (r,)
        if not len(rest):
            return copy_of
        vectors = block[rest]
        similar = vectors @ vectors.T >= self._threshold  # (r, r)
        undecided = np.ones(len(rest), dtype=np.bool_)
        kept = []
        for index in range(len(rest)):
            if undecided[index]:
                copies = similar[index] & undecided
                copies[index] = True  # a row of zeros is not similar to itself
                copy_of[rest[copies]] = places[rest[index]]
                undecided &= ~copies
                kept.append(rest[index])
        self._keep(block[kept], places[kept])
        return copy_of

    def _first_similar(self, vectors: Vectors, since: int) -> NDArray[np.int64]:
        """Return the place of the first similar kept vector from ``since`` on: (n,); -1 if none."""
        copy_of = np.full(len(vectors), -1, dtype=np.int64)
        if self._kept_count > since:
            kept = slice(since, self._kept_count)
            similar = vectors @ self._kept_vectors[kept].T >= self._threshold  # (n, kept)
            copies = similar.any(axis=1)
            copy_of[copies] = self._kept_places[kept][similar[copies].argmax(axis=1)]
        return copy_of

    def _keep(self, vectors: Vectors, places: NDArray[np.int64]) -> None:
        before, after = self._kept_count, self._kept_count + len(vectors)
        if after > len(self._kept_vectors):
            spare = np.empty_like(self._kept_vectors)  # doubles the capacity
            self._kept_vectors = np.concatenate([self._kept_vectors[:before], spare, vectors])
            self._kept_places = np.resize(self._kept_places, len(self._kept_vectors))
        self._kept_vectors[before:after] = vectors
        self._kept_places[before:after] = places
        self._kept_count = after


def _vectors_of(candidates: Sequence[Candidate], view: ShopView, dim: int) -> Vectors:
    """Return the vector of the image by which each candidate was found: (n, dim).

    For candidates found by words it is that of the item's first image; zeros if it has none.
    """
    rows = np.array([candidate.row for candidate in candidates], dtype=np.int64)  # (n,)
    by_words = np.flatnonzero(rows < 0)
    if len(by_words):
        rows[by_words] = view.main_rows([candidates[place].item for place in by_words.tolist()])
    return view.vectors_of(rows, dim)
