"""From a question's direction and words to a ranking of items: filter, nearest, words, fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.confidence.curve import RIVALS
from search.cursor import MAX_DEPTH
from search.filters import without_key
from search.fusion import fuse
from search.live.view import Candidate, ShopView
from search.page import FoldedRanking, begin_of, leaders
from search.query import ItemPart, Query, TextPart
from search.ranking import Asked, Ranked, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Embedding
    from search.confidence import Judge
    from search.cursor import Cursor
    from search.hits import FacetValue, Mode
    from search.live.columns import Mask
    from search.live.recall import RecallWatch
    from search.live.shop import LiveShop

_FUSE_DEPTH = 200  # how deep rankings are fused, at least
_MAX_FOLDED = 20_000  # how deep copies are folded to fill a page, if all before are copies
_MOST_COMPARED = 20_000_000  # pairs of pictures, about half a second: then the page stays short
_MAX_MATCHES = 50_000  # items that a query by words considers, where no filter asks for others


class Finder:
    """Finds items in views of one shop. Thread-safe."""

    def __init__(self, live: LiveShop, judge: Judge, watch: RecallWatch, dim: int) -> None:
        """``dim`` is that of the encoder whose vectors are searched."""
        self._live = live
        self._judge = judge
        self._watch = watch
        self._dim = dim

    def asked(self, query: Query, view: ShopView) -> Asked:
        """What the question allows in this view. BadQuery where the filter names no field."""
        groups = view.product if query.group == "product" else np.arange(view.size)
        allowed = view.columns.alive if query.filter is None else view.columns.mask(query.filter)
        if any(isinstance(part, ItemPart) for part in query.parts):
            allowed = allowed & ~_named(query, view, groups)
        scores = self._scores(query, view)
        matches = _ranked(
            {number: score for number, score in scores.items() if allowed[number]}, view
        )
        worded = np.fromiter(scores, dtype=np.int64, count=len(scores))
        return Asked(query, view, groups, allowed, matches, worded)

    def ranking(self, asked: Asked, vector: Embedding | None, cursor: Cursor | None) -> Ranking:
        """The hits as far as this page needs, and one more if there is one.

        ``vector`` (dim,) is the direction of what is looked for; None where only words are.
        """
        query = asked.query
        folding = None
        if query.collapse is not None:
            folding = FoldedRanking(query.collapse, asked.view, self._dim)
        fuse_depth = cursor.depth if cursor else max(_FUSE_DEPTH, 10 * query.limit)
        depth = (cursor.seen if cursor else 0) + query.limit + 1
        most = (MAX_DEPTH if folding is None else _MAX_FOLDED) + query.limit + 1
        first: list[Candidate] = []
        whole = False
        while True:
            if not whole:
                found, mode = self._found(asked, vector, depth, fuse_depth)
                first = leaders(found, asked.groups)
                whole = mode in ("lexical", "fused") or len(first) < depth
            # Folded only as deep as is looked: a ranking by words may be as long as the shop.
            near = first if folding is None else first[:depth]
            ranked = [Ranked(one, []) for one in near] if folding is None else folding.look(near)
            cosines = mode in ("exact", "ann")
            begin = begin_of(ranked, cursor, asked.view, cosines=cosines)
            # Copies may fill the page, and what was written since may stand before it.
            enough = len(ranked) > begin + query.limit
            whole_looked = whole and len(near) == len(first)
            dear = folding is not None and folding.compared > _MOST_COMPARED
            if enough or depth >= most or whole_looked or dear:
                return Ranking(ranked, begin, mode, fuse_depth)
            depth = min(4 * depth, most)

    def total(self, asked: Asked, mode: Mode) -> int:
        """How many items pass the filter and, where only words are looked for, match one."""
        return len(asked.matches) if mode == "lexical" else int(np.count_nonzero(asked.allowed))

    def facets(self, asked: Asked, mode: Mode) -> dict[str, list[FacetValue]]:
        """The values of each field asked for, counted as if that field were not filtered."""
        # Each once: a field of as many values as items takes seconds in a large shop.
        return {key: self._facet(asked, key, mode) for key in dict.fromkeys(asked.query.facets)}

    def _scores(self, query: Query, view: ShopView, *, unwanted: bool = False) -> dict[int, float]:
        """The items with the words of the query's positive text parts, and their scores.

        With ``unwanted`` those of the negative ones, whose scores are below 0.
        """
        scores: dict[int, float] = {}
        for part in query.parts:
            if isinstance(part, TextPart) and (part.weight < 0) == unwanted:
                for number, score in self._worded(part, query, view):
                    scores[number] = scores.get(number, 0.0) + part.weight * score
        return scores

    def _worded(self, part: TextPart, query: Query, view: ShopView) -> list[tuple[int, float]]:
        """The items with the words of one part and their scores, best first."""
        limit = _MAX_MATCHES if query.filter is None else view.size
        ids, bm25 = self._live.words.search(part.text, limit, sequence=view.sequence)
        pairs = zip(map(view.number, ids), bm25.tolist(), strict=True)
        return [(number, score) for number, score in pairs if number >= 0]

    def _found(
        self, asked: Asked, vector: Embedding | None, depth: int, fuse_depth: int
    ) -> tuple[list[Candidate], Mode]:
        """Candidates in their final order, at most one of each item, and how they came.

        By a vector alone at least ``depth`` groups, if so many are allowed.
        """
        query, view = asked.query, asked.view
        words = [part for part in query.parts if isinstance(part, TextPart)]
        if vector is None:
            less = self._scores(query, view, unwanted=True)
            if not less:
                return asked.matches, "lexical"
            scores = {one.item: one.score + less.get(one.item, 0.0) for one in asked.matches}
            return _ranked(scores, view), "lexical"
        mask = None if asked.allowed is view.columns.alive else asked.allowed
        if not words:
            # Rivals are looked for also where fewer hits are wanted: a hit is as sure in any reply.
            depth = max(depth, RIVALS + 1)
            reached = view.nearest(vector, mask, asked.groups, depth, self._watch)
            return self._judge.judged(query, reached.found, view.product), reached.mode
        reached = view.nearest(vector, mask, asked.groups, fuse_depth, self._watch)
        seen = self._judge.judged(query, reached.found, view.product)
        others = [part for part in query.parts if not isinstance(part, TextPart)]
        weight = sum(part.weight for part in words if part.weight > 0)
        unwanted = [self._unwanted(part, asked) for part in words if part.weight < 0]
        scores = fuse(
            [
                ([one.item for one in seen], sum(abs(part.weight) for part in others) or weight),
                ([one.item for one in asked.matches[: 5 * fuse_depth]], weight),
                *unwanted,
            ]
        )
        seen_as = {one.item: one for one in seen}
        positive = set(seen_as) | {one.item for one in asked.matches}
        unseen = Candidate(-1, -1, 0.0)
        return [
            seen_as.get(item, unseen)._replace(item=item, score=score)
            for item, score in scores.items()
            if item in positive
        ], "fused"

    def _unwanted(self, part: TextPart, asked: Asked) -> tuple[list[int], float]:
        """The items with words to stay away from, best first, and how much they count."""
        found = self._worded(part, asked.query, asked.view)
        return [number for number, _ in found if asked.allowed[number]], part.weight

    def _facet(self, asked: Asked, key: str, mode: Mode) -> list[FacetValue]:
        query, view = asked.query, asked.view
        columns = view.columns
        others = without_key(query.filter, key)
        if others == query.filter:
            mask = asked.allowed
        else:
            mask = columns.mask(others) & ~_named(query, view, asked.groups)
        if mode == "lexical":
            hit = np.zeros(view.size, dtype=np.bool_)
            hit[asked.worded] = True
            mask = mask & hit  # a new one: the other may be that of all items
        return columns.facet(key, mask)


def _ranked(scores: dict[int, float], view: ShopView) -> list[Candidate]:
    """Items by their scores, best first; of equal ones by id, as in every other process."""
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], view.ids[pair[0]]))
    return [Candidate(number, -1, score) for number, score in ranked]


def _named(query: Query, view: ShopView, groups: NDArray[np.int64]) -> Mask:
    """The items that the query itself names, with all that is in their groups: (size,)."""
    named = np.zeros(view.size, dtype=np.bool_)
    for part in query.parts:
        if isinstance(part, ItemPart) and (number := view.number(part.item_id)) >= 0:
            named |= groups == groups[number]
    return named
